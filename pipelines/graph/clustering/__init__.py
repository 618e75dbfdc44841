"""Where cases meet: venues and windows with more cases than chance explains, and what cases share.

In: the stays of cases and of everybody at the same venues. Out: windows with Poisson tails and
Benjamini-Hochberg q-values; venues, people and gatherings shared before cases became infectious.
Refused: cases without onset and sample are skipped with a line.
"""
