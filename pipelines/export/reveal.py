"""Open the identifiers of a list's persons with the authority's private key.

Of a human with several identifiers all are opened, and one is shown: a phone, since the list is there to be
called, else the strongest. A phone that several people share is linked to nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import RefusedError
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from pipelines.linkage.human_lake import human_of, tokens_of
from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.vault import key_id, unseal

_SHOWN: Final = ("phone", "cccd", "qid", "bhyt", "passport", "cmnd", "device")
"""Kinds of identifiers, the one to be shown first."""


@dataclass(frozen=True)
class Revealed:
    """What was opened.

    Example:
        >>> Revealed({7: ("phone", "+84905123456")}, opened=2).identifier[7][0]
        'phone'

    Attributes:
        identifier: by token of a person the kind and the canonical value of the identifier to be shown.
        opened: how many identifiers were opened.
    """

    identifier: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    opened: int = 0


def revealed(lake: Lake, persons: Int64, authority_key: str | Path) -> Revealed:
    """Open the identifiers of persons.

    Args:
        lake: where the vault lies.
        persons: int64[n], tokens.
        authority_key: the file of the private key.

    Returns:
        Persons that the vault does not hold are left out. Of several phones the one with the smallest token
        is shown.

    Raises:
        DataError: the key file is missing or not a key, or a row of the vault is damaged.
        RefusedError: the vault was sealed to another key.
    """
    private = load_authority(Path(authority_key))
    # Whole, for a vault has no index by person.
    rows = read_table(lake, "vault", ["person", "sealed", "key_id"])
    # All tokens of each human: the phone may lie under another one than the row's.
    tokens = tokens_of(lake, np.unique(persons))
    # Sorted by token, so that of equals the smaller one is kept below.
    wanted = rows.filter(pc.is_in(rows["person"], pa.array(tokens))).sort_by("person")
    # Compared before anything is decrypted, to tell a wrong key from damage.
    own = key_id(private.public_key().public_bytes_raw())
    if not pc.all(pc.equal(wanted["key_id"], own)).as_py() and wanted.num_rows:
        raise RefusedError(
            "--authority-key is not the key that the vault was sealed to",
            "name the private key of its authority",
        )
    identifier: dict[int, tuple[str, str]] = {}
    owners = human_of(lake, wanted["person"].to_numpy()).tolist()
    # identifier: by human, the most useful kind so far
    for person, text in zip(owners, unseal(private, wanted), strict=True):
        kind, _, value = text.partition(":")
        held = identifier.get(person)
        if held is None or _SHOWN.index(kind) < _SHOWN.index(held[0]):
            identifier[person] = (kind, value)
    # All that were opened count, also those that are not shown.
    return Revealed(identifier, wanted.num_rows)
