"""Care of a lake: the same rows in fewer files, nothing superfluous on the disk, a list of what is wrong.

Refused: joining files while derived tables are behind. A problem found by `verify` is a row of its answer.
"""
