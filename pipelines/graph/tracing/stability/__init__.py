"""How much of a list would remain if a tenth of the scans, of the visits or of the people were missing.

In: the rows of a trace, and the stays, scans and encounters of the people in them. Out: for each row the
share of draws that keep it. Refused: fewer than one draw. Imports no Beam.
"""
