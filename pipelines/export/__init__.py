"""Exposure lists: the rows of a trace in; what an authority reads, calls from, signs and hands over out.

A list is a folder of files with a signed manifest. Refused: an existing folder,
a wrong private key, an earlier list of another question, a register that names
a person twice. Nothing half-written is left behind.
"""
