"""Exposure lists as the files of other systems: SORMAS, Go.Data, epicontacts, GraphML.

In: a list that was made. Out: files in its folder, read back and compared. Refused: nothing; what a
target cannot hold is left out and counted.
"""
