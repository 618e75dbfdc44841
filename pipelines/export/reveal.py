"""Open the identifiers of a list's persons with the authority's private key."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from pipelines.privacy.key_folders import load_authority
from pipelines.privacy.vault import unseal


def revealed(lake: Lake, persons: Int64, authority_key: str | Path) -> dict[int, tuple[str, str]]:
    """The kind and the canonical value of each person's identifier.

    Args:
        lake: where the vault lies.
        persons: int64[n], tokens.
        authority_key: the file of the private key.

    Returns:
        By token `(kind, value)`; tokens that the vault does not hold are left out.

    Raises:
        DataError: the key file is missing or not a key, or the vault was sealed to another key.
    """
    private = load_authority(Path(authority_key))
    rows = read_table(lake, "vault", ["person", "sealed"])
    wanted = rows.filter(pc.is_in(rows["person"], pa.array(np.unique(persons))))
    found = {}
    for token, identifier in zip(wanted["person"].to_pylist(), unseal(private, wanted), strict=True):
        kind, _, value = identifier.partition(":")
        found[token] = (kind, value)
    return found
