"""Rotate: a lake under new keys, after which the old token key is of no use to anybody.

The vault tells which identifier is behind each token, so every token is made again under a new key. That
happens in a copy beside the lake, which takes its place in one move, and the old keys are destroyed:

    1  keys       KEYS/_next, made beside those in force
    2  copy       .LAKE.rotation, data files as hard links: rows rewritten, derived tables recomputed,
                  log and files of before taken away
    3  exchange   LAKE and its copy, in one move; from here on the rotation has happened
    4  keys       KEYS/_next becomes KEYS/_new, which replaces what lies beside it
    5  tidy up    the lake of before, lists that `watch` has sent, the old token key

A kill before 3 leaves the lake as it was, one after it the new lake; opening it does 4, and the next
`rotate` what is left.
"""

import contextlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pipelines.drivers.recompute import bring_up_to_date
from pipelines.errors import ServiceError
from pipelines.lake import (
    NO_TABLE,
    DataFile,
    Lake,
    LakeLike,
    LiveFile,
    commit,
    open_lake,
    snapshot,
    write_data_file,
)
from pipelines.lake.durable_files import writing
from pipelines.lake.forgotten import read_forgotten, write_forgotten
from pipelines.lake.lake_root import describe, is_same, readable_keys
from pipelines.lake.read_rows import read_live_file
from pipelines.lake.writer_lock import writing_alone
from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.key_rotation import destroy_old, drop_next, is_taken, make_next, take_next
from pipelines.privacy.keys import Keys
from pipelines.privacy.ledger import Asker, Question, record
from pipelines.registry.unregistered_scans import registry_of, write_unregistered
from pipelines.retention.beside_lake import check_place, copy_beside, remove_beside, take_place
from pipelines.retention.forget import COMPUTED, cut_all
from pipelines.retention.retoken import NewTokens, check_authority, new_tokens, person_columns, retokened
from pipelines.retention.scrub import sweep_all
from pipelines.terminal.options import beside, keys_folder
from pipelines.windowing.lake_stay_rules import check_stay_rules
from schemas.tables import ALL_TABLES, VAULT, Table


