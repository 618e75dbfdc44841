"""Rows of a table with new tokens: persons from the vault, scanners and event keys by a new generation.

Which columns hold tokens stands in the schemas (`token` in a column's metadata), so a new table takes part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from pipelines.errors import DataError, RefusedError
from pipelines.ingest.formats.arrow_blocks import text_spans
from pipelines.ingest.refused.retries import KIND_REFUSED
from pipelines.ingest.validate.generations import nest_event_keys, nest_heads, nest_scanners
from pipelines.kernels.arrow_columns import column, event_key_column, event_key_words
from pipelines.kernels.sha256 import macs
from pipelines.kernels.types import Int64
from pipelines.lake import Lake, read_table
from pipelines.lake.row_order import in_order
from pipelines.privacy.keys import Keys
from pipelines.privacy.vault import Sealer, key_id, unseal
from schemas.tables import Table

_PAIR, _KINDS = ("person_a", "person_b"), ("kind_a", "kind_b")
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class NewTokens:
    """What each token becomes.

    Attributes:
        old: int64[n], ascending.
        new: int64[n].
        vault: the rows of the new vault, in the order of the table.
        generation: 32 bytes, of the event key.
    """

    old: Int64
    new: Int64
    vault: pa.Table
    generation: bytes

    def of(self, tokens: Int64) -> Int64:
        """Return the new tokens of old ones.

        Raises:
            RefusedError: the vault lacks one.
        """
        at = np.searchsorted(self.old, tokens)
        # Past the end: any valid position will do, since the comparison below fails.
        at[at == self.old.size] = 0
        if not self.old.size or (self.old[at] != tokens).any():
            lacking = np.setdiff1d(tokens, self.old).size
            raise RefusedError(
                f"the vault lacks {lacking} persons whom the tables hold, so they would lose their tokens",
                "restore the vault from a backup, or deliver files that name them again",
            )
        return self.new[at]


def check_authority(keys: Keys, authority: X25519PrivateKey) -> None:
    """Refuse a private key that is not the one to which the vault is sealed.

    Raises:
        RefusedError: it is another.
    """
    if authority.public_key().public_bytes_raw() != keys.authority_public:
        raise RefusedError(
            "--authority-key is the key of another authority", "name the key that belongs to authority.pub"
        )


def new_tokens(lake: Lake, authority: X25519PrivateKey, keys: Keys) -> NewTokens:
    """Open the vault, and make and seal a new token of each identifier.

    Args:
        lake: whose vault.
        authority: opens the vault.
        keys: of the rotation; the last generation is new.

    Raises:
        RefusedError: a row is sealed to another key.
        DataError: a row is damaged, or two identifiers have one token.
    """
    rows = read_table(lake, "vault").sort_by("person")
    held = pc.unique(rows["key_id"]).to_pylist()
    if any(one != key_id(keys.authority_public) for one in held):
        raise RefusedError("the vault is sealed to another key", "name the key that it was sealed to")
    # `np.concatenate` needs at least one array, and a vault may be empty.
    old, made, sealed = [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
    sealer = Sealer(keys.authority_public)
    for start in range(0, rows.num_rows, _AT_ONCE):
        some = rows.slice(start, _AT_ONCE)
        texts = [text.encode() for text in unseal(authority, some)]
        # The same HMAC as `privacy.keys.token`, over a column.
        tokens = macs(text_spans(pa.array(texts, pa.binary()).cast(pa.string())), keys.token_key)
        old.append(some["person"].to_numpy())
        made.append(tokens)
        sealed.append(sealer.seal(tokens, texts))
    new = np.concatenate(made)
    if np.unique(new).size != new.size:
        raise DataError("the vault holds a person twice", "run truyvet verify")
    vault = pa.concat_tables(sealed).sort_by("person") if sealed else rows  # the vault is empty
    return NewTokens(np.concatenate(old), new, vault, keys.generations[-1])


def person_columns(table: Table) -> list[str]:
    """Return the columns with tokens of persons.

    >>> from schemas.tables import SCANS
    >>> person_columns(SCANS)
    ['person']
    """
    return [name for name in _token_columns(table) if name != "scanner"]


def retokened(table: Table, partition: dict[str, str], rows: pa.Table, tokens: NewTokens) -> pa.Table:
    """Return rows of a file with new tokens and event keys, in the order of the table.

    Args:
        table: which table.
        partition: of the file.
        rows: `table.file_schema`.
        tokens: the new ones.

    Raises:
        RefusedError: the vault lacks a person.
    """
    new = {name: tokens.of(rows[name].to_numpy()) for name in person_columns(table)}
    columns = {name: column(values) for name, values in new.items()}
    if set(_PAIR) <= new.keys():  # a pair has no direction: the smaller token comes first, with its kind
        turned = pa.array(new["person_a"] > new["person_b"])
        kinds = {name: rows[name].combine_chunks() for name in _KINDS if name in rows.column_names}
        for one, other in ((_PAIR, columns), (_KINDS, kinds)):
            if other:
                first, second = (other[name] for name in one)
                columns[one[0]] = pc.if_else(turned, second, first)
                columns[one[1]] = pc.if_else(turned, first, second)
    generations = (tokens.generation,)
    # The new generation hashes the result of the earlier ones, just as ingest nests them.
    if "scanner" in _token_columns(table):
        columns["scanner"] = _nested_scanners(rows["scanner"], generations)
    if "event_key" in rows.column_names:
        high, low = event_key_words(rows["event_key"].combine_chunks())
        columns["event_key"] = event_key_column(*nest_event_keys(high, low, generations))
    if table.name == "retries":
        kept = rows["hash"].to_numpy()
        # Digests depend on the first generation only, so rows of the other kind stay as they are.
        of_event = pc.equal(rows["kind"], KIND_REFUSED).to_numpy()
        columns["hash"] = column(np.where(of_event, nest_heads(kept, generations), kept))
    if not columns:
        return rows
    for name, values in columns.items():
        at = rows.schema.get_field_index(name)
        # The schema decides type and nullability.
        rows = rows.set_column(at, rows.schema.field(at), values.cast(rows.schema.field(at).type))
    return in_order(table, partition, rows.combine_chunks())


def _token_columns(table: Table) -> list[str]:
    return [field.name for field in table.schema if b"token" in (field.metadata or {})]


def _nested_scanners(old: pa.ChunkedArray, generations: Sequence[bytes]) -> pa.Array:
    """Scanners are few and scans many: each is hashed once."""
    # A null has a null index, and so stays null.
    known = old.combine_chunks().dictionary_encode()
    made = nest_scanners(known.dictionary.to_numpy(zero_copy_only=False), generations)
    return pa.array(made, pa.int64()).take(known.indices)
