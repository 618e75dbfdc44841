"""Persons that the vault does not hold yet: of a bundle of chunks, and of a batch before its commit."""

import threading
from collections.abc import Sequence

import pyarrow as pa

from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.types import Int64
from pipelines.lake import DataFile, Lake, read_table, storage, write_data_file
from schemas.tables import VAULT


class Unsealed:
    """Hands out each token that still has to be sealed once, to one of several threads.

    Lives as long as a Beam bundle: a bundle that is retried must seal again, for
    what its first attempt wrote may be lost.

    Example:
        >>> import numpy as np
        >>> unsealed = Unsealed(np.array([7]))
        >>> unsealed.claim(np.array([7, 8, 9])).tolist()
        [1, 2]
        >>> unsealed.claim(np.array([9, 10])).tolist()
        [1]
    """

    def __init__(self, sealed: Int64) -> None:
        """Start with the tokens that the vault holds, int64[n] in any order."""
        self._lock = threading.Lock()
        self._sealed = IdSet(sealed)

    def claim(self, tokens: Int64) -> Int64:
        """Return the positions in `tokens` (distinct, int64[n]) that the caller has to seal."""
        with self._lock:
            return self._sealed.add(tokens)


def sealed_once(lake: Lake, files: Sequence[DataFile], version: int) -> list[DataFile]:
    """Drop rows of new vault files whose person is in the vault or in an earlier file.

    Two inputs of a batch may name the same person, and another run may have sealed him meanwhile.

    Args:
        lake: of the files.
        files: new files of the vault.
        version: of the vault to compare with.
    """
    unsealed = Unsealed(read_table(lake, "vault", ["person"], version)["person"].to_numpy())
    kept = []
    for file in files:
        path = f"{lake.table_url(file.table)}/{file.path}"
        fresh = unsealed.claim(storage.parquet(path).read(["person"])["person"].to_numpy())
        if fresh.size == file.rows:
            kept.append(file)
        # Some of its persons are sealed already: the others go to a file of their own.
        elif fresh.size:
            rows = storage.parquet(path).read().take(pa.array(fresh))
            kept.append(write_data_file(lake, VAULT, {}, rows.cast(VAULT.file_schema).combine_chunks()))
    return kept
