"""The receipt of an erasure: what went, and what the lake is since, signed; it names nobody."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import DataError, RefusedError, ServiceError, UsageError
from pipelines.kernels.types import Int64
from pipelines.lake import NO_TABLE, Lake, read_table, snapshot
from pipelines.lake.kept_objects import kept_objects
from pipelines.privacy.key_folders import write_private
from pipelines.privacy.ledger import Head
from schemas.tables import ALL_TABLES

FORMAT: Final = 1


def check_receipt(lake: Lake, path: Path) -> None:
    """Refuse a receipt that cannot be written, or that could not be true, before anything is erased.

    Raises:
        UsageError: its folder does not exist.
        RefusedError: the lake lies in an object store that keeps what is deleted, or does not say.
    """
    check_store(lake)
    # Checked now: after the erasure it would be too late.
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise UsageError("--receipt cannot be written", "name a file in a folder that exists")


def check_store(lake: Lake) -> None:
    """Refuse a receipt where the store of a lake keeps what is deleted, or does not say whether it does.

    Raises:
        RefusedError: no receipt may be signed.
    """
    kept = kept_objects(lake.url)
    if kept.keeps is not False:
        raise RefusedError(
            f"--receipt cannot be signed: {kept.detail}", f"{kept.remedy}; or leave --receipt out"
        )


def check_gone(lake: Lake, persons: Int64) -> None:
    """Look for tokens in every table once more.

    Raises:
        DataError: one is there, so no receipt may be signed.
    """
    for name, table in ALL_TABLES.items():
        # By name, not by the schema's `token` mark, which scanners have as well.
        columns = [field.name for field in table.schema if field.name.startswith("person")]
        columns = [name for name in columns if name != "person_seconds"]
        if columns and snapshot(lake, name).version != NO_TABLE:
            rows = read_table(lake, name, columns)
            if any(np.isin(rows[column].to_numpy(), persons).any() for column in columns):
                raise DataError(f"{name} still holds a person who was erased", "run truyvet erase again")


def write_receipt(path: Path, said: Mapping[str, Any], key: Ed25519PrivateKey) -> None:
    """Write a receipt as JSON and its raw signature beside it as `….sig`.

    Raises:
        ServiceError: it cannot be written.
    """
    # The signature is over exactly these bytes.
    content = orjson.dumps(said, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2) + b"\n"
    try:
        write_private(path, content)
        write_private(path.with_name(f"{path.name}.sig"), key.sign(content))
    except OSError as error:
        raise ServiceError("--receipt cannot be written", error.strerror or "name another file") from error


def receipt(
    lake: Lake,
    removed: Mapping[str, int],
    *,
    persons: int,
    references: Mapping[str, str],
    head: Head,
    key: Ed25519PrivateKey,
) -> dict[str, Any]:
    """Return what a receipt says.

    Args:
        lake: after the erasure.
        removed: how many rows went, by table.
        persons: how many were erased.
        references: `request` and `decision`, as given.
        head: of the ledger, with the line of this erasure.
        key: signs the receipt.
    """
    tables = {name: snapshot(lake, name) for name in ALL_TABLES}
    # The same fingerprint of a key as in the manifest of a list.
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "format": FORMAT,
        "what": "erasure",
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        **references,
        "persons": persons,
        "rows_removed": dict(removed),
        "tables": {
            name: {"version": found.version, "files_sha256": _hash(file.relative for file in found.files)}
            for name, found in tables.items()
            if found.version != NO_TABLE
        },
        "ledger": {"seq": head.seq, "mac": head.mac},
        "key_sha256": hashlib.sha256(der).hexdigest(),
    }


def _hash(paths: Any) -> str:
    """Hash the names of files, which hold the hashes of their bytes."""
    return hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()
