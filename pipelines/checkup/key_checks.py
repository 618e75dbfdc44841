"""Checks of the keys, of the ledger and of what was verified last."""

import datetime as dt
import os
from pathlib import Path
from typing import Final

from pipelines.checkup.check import BAD, OK, WARN, Check
from pipelines.checkup.said import Age, Count, Said
from pipelines.errors import RefusedError
from pipelines.lake import Lake, open_lake
from pipelines.lake.lake_root import readable_keys
from pipelines.lake.read_errors import denied
from pipelines.maintenance.last_verify import last_verify
from pipelines.privacy.key_folders import AUTHORITY_PRIVATE, NEW_KEYS, NEXT_KEYS
from pipelines.privacy.ledger import LINES
from pipelines.privacy.ledger_check import check_ledger

VERIFY_DAYS: Final = 7


def keys(lake: Lake, folder: Path) -> Check:
    """Check that the keys are here, and that they are those of the lake."""
    if not _is_there(folder) or not any(folder.iterdir()):
        detail = Said(
            "no keys in {folder}: this machine can load no scans and look up no identifier",
            folder=str(folder),
        )
        return Check("keys", WARN, detail, "name their folder with --keys, or restore it from a backup")
    held = readable_keys(folder)
    # `open_lake` compares the fingerprints.
    try:
        open_lake(lake.url, held)
    except RefusedError as error:
        detail = Said("{folder} holds other keys than those of the lake", folder=str(folder))
        return Check("keys", BAD, detail, error.remedy)
    return Check("keys", OK, Said("fingerprint {fingerprint}, the lake's own", fingerprint=held.fingerprint))


def rotation(folder: Path) -> Check:
    """Check that no rotation of the keys was left half done."""
    left = {NEXT_KEYS, NEW_KEYS} & set(os.listdir(folder) if _is_there(folder) else ())
    if left:
        detail = Said("a rotation was interrupted: {place} is left", place=str(folder / min(left)))
        return Check("rotation", BAD, detail, "run the same truyvet rotate again")
    return Check("rotation", OK, "none is unfinished")


def private_key(folder: Path) -> Check:
    """Check that the authority's private key has left this machine."""
    name = "authority key"
    if not _is_there(folder):
        return Check(name, OK, "there is no folder of keys here")
    if AUTHORITY_PRIVATE in os.listdir(folder):
        detail = Said(
            "{path} opens every sealed identifier, and still lies beside the keys",
            path=str(folder / AUTHORITY_PRIVATE),
        )
        return Check(name, WARN, detail, "move it to the authority's own machine")
    return Check(name, OK, "the private key is not here")


def ledger(folder: Path) -> Check:
    """Check the chain of the ledger, and that it can be written."""
    if not _is_there(folder) or LINES not in os.listdir(folder):
        return Check("ledger", OK, "nothing was asked on this machine yet")
    head, flaw = check_ledger(folder)
    if flaw is not None:
        detail = Said("{folder}: {flaw}", folder=str(folder), flaw=str(flaw))
        return Check("ledger", BAD, detail, "keep it as it is and restore a backup")
    lines = Said("{lines}, all sound", lines=Count(head.seq, "line"))
    # By default `os.access` asks about the real user, not the effective one.
    if not os.access(folder / LINES, os.W_OK, effective_ids=True):
        detail = Said("{lines}; this account may not add to it, so it is refused answers", lines=lines)
        return Check(
            "ledger", WARN, detail, "name another ledger with --ledger, or ask for the right to write"
        )
    return Check("ledger", OK, lines)


def verified(lake: Lake, now: dt.datetime) -> Check:
    """Check when all files of the lake were compared with their hashes last, and what came of it."""
    found = last_verify(lake)
    if found is None:
        return Check("verify", WARN, "the lake was never verified as a whole", "run truyvet verify")
    age = max(0.0, (now - found.at).total_seconds())  # `--now` may lie before it
    detail = Said("{files} {age} ago", files=Count(found.files, "file"), age=Age(age))
    if found.problems:
        bad = Said("{verified}: {problems}", verified=detail, problems=Count(found.problems, "problem"))
        return Check("verify", BAD, bad, "run truyvet verify")
    if age > VERIFY_DAYS * 86_400:
        return Check("verify", WARN, detail, "run truyvet verify once a week")
    return Check("verify", OK, Said("{verified}, no problem", verified=detail))


def _is_there(folder: Path) -> bool:
    """Return whether there is a folder.

    Raises:
        DataError: this account may not look into it.
    """
    try:
        os.listdir(folder)
    except PermissionError as error:
        raise denied(folder) from error
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
