"""The registry of places, kept by hand or from files.

In: a place, or files of places, as `truyvet run --venues` takes them.
Out: rows of `venues`, whose versions are its history, and stays computed again where they change.
Refused: districts that do not exist, a code that is registered already, a move of what is no vehicle.
"""
