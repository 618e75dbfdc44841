"""A text column as its distinct texts: checks run once a text, not once a row."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.text_column import Texts, column_of, respelled, tidied
from pipelines.kernels.byte_copy import SLACK
from pipelines.kernels.types import Int32, Int64, Spans, UInt8, read_only


@dataclass(frozen=True)
class DistinctColumn:
    """A column by its distinct texts.

    Example:
        >>> texts = Spans(np.frombuffer(b"V1V2", np.uint8), np.array([0, 2]), np.array([2, 2], np.int32))
        >>> column = DistinctColumn(np.array([0, 1, 0, -1], np.int32), texts)
        >>> [None if number < 0 else column.texts.value(number) for number in column.ids]
        [b'V1', b'V2', b'V1', None]

    Attributes:
        ids: int32[n], the number of each row's text, -1 where it is absent.
        texts: the d distinct texts; two of them may be equal once they are tidy.
    """

    ids: Int32
    texts: Spans

    def rows(self, kept: Int64) -> "DistinctColumn":
        """Keep only some rows, and all texts."""
        return replace(self, ids=self.ids[kept])


def tidy_names(
    column: Texts, limit: int | None, *, optional: bool = True, spell: Callable[[str], str] | None = None
) -> tuple[DistinctColumn, UInt8]:
    """Make a column of few distinct texts tidy, and say what is wrong with each text.

    Args:
        column: n texts.
        limit: the most bytes of a tidy text; None leaves the length to the caller.
        optional: whether words for nothing are absent.
        spell: returns another spelling of a tidy text.

    Returns:
        The column, and the reasons of its texts, uint8[d].
    """
    ids, texts = distinct(column)
    texts, reasons = tidied(texts, limit, optional=optional)
    if spell is not None:
        # Only sound texts are spelled another way: the others may not even be UTF-8.
        sound = replace(texts, length=np.where(reasons == 0, texts.length, np.int32(-1)))
        texts, reasons_again = tidied(respelled(sound, spell), limit, optional=optional)
        reasons = np.maximum(reasons, reasons_again)
    # The element appended last is for id -1.
    absent = np.append((texts.length < 0) & (reasons == 0), np.True_)
    return DistinctColumn(np.where(absent[ids], np.int32(-1), ids), texts), reasons


def of_rows(reasons: UInt8, ids: Int32) -> UInt8:
    """Turn the reasons of distinct texts into those of rows; 0 where there is no text."""
    if not reasons.any():
        return np.zeros(ids.size, np.uint8)
    return np.append(reasons, np.uint8(0))[ids]


def same_texts(one: Spans, other: Spans) -> tuple[Int32, Int32]:
    """Number the texts of two lists so that equal texts have equal numbers; -1 where one is absent."""
    # One table over both lists numbers equal texts equally.
    ids, _ = distinct(column_of(joined(one, other)))
    return ids[: len(one)], ids[len(one) :]


def joined(one: Spans, other: Spans) -> Spans:
    """Append the texts of a list to those of another."""
    return Spans(
        read_only(np.concatenate((one.data, other.data, np.zeros(SLACK, np.uint8)))),
        np.concatenate((one.start, other.start + one.data.size)),
        np.concatenate((one.length, other.length)),
    )


def filled(named: DistinctColumn, texts: Spans, ids: Int32) -> DistinctColumn:
    """Fill the rows of a column that have no text.

    Args:
        named: n rows.
        texts: d texts, of which absent ones fill nothing.
        ids: int32[n], which of them stands for a row, -1 for none.
    """
    present = np.append(texts.length, np.int32(-1))[ids] >= 0
    # `joined` puts the fillers behind the column's own texts, so their numbers begin there.
    taken = np.where((named.ids < 0) & present, ids + np.int32(len(named.texts)), named.ids)
    return DistinctColumn(taken, joined(named.texts, texts))
