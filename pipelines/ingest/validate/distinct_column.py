"""A text column as its distinct texts."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.text_column import column_of
from pipelines.kernels.byte_copy import SLACK
from pipelines.kernels.types import Int32, Int64, Spans, read_only


@dataclass(frozen=True)
class Named:
    """A column by its distinct texts.

    Attributes:
        ids: int32[n], the number of each row's text, -1 where it is absent.
        texts: the d distinct texts as they are written down from here on.
    """

    ids: Int32
    texts: Spans

    def rows(self, kept: Int64) -> "Named":
        """Only the rows `kept`, of the same texts."""
        return replace(self, ids=self.ids[kept])


def same_texts(one: Spans, other: Spans) -> tuple[Int32, Int32]:
    """Numbers for two lists of texts that are equal where the texts are; -1 where one is absent."""
    ids, _ = distinct(column_of(joined(one, other)))
    return ids[: len(one)], ids[len(one) :]


def joined(one: Spans, other: Spans) -> Spans:
    """The texts of two lists, one list behind the other."""
    return Spans(
        read_only(np.concatenate((one.data, other.data, np.zeros(SLACK, np.uint8)))),
        np.concatenate((one.start, other.start + one.data.size)),
        np.concatenate((one.length, other.length)),
    )


def filled(named: Named, texts: Spans, ids: Int32) -> Named:
    """A column with other texts in the rows where it has none.

    Args:
        named: n rows.
        texts: d texts, absent ones fill nothing.
        ids: int32[n], which of them stands for a row, -1 for none.
    """
    present = np.append(texts.length, np.int32(-1))[ids] >= 0
    taken = np.where((named.ids < 0) & present, ids + np.int32(len(named.texts)), named.ids)
    return Named(taken, joined(named.texts, texts))
