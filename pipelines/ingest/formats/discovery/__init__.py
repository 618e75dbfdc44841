"""Which files an input names, of which kind they are, and their bytes in order.

In: paths and URLs. Out: streams of bytes. Refused: a file that cannot be read.
"""
