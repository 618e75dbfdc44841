"""Everything that touches a raw identifier or a secret key.

In: identifiers as people write them, and a folder of keys.
Out: canonical identifiers, tokens, digests and sealed rows; keys never leave this package's objects.
Refused: malformed identifiers and damaged or foreign keys, without showing either.
"""
