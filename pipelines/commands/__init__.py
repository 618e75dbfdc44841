"""The commands of `truyvet`, one per file, named as the command.

In: parsed flags. Out: an exit code, rows or one JSON line on standard output, words on standard error.
Refused: flags that contradict one another. Parsing and printing only: the work is done by public functions,
imported by `run`, so that `--help` loads neither Beam nor compiled kernels.
"""
