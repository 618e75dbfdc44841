"""Keep the messages of libraries off standard error."""

import logging
import os


def silence_libraries() -> None:
    """Leave standard error to our own words: Beam warns while it is imported and logs what it also raises."""
    if not os.environ.get("TRUYVET_DEBUG"):
        logging.getLogger().setLevel(logging.CRITICAL)
