"""Compiled and array functions that all stages share: hashing, sorting, grouping, bytes, text.

In and out: NumPy arrays and Arrow columns. Nothing here knows the lake, Beam
or a wire contract, and nothing is refused but by the checks of the caller.
"""
