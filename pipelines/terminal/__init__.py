"""The command line's side of things: flags in, rows, pictures, progress and one-line errors out.

In: words of a command line, and Arrow tables. Out: parsed flags; tables, CSV, JSON, Parquet and workbooks
that are written whole or not at all, for their owner alone. Refused: unknown flags, formats and endings.
"""
