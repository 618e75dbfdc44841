"""Care of a lake: small files merged, dead files removed, every file checked against its hash.

In: a lake. Out: new versions of its tables with the same rows, and a list of what is damaged.
Refused: nothing; a concurrent writer wins, and the work is done again.
"""
