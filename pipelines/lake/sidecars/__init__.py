"""Columns beside a data file, mapped into memory and checked block by block where they are touched.

In: a live data file. Out: its columns; a sidecar that is missing or damaged is made again. Refused: a damaged
data file.
"""
