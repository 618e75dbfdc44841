"""Which persons the vault does not hold yet: of a bundle of chunks, and of a batch that is committed."""

import threading
from collections.abc import Sequence

import pyarrow as pa

from pipelines.kernels.hash_table import IdSet
from pipelines.kernels.types import Int64
from pipelines.lake import DataFile, Lake, read_table, storage, write_data_file
from schemas.tables import VAULT


class Unsealed:
    """The tokens that somebody still has to seal; each is handed out once.

    Lives as long as a bundle, so that a bundle tried again seals again.
    """

    def __init__(self, sealed: Int64) -> None:
        """Begin with the tokens that the vault holds, int64[n] in any order."""
        self._lock = threading.Lock()
        self._sealed = IdSet(sealed)

    def claim(self, tokens: Int64) -> Int64:
        """The positions in `tokens` (distinct, int64[n]) that the caller has to seal."""
        with self._lock:
            return self._sealed.add(tokens)


def sealed_once(lake: Lake, files: Sequence[DataFile], version: int) -> list[DataFile]:
    """New files of the vault without whom it holds at a version, or an earlier one of the files.

    Two inputs of a batch may name one person, and another run may have sealed him meanwhile.
    """
    unsealed = Unsealed(read_table(lake, "vault", ["person"], version)["person"].to_numpy())
    kept = []
    for file in files:
        path = f"{lake.table_url(file.table)}/{file.path}"
        fresh = unsealed.claim(storage.parquet(path).read(["person"])["person"].to_numpy())
        if fresh.size == file.rows:
            kept.append(file)
        elif fresh.size:
            rows = storage.parquet(path).read().take(pa.array(fresh))
            kept.append(write_data_file(lake, VAULT, {}, rows.cast(VAULT.file_schema).combine_chunks()))
    return kept
