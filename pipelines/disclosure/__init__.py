"""Published counts: tables from which nobody can derive how few people a cell holds.

In: tables of the lake, and the register of what was released of them. Out: counts with small cells and those
that would give them away hidden, rounded, or with noise; and what a reader can derive of the hidden ones.
Refused: the same counts in another cut, or with less protection. Imports no Beam.
"""