@dataclass(frozen=True)
class Rotated:
    """What a rotation did.

    >>> Rotated({"vault": 3}).rows["vault"]
    3

    Attributes:
        rows: how many rows got new tokens, by table of what was received.
        finished: whether an interrupted rotation was finished, and no other one begun.
        no_longer_refused: how many identifiers were erased by a link alone, which are accepted from now on.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    finished: bool = False
    no_longer_refused: int = 0


def rotate(
    lake: LakeLike,
    authority_key: str | Path,
    *,
    keys: str | Path | None = None,
    asker: Asker | None = None,
    runner: str = "direct",
) -> Rotated:
    """Make every token again under a new key, in one move, and destroy the old key.

    Answers are the same afterwards but for the tokens. Lists that were exported before no longer join.
    Killed anywhere, it leaves the old lake or the new one; called again, it finishes what was begun.

    Args:
        lake: the lake, or where it lies: a folder.
        authority_key: the file of the authority's private key, which opens the vault.
        keys: folder of the keys; None is `LAKE.keys`.
        asker: who asks and why, for the ledger; None is the account of the operating system.
        runner: the name of the Beam runner.

    Raises:
        RefusedError: the key is another authority's, the vault lacks a person, the lake is being written,
            was made with other keys or cannot be exchanged in one move, or the ledger cannot be written.
        DataError: there is no lake, or a file is damaged.
        ServiceError: the disk is full or cannot be written; the lake is as it was.
    """
    url = lake.url if isinstance(lake, Lake) else str(lake)
    folder = keys_folder(None if keys is None else str(keys), url)
    where = open_lake(url, folder)
    authority = load_authority(Path(authority_key))
    check_authority(readable_keys(folder), authority)
    check_stay_rules(where)
    record(where.url, Question("rotate", (), None, snapshot(where, "scans").version), asker)
    # Tried before the lake is copied.
    check_place(where)
    with writing_alone(where):
        # An earlier rotation took place but was not tidied up: finish only that.
        if is_taken(folder):
            _tidy_up(where, folder)
            return Rotated(finished=True)
        # Counted before the copy drops them.
        by_link_alone = len(read_forgotten(where).linked)
        try:
            rows = _rotated_copy(where, make_next(folder), authority, runner)
            take_place(where)
        except (Exception, KeyboardInterrupt):
            _undo(where, folder)
            raise
        # The rotation has happened. After a kill here, opening the lake takes the new keys.
        take_next(folder)
        # Open it again: `where` has the old fingerprint.
        _tidy_up(open_lake(url, folder), folder)
        return Rotated(rows, no_longer_refused=by_link_alone)


def _rotated_copy(lake: Lake, keys: Keys, authority: X25519PrivateKey, runner: str) -> dict[str, int]:
    """Make a copy of a lake that has new keys, and nothing of the old ones in any file."""
    copy = copy_beside(lake)
    # From here on the copy is a lake of the new keys.
    describe(copy, keys)
    forgotten = read_forgotten(copy)
    # Of linked identifiers only hashes of tokens are kept, and no key makes those tokens any more.
    forgotten = replace(forgotten, number=forgotten.number + 1, linked={})
    write_forgotten(copy, forgotten)
    tokens = new_tokens(copy, authority, keys)
    rows = {
        name: _rewrite(copy, table, tokens)
        for name, table in ALL_TABLES.items()
        # Derived tables are recomputed below.
        if name not in COMPUTED and _has_tokens(table) and snapshot(copy, name).version != NO_TABLE
    }
    bring_up_to_date(copy, everything=True, runner=runner)
    cut_all(copy, forgotten.number, runner)
    # Everything older than now: nobody has opened the copy, so no reader needs it.
    sweep_all(copy, time.time())
    shutil.rmtree(copy.scratch(""), ignore_errors=True)
    return rows


def _has_tokens(table: Table) -> bool:
    return bool(person_columns(table)) or table.name == "retries"


def _rewrite(lake: Lake, table: Table, tokens: NewTokens) -> int:
    """Replace all files of a table in one commit; how many rows they hold."""
    base = snapshot(lake, table.name)
    # The new vault comes whole from `new_tokens`; other tables are rewritten file by file.
    if table is VAULT:
        written = [write_data_file(lake, table, {}, tokens.vault)] if tokens.vault.num_rows else []
    else:
        written = [_rewrite_file(lake, table, file, tokens) for file in base.files]
    # One commit, so that no version mixes old and new tokens.
    commit(lake, table.name, written, remove=base.files, after=base.version, note={"reason": "rotate"})
    return sum(file.rows for file in written)


def _rewrite_file(lake: Lake, table: Table, file: LiveFile, tokens: NewTokens) -> DataFile:
    partition = {name: file.partition[name] for name in table.partition}
    rows = retokened(table, partition, read_live_file(file, table.file_schema), tokens)
    written = write_data_file(lake, table, partition, rows)
    if table.name == "scans":
        write_unregistered(lake, written, rows, registry_of(lake))
    return written


def _undo(lake: Lake, folder: Path) -> None:
    """Take away what a rotation that failed has made, unless the lake has the new keys already."""
    if is_same(lake):  # still the old keys: the lakes were not exchanged
        with contextlib.suppress(ServiceError):
            remove_beside(lake)
            drop_next(folder)


def _tidy_up(lake: Lake, folder: Path) -> None:
    """Remove all that holds old tokens or keys; the new keys are in force."""
    remove_beside(lake)
    sent = beside(lake.url, "sent")  # lists of `watch`: sent whole once more, for receivers know old tokens
    with writing(sent):
        if sent.exists():
            shutil.rmtree(sent)
    destroy_old(folder)
