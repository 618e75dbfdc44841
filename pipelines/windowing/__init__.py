"""From accepted scans and the registry to `stays` in both orders and `footfall`, date by date.

In: `scans` and `venues`. Out: `stays`, `footfall`, and `long_pairs`, which the lake keeps for itself.
All three are pure functions of the input; only dates that change are rewritten.
Refused: other durations than the lake's stays were made with, unless everything is rewritten.
"""
