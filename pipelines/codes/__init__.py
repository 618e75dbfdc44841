"""QR codes: our own for places, and one decoder for the public formats.

In: the raw text of a scanned code, and the keys that are trusted.
Out: venue, zone, name, validity and direction, graded by what vouches for them; or a person.
Refused: every other text, with a reason and never an exception. No link is followed, nothing is rendered.
"""
