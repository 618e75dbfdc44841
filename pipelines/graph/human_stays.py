"""The stays of humans: those of several identifiers under one token, in both orders.

Stays are paired by identifier and relabelled afterwards. Where two identifiers of one human stayed at one
venue at the same time, the stays become their union, under the id of the first: so no second counts twice.
Only files that hold such a stay are seen otherwise, and a file is relabelled when a question asks for it.
"""

import threading
from collections import defaultdict
from dataclasses import fields
from typing import Any

import numpy as np

from pipelines.errors import DataError
from pipelines.graph.human_file import HumanFile, Patch
from pipelines.graph.human_unions import HumanStays, Relabelled, relabelled
from pipelines.graph.row_ranges import rows_between
from pipelines.graph.stay_files import StayOrder, mapped, plain_orders
from pipelines.kernels.types import Int64
from pipelines.lake import LiveFile, snapshot
from pipelines.linkage.human_lake import HumanLake, human_of

_KEPT = "stays"

_making = threading.Lock()


def human_orders(lake: HumanLake) -> dict[str, StayOrder]:
    """Return the files of `stays` in both orders as humans have them; kept until the stays change.

    Raises:
        DataError: a data file is missing or damaged.
    """
    if not lake.person.size:
        return plain_orders(lake)
    with _making:
        # Kept with the snapshot itself: another one, even of the same number, is another state of the lake.
        newest = snapshot(lake, "stays")
        kept = lake.kept.get(_KEPT)
        if kept is None or kept[0] is not newest:
            kept = lake.kept[_KEPT] = newest, _made(lake)
        orders: dict[str, StayOrder] = kept[1]
        return orders


def _made(lake: HumanLake) -> dict[str, StayOrder]:
    plain = plain_orders(lake)
    stays = _stays_of_several(lake, plain["person"])
    found = relabelled(stays)
    changed = np.flatnonzero(found.is_changed)
    stays, found = stays.at(changed), found.at(changed)
    dates = np.array([file.partition["date"] for file in plain["person"].files])
    at = {
        "person": (stays.file, stays.row),
        "venue": _places(plain["venue"], dates[stays.file], stays) if changed.size else (changed, changed),
    }
    return {by: _changed(order, by, *at[by], stays, found) for by, order in plain.items()}


def _stays_of_several(lake: HumanLake, order: StayOrder) -> HumanStays:
    """Return all stays of those who have several identifiers."""
    parts: list[tuple[Any, ...]] = []
    zones: dict[str | None, int] = {}
    for number, file in enumerate(order.files):
        columns = mapped(file)
        # `lake.person` are all tokens of people who have several, ascending.
        row = rows_between(*columns.rows_of(lake.person))
        names = columns.zone_names.to_pylist()
        # One numbering of zones over all files, None included.
        zone = np.array([zones.setdefault(name, len(zones)) for name in names], np.int64)
        token = columns.person[row]
        parts.append(
            (np.full(row.size, number), row, token, human_of(lake, token), columns.venue[row],
             columns.enter_us[row], columns.exit_us[row], columns.imputed_from_us[row],
             columns.kinds[row].astype(np.int64), columns.stay_id[row], zone[columns.zone_code[row]])
        )  # fmt: skip
    none = (np.empty(0, np.int64),) * len(fields(HumanStays))
    return HumanStays(*(np.concatenate(column) for column in zip(none, *parts, strict=True)))


def _places(order: StayOrder, date: Any, stays: HumanStays) -> tuple[Int64, Int64]:
    """Find stays in the order of venues: the file and the row of each.

    Raises:
        DataError: there is one that is not in that order.
    """
    # Both orders are cut by the date of the enter, so a stay lies in files of one date.
    by_date: dict[str, list[int]] = defaultdict(list)
    for number, file in enumerate(order.files):
        by_date[file.partition["date"]].append(number)
    files, rows = np.full(stays.row.size, -1), np.full(stays.row.size, -1)
    for day in np.unique(date).tolist():
        of_day = np.flatnonzero(date == day)
        enter_us, some = stays.enter_us[of_day], stays.at(of_day)
        for number in by_date[day]:
            columns = mapped(order.files[number])
            # Both bounds are exclusive: the stays that enter the venue at that very instant.
            first, last = columns.rows_entering(some.venue, enter_us - 1, enter_us + 1)
            stay, row = np.repeat(np.arange(of_day.size), last - first), rows_between(first, last)
            same = (columns.stay_id[row] == some.stay_id[stay]) & (columns.person[row] == some.token[stay])
            files[of_day[stay[same]]], rows[of_day[stay[same]]] = number, row[same]
    # Both orders are written in one commit, so a stay that is in one only means damage.
    if (files < 0).any():
        raise DataError("the two orders of stays do not hold the same rows", "run truyvet verify")
    return files, rows


def _changed(
    order: StayOrder, by: str, of_file: Int64, row: Int64, stays: HumanStays, found: Relabelled
) -> StayOrder:
    """Put files that show changed stays in the place of those that hold them."""
    files = list(order.files)
    least, greatest, exit_us = (
        column.copy() for column in (order.least_id, order.greatest_id, order.exit_us)
    )
    for number in np.unique(of_file).tolist():
        of_it = np.flatnonzero(of_file == number)
        # A patch is ascending by row.
        of_it = of_it[np.argsort(row[of_it])]
        patch = Patch(row[of_it], stays.human[of_it], *found.at(of_it).columns())
        files[number] = _file(order.files[number], patch)
        # Rows move to the human's token, so the bounds of the file must include it.
        if by == "person":
            least[number] = min(least[number], patch.person.min())
            greatest[number] = max(greatest[number], patch.person.max())
        # Unions last longer than the stays in the file; they enter when the first of them did.
        exit_us[number] = max(exit_us[number], patch.exit_us.max())
    # A file may have lost all its rows to unions in others.
    held = np.array([file.rows > 0 for file in files], np.bool_)
    kept = tuple(file for file in files if file.rows)
    return StayOrder(kept, least[held], greatest[held], order.enter_us[held], exit_us[held])


def _file(file: LiveFile, patch: Patch) -> HumanFile:
    values = {**vars(file), "rows": file.rows - int(patch.is_dropped.sum())}
    return HumanFile(**values, source=file, patch=patch)
