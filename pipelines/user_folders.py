"""The folders of this account by the XDG Base Directory rules: for caches, keys and ledgers."""

import os
from pathlib import Path


def user_folder(variable: str, below_home: str) -> Path | None:
    """Return the folder that a variable names, else one below the home folder; None without a home.

    A relative path is ignored, as the rules demand: it would be another folder in each
    working directory, and what lies in a cache of kernels is executed.

    Args:
        variable: such as `XDG_CACHE_HOME`.
        below_home: such as `.cache`.
    """
    for path in (os.environ.get(variable, ""), os.path.expanduser(f"~/{below_home}")):
        if os.path.isabs(path):
            return Path(path)
    return None
