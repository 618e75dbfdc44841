"""What was refused: reasons, rows of `rejects`, lines and files that say so.

In: records with their first defect. Out: a digest each, never the record. Refused: nothing.
"""
