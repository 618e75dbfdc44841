"""The table `point_days`: what each point counts on each local day, for lakes that ask for it.

In: `scans`. Out: rows that are a function of the accepted scans alone, whatever the order and the batches
they came in; the registry is applied when a question is asked. Made by `truyvet recompute --point-days`, and
from then on kept up to date for the days that change. Not made by every `run`, since a week is counted from
its scans in less time than each batch would take to keep the table; it pays where the history is long.
"""
