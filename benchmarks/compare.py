"""Compare the rows of a peer with ours; a benchmark counts only if they are equal.

Each side hashes persons and venues differently, so a table of all distinct
identifiers of the input, in our canonical form, maps one to the other. Event
keys and stay ids are hashes as well and are not compared.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from pipelines.errors import UsageError
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import load_keys, token, venue_id

_SQL = Path(__file__).parent / "compare"

SCANS = "person, venue, zone, direction::VARCHAR, occurred_at, scan_mode::VARCHAR"
STAYS = "person, venue, zone, enter, exit, enter_kind::VARCHAR, exit_kind::VARCHAR, last_seen, scans"
FOOTFALL = "venue, window_start, window_end, entries, exits, people, peak, person_seconds"


class DifferentAnswerError(Exception):
    """The rows of the peer differ from ours."""


class Comparison:
    """A lake, the folder of the peer, and the table that maps identifiers between them."""

    def __init__(self, lake: Path, peer: Path, scan_files: Iterable[Path], venues: Path) -> None:
        self._lake = lake
        self._peer = peer
        self._connection = duckdb.connect(config={"threads": 2, "memory_limit": "6GB"})
        self._connection.execute("SET TimeZone = 'UTC'").fetchall()
        self._connection.execute("SET VARIABLE files = $1", [[str(path) for path in scan_files]]).fetchall()
        self._connection.execute("SET VARIABLE venues = $1", [str(venues)]).fetchall()
        self._map_persons()
        self._map_venues()

    def _map_persons(self) -> None:
        keys = load_keys(self._lake.with_name(self._lake.name + ".keys"))
        spellings = self._column("spellings")
        canonical = {text for text in map(_canonical, spellings) if text is not None}
        self._map("persons", {text: token(keys, text) for text in canonical})

    def _map_venues(self) -> None:
        self._map("venues", {code: venue_id(code) for code in self._column("venue_codes")})

    def _map(self, name: str, ours_by_text: dict[str, int]) -> None:
        """Make the table `name` (peer, ours): the peer hashes texts with DuckDB's hash()."""
        pairs = pa.table({"text": list(ours_by_text), "ours": pa.array(ours_by_text.values(), pa.int64())})
        self._connection.register("pairs", pairs)
        self._connection.execute(
            f"CREATE TABLE {name} AS SELECT hash(text) AS peer, ours FROM pairs"  # noqa: S608
        ).fetchall()
        self._connection.unregister("pairs")

    def _column(self, statement: str) -> list[str]:
        return [text for (text,) in self._rows(statement) if text is not None]

    def _rows(self, statement: str, **pieces: str) -> list[tuple[object, ...]]:
        query = (_SQL / f"{statement}.sql").read_text(encoding="utf-8")
        for name, piece in pieces.items():
            query = query.replace("{" + name + "}", piece)
        return self._connection.execute(query).fetchall()

    def check(self, table: str, columns: str, dates: Iterable[str] | None = None, by: str = "") -> int:
        """Compare one table, date by date.

        Args:
            table: name in the lake and in the peer's folder.
            columns: the columns to compare, one of the lists above.
            dates: `YYYY-MM-DD`; None means all dates of both sides.
            by: the order, for `stays`.

        Returns:
            The number of our rows.

        Raises:
            DifferentAnswerError: naming the number of rows that only one side has.
        """
        ours, theirs = self._our_files(table, by), self._peer_files(table, by)
        rows = 0
        for date in sorted({*ours, *theirs} if dates is None else dates):
            ((count, only_ours, only_theirs),) = self._compare(
                columns, ours.get(date, []), theirs.get(date, [])
            )
            if only_ours or only_theirs:
                raise DifferentAnswerError(
                    f"{table} {by} of {date}: {only_ours} rows are ours alone, {only_theirs} the peer's alone"
                )
            rows += int(count)
        return rows

    def _compare(self, columns: str, ours: list[str], theirs: list[str]) -> list[tuple[int, int, int]]:
        people = "person" in columns.split(", ")
        found = self._rows(
            "difference",
            columns=columns,
            ours=_source(ours, theirs),
            theirs=_source(theirs, ours),
            persons="JOIN persons ON persons.peer = theirs.person" if people else "",
            person="persons.ours AS person," if people else "",
            excluded=", person" if people else "",
        )
        return [tuple(map(int, row)) for row in found]  # type: ignore[misc, call-overload]

    def _our_files(self, table: str, by: str) -> dict[str, list[str]]:
        """Live files by date, from the log."""
        files: dict[str, list[str]] = {}
        for uri in DeltaTable(str(self._lake / table)).file_uris():
            if not by or f"/by={by}/" in uri:
                files.setdefault(uri.split("date=")[1][:10], []).append(uri)
        return files

    def _peer_files(self, table: str, by: str) -> dict[str, list[str]]:
        folder = self._peer / table / (f"by={by}" if by else "")
        return {path.parent.name[5:]: [str(path)] for path in sorted(folder.glob("date=*/*.parquet"))}


def _source(files: list[str], others: list[str]) -> str:
    """Return the files as SQL; without files an empty table with the columns of the other side."""
    chosen = files or others[:1]
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in chosen)
    return f"read_parquet([{names}], hive_partitioning = false)" + ("" if files else " WHERE false")


def _canonical(text: str) -> str | None:
    try:
        return canonical_person(text)
    except UsageError:
        return None


def check_counts(ours: dict[str, object], theirs: dict[str, object]) -> None:
    """Compare the counts that `truyvet run` printed with those of the peer.

    Raises:
        DifferentAnswerError: naming the counts that differ.
    """
    reasons = ours["reasons"]
    assert isinstance(reasons, dict)
    said = {name: ours[name] for name in ("received", "accepted", "duplicate", "rejected", "unregistered")}
    said |= {f"reason {reason}": count for reason, count in reasons.items() if count}
    different = sorted(name for name in {*said, *theirs} if said.get(name, 0) != theirs.get(name, 0))
    if different:
        pairs = ", ".join(f"{name} {said.get(name, 0)} and {theirs.get(name, 0)}" for name in different)
        raise DifferentAnswerError(f"counts, ours and the peer's: {pairs}")
