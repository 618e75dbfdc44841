"""The QR codes of places: our own, and one decoder for the public formats.

In: the raw text of a scanned code, and the keys that are trusted.
Out: venue, zone, name, validity and direction, graded by what vouches for them; or a person.
Refused: every other text, with a reason and never an exception; no code is followed or rendered.
"""
