"""What becomes a row of `contacts` unless a lake was given other limits."""

from typing import Final

MIN_MINUTES: Final = 15
"""The shortest contact."""

CROWD_CAP: Final = 500
"""A window with more people is a crowd, not expanded into pairs."""
