"""A block of records as checked columns.

In: blocks of NDJSON lines or of columns, and the limits of the batch. Out: scans with tokens, instants and
event keys, or rows of another input, and for each refused record its reason. Refused: the first defect in
the order of the wire contract counts, and no record raises an exception.
"""
