"""Bring the table `humans` up to its source, the table `links`."""

from typing import Final

import pyarrow as pa

from pipelines.errors import ServiceError
from pipelines.kernels.arrow_columns import column
from pipelines.lake import (
    NO_TABLE,
    CommitConflict,
    Lake,
    commit,
    read_table,
    snapshot,
    write_data_file,
)
from pipelines.linkage.humans import Humans, humans_of
from pipelines.linkage.read_links import humans_in, links_in
from schemas.tables import HUMANS

LINKS_VERSION: Final = "links_version"
"""The mark of `humans` that names the version of `links` it was computed from."""

_ATTEMPTS = 8


def refresh_humans(lake: Lake, *, everything: bool = False) -> int:
    """Write the table `humans` where the links have changed; a lake without links gets none.

    Args:
        lake: the lake.
        everything: compute it again even where it reflects the newest links.

    Returns:
        The version of `humans`, `NO_TABLE` when there is none.

    Raises:
        DataError: a file is missing or damaged.
        ServiceError: the lake cannot be written, or other writers keep committing.
    """
    for _ in range(_ATTEMPTS):
        # Humans first: links that are read afterwards are at least as new as the ones it reflects.
        live, links = snapshot(lake, HUMANS.name), snapshot(lake, "links")
        is_new = live.marks.get(LINKS_VERSION, NO_TABLE) == links.version
        if links.version == NO_TABLE or (is_new and not everything):
            return live.version
        rows = rows_of(humans_in(lake))
        if snapshot(lake, "links").version != links.version:
            continue  # they changed while they were read
        files = [write_data_file(lake, HUMANS, {}, rows)] if rows.num_rows else []
        # Files are named by their content: the same name is the same rows.
        if is_new and {file.path for file in files} == {file.relative for file in live.files}:
            return live.version
        try:
            marks = {LINKS_VERSION: links.version}
            return commit(lake, HUMANS.name, files, remove=live.files, after=live.version, marks=marks)
        except CommitConflict:
            continue
    raise ServiceError("other writers keep changing the links", "run it again when they have finished")


def is_of_its_links(lake: Lake) -> bool:
    """Return whether the rows of `humans` are those that the links show; true where it lags behind them.

    Raises:
        DataError: a file is missing or damaged.
    """
    live = snapshot(lake, HUMANS.name)
    version = live.marks.get(LINKS_VERSION, NO_TABLE)
    if version != snapshot(lake, "links").version:
        return True
    expected = rows_of(humans_of(links_in(lake, version)))
    held = read_table(lake, HUMANS.name, version=live.version).combine_chunks()
    return bool(held.equals(expected))


def rows_of(humans: Humans) -> pa.Table:
    """Return the rows of the table, by person."""
    columns = [column(values) for values in (humans.person, humans.human, humans.links)]
    return pa.table(columns, schema=HUMANS.schema)
