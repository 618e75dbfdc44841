"""Accepted scans and the registry come in; `stays` in both orders and `footfall` go out, date by date.

Both are a pure function of what comes in, and only dates that it changes for are written again.
Refused: durations of another version than the lake's, unless everything is written again.
"""
