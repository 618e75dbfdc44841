"""Whole dates of venues swept at once, for hops with many infectors.

In: stays of a date, by venue. Out: exposures. Refused: nothing.
"""
