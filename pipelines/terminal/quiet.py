"""Keep the messages of libraries off standard error."""

import logging
import os


def silence_libraries() -> None:
    """Keep standard error for our own messages: Beam warns on import and logs errors that it also raises."""
    if not os.environ.get("TRUYVET_DEBUG"):
        logging.getLogger().setLevel(logging.CRITICAL)
