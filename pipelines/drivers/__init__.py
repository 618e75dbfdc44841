"""What puts several stages together: files to the lake, and all derived tables brought up to date.

In: paths, a lake and limits. Out: a report of what became of each record, and newer versions of the tables.
Refused: nothing of their own; errors are those of the stages.
"""
