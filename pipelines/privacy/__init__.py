"""The only place that sees who a person is: raw identifiers in; tokens, seals and digests out.

In: identifiers of records, and key files outside the lake. Out: their canonical spelling, keyed tokens, rows
of the vault that only the authority can open, sealed segments. Refused: malformed identifiers and damaged,
missing or foreign keys. No identifier appears in an error, a log or a table.

`identifiers` brings a phone or another identifier to its canonical spelling, `keys` turns that into a token,
and `vault` seals it.
"""
