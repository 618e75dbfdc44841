"""The ground truth as Parquet: stays, contacts of cases, and infections."""

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.simulate import habits
from pipelines.simulate.delivery import create
from pipelines.simulate.dtypes import Bytes, Rows, Texts
from pipelines.simulate.people import NEVER
from pipelines.simulate.places import Places

INSTANT = pa.timestamp("us", tz="UTC")

STAYS = pa.schema(
    [
        ("person", pa.string()),
        ("venue", pa.string()),
        ("zone", pa.string()),
        ("enter", INSTANT),
        ("exit", INSTANT),
        ("unscanned", pa.string()),
    ]
)
"""True stays, at homes as well; `person` is the canonical identifier, `venue` the code.

`unscanned` says why nobody scanned, null where somebody did: `nobody` (the person never scans), `no_code`,
`resident` (at home), `forgotten`, `guard` (who scans a visitor once a day).
"""

_REASONS = pa.array([None, "nobody", "no_code", "resident", "forgotten", "guard"], pa.string())
"""In the order of the codes in `observe`."""

CONTACTS = pa.schema(
    [
        ("case_id", pa.string()),
        ("person", pa.string()),
        ("other", pa.string()),
        ("venue", pa.string()),
        ("start", INSTANT),
        ("end", INSTANT),
    ]
)
"""True overlaps of cases with others, one row per pair of stays."""

INFECTIONS = pa.schema(
    [
        ("infected", pa.string()),
        ("infector", pa.string()),
        ("venue", pa.string()),
        ("infected_at", INSTANT),
        ("infectious_from", INSTANT),
        ("infectious_until", INSTANT),
        ("onset_at", INSTANT),
        ("case_id", pa.string()),
    ]
)
"""Infections; infector and venue are null for people infected before the world begins."""


IDENTIFIERS = pa.schema([("person", pa.string()), ("identifier", pa.string())])
"""The card that a person shows to guards, of people who use another identifier elsewhere."""


class Truth:
    """Writes the truth tables of a world.

    Args:
        folder: the folder to write to.
        people: canonical identifiers, by person.
        codes: codes of the places.
        places: all places.
        start_us: start of the world, microseconds since 1970 UTC.
    """

    def __init__(self, folder: Path, people: list[str], codes: Texts, places: Places, start_us: int) -> None:
        self._folder = folder
        self._people = pa.array(people, pa.string())
        self._codes = pa.array([code.decode() for code in codes.tolist()], pa.string())
        letters = habits.ZONE_LETTERS
        # 32 numbers a letter, so that 32 · type + zone finds the text.
        self._zones = pa.array([f"{letter}{zone}" for letter in letters for zone in range(32)])
        self._kinds, self._start_us = places.table["kind"], start_us

    def __enter__(self) -> "Truth":
        self._file = create(self._folder / "stays.parquet")
        self._writer = pq.ParquetWriter(self._file, STAYS, compression="zstd", store_schema=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._file.close()

    def add_stays(self, stays: Rows, why: Bytes) -> None:
        """Write STAY[n] as a row group; `why`, uint8[n], is why each has no scan."""
        zone = stays["zone"]
        # Masked where there is no zone; the index below is never looked at.
        zones = pa.array(self._kinds[stays["place"]] * 32 + zone, mask=zone == 0).cast(pa.int32())
        columns = [
            self._named(self._people, stays["person"]),
            self._named(self._codes, stays["place"]),
            # Dictionary arrays hold each name once; the cast to text happens a part at a time.
            pa.DictionaryArray.from_arrays(zones, self._zones),
            self._instants(stays["enter"]),
            self._instants(stays["exit"]),
            _REASONS.take(pa.array(why)),
        ]
        table = pa.table(dict(zip(STAYS.names, columns, strict=True)))
        self._writer.write_table(table.cast(STAYS), row_group_size=1 << 20)

    def write_contacts(self, contacts: Rows, case_ids: list[str | None]) -> None:
        """Write CONTACT[n]; `case_ids` is indexed by person."""
        columns = [
            pa.array(case_ids, pa.string()).take(pa.array(contacts["person"])),
            self._people.take(pa.array(contacts["person"])),
            self._people.take(pa.array(contacts["other"])),
            self._codes.take(pa.array(contacts["place"])),
            self._instants(contacts["start"]),
            self._instants(contacts["end"]),
        ]
        self._write("contacts", pa.table(columns, schema=CONTACTS))

    def write_infections(self, course: Rows, case_ids: list[str | None]) -> None:
        """Write COURSE_OF[people], ordered by time; `case_ids` is indexed by person."""
        who = np.flatnonzero(course["infected"] < NEVER)
        # Stable: of one instant by person.
        who = who[np.argsort(course["infected"][who], kind="stable")]
        rows = course[who]
        columns = [
            self._people.take(pa.array(who)),
            # -1 is nobody and nowhere: infected before the world began.
            self._people.take(pa.array(rows["by"], mask=rows["by"] < 0)),
            self._codes.take(pa.array(rows["place"], mask=rows["place"] < 0)),
            *(self._instants(rows[name]) for name in ("infected", "infectious", "over", "onset")),
            pa.array(case_ids, pa.string()).take(pa.array(who)),
        ]
        self._write("infections", pa.table(columns, schema=INFECTIONS))

    def write_identifiers(self, cards: list[str]) -> None:
        """Write the people with several identifiers; `cards` is indexed by person."""
        rows = pa.table([self._people, pa.array(cards, pa.string())], schema=IDENTIFIERS)
        self._write("identifiers", rows.filter(pc.not_equal(rows["person"], rows["identifier"])))

    def _write(self, name: str, table: pa.Table) -> None:
        with create(self._folder / f"{name}.parquet") as file:
            pq.write_table(table, file, compression="zstd", store_schema=False)

    @staticmethod
    def _named(names: pa.Array, index: npt.NDArray[np.int32]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), names)

    def _instants(self, seconds: npt.NDArray[np.integer]) -> pa.Array:
        """Convert seconds of the world to instants; NEVER is null."""
        # NEVER becomes null before it is cast to a time that does not exist.
        us = seconds.astype(np.int64) * 1_000_000 + self._start_us
        return pa.array(us, pa.int64(), mask=seconds == NEVER).cast(INSTANT)
