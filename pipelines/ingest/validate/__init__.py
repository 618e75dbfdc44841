"""Blocks of records as checked columns.

In: blocks that `pipelines.ingest.formats` has read, and the keys.
Out: columns of the lake's types, persons as tokens, and the identifiers to seal.
Refused: a record gets a reason code (`pipelines.ingest.reject_reasons`), never an exception.
"""
