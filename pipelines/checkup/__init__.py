"""Look after a lake: is it private, up to date, and as small and as short-lived as was promised?

In: a lake, its keys, its ledger and the machine. Out: a row a check, with its remedy. Nothing is written,
and nothing is refused: what this account may not look at is a row that says so.
"""
