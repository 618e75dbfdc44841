"""Contacts: stays, encounters and cases in; infectious windows and who met whom out.

Nothing of a record is written but keyed tokens. Refused: a case with neither
onset nor sample, a rule pack that is wrong.
"""
