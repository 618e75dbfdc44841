"""One explicit Arrow schema per table of the lake; nothing else decides a type.

Times are UTC microseconds, persons and scanners are keyed tokens, venues are
hashes of their code. A column's meaning stands in its field metadata (`doc`),
from which the data dictionary is made; `token` marks columns of persons and
scanners, which text formats print as 16 hexadecimal digits.
"""

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

INSTANT = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Table:
    """A table of the lake.

    Attributes:
        name: the folder under the lake.
        schema: all columns, partition columns last.
        partition: the partition columns, outermost first.
        sorted_by: the order of rows inside a file.
        doc: what one row is.
    """

    name: str
    schema: pa.Schema
    partition: tuple[str, ...]
    sorted_by: tuple[str, ...]
    doc: str

    @cached_property
    def file_schema(self) -> pa.Schema:
        """The columns that lie in a Parquet file: all but the partition columns."""
        return pa.schema([field for field in self.schema if field.name not in self.partition])


def _required(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"doc": doc})


def _optional(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, kind, nullable=True, metadata={"doc": doc})


def _token(name: str, doc: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, pa.int64(), nullable=nullable, metadata={"doc": doc, "token": "1"})


def _venue() -> pa.Field:
    return _required("venue", pa.int64(), "hash of the venue code")


def _date(doc: str) -> pa.Field:
    return _required("date", pa.date32(), doc)


SCANS = Table(
    name="scans",
    doc="an accepted scan",
    partition=("date",),
    sorted_by=("venue", "occurred_at", "event_key"),
    schema=pa.schema(
        [
            _required("event_key", pa.binary(), "16 bytes; the scan's keyed identity within its UTC day"),
            _token("person", "token of the person"),
            _venue(),
            _optional("zone", pa.string(), "floor, table or coach; null when the scan names none"),
            _required("direction", pa.string(), "in, out or unknown"),
            _required("occurred_at", INSTANT, "when the code was scanned"),
            _optional("scan_mode", pa.string(), "self, guard, kiosk, manual or nfc; null when not said"),
            _token("scanner", "token of the guard's device; null when not said", nullable=True),
            _optional(
                "authenticity",
                pa.string(),
                "grade of the decoded code: signed_valid, mac_valid or unsigned; null without a code",
            ),
            _required("received_at", INSTANT, "when the batch that brought it was received"),
            _date("UTC day of occurred_at"),
        ]
    ),
)

REJECTS = Table(
    name="rejects",
    doc="a refused record; a log, never the record itself",
    partition=("date",),
    sorted_by=("received_at", "source", "reason", "digest"),
    schema=pa.schema(
        [
            _required("reason", pa.string(), "the first defect in the listed order"),
            _required("source", pa.string(), "the input that held it: scans, cases, encounters, …"),
            _required("digest", pa.binary(), "32 bytes; keyed hash of the raw bytes"),
            _required("received_at", INSTANT, "when the batch that brought it was received"),
            _date("UTC day of received_at"),
        ]
    ),
)

RETRIES = Table(
    name="retries",
    doc="a record that was refused for its time, or one that was refused before and accepted since",
    partition=("date",),
    sorted_by=("received_at", "kind", "source", "hash"),
    schema=pa.schema(
        [
            _required("kind", pa.string(), "refused or accepted"),
            _required(
                "source", pa.string(), "the input that held it: scans, encounters, declarations, links"
            ),
            _required("hash", pa.int64(), "refused: begins the event key; accepted: begins the digest"),
            _required("received_at", INSTANT, "when the batch that brought it was received"),
            _date("UTC day of received_at"),
        ]
    ),
)

VENUES = Table(
    name="venues",
    doc="a registered venue, as last received",
    partition=(),
    sorted_by=("venue",),
    schema=pa.schema(
        [
            _venue(),
            _required("venue_code", pa.string(), "the code itself, as the registry writes it"),
            _optional("name", pa.string(), "what people call the place"),
            _required("type", pa.string(), "venue type; decides dwell and longest stay"),
            _optional("zone", pa.string(), "its zones, joined by `;`"),
            _optional("province_code", pa.string(), "administrative code of the province"),
            _optional("district_code", pa.string(), "administrative code of the district"),
            _optional("commune_code", pa.string(), "administrative code of the commune"),
            _optional("lat", pa.float64(), "latitude, degrees, WGS 84"),
            _optional("lon", pa.float64(), "longitude, degrees, WGS 84"),
            _optional("capacity", pa.int32(), "people it holds"),
            _optional("timezone", pa.string(), "IANA name; null is Asia/Ho_Chi_Minh"),
            _optional("registered_at", INSTANT, "for information"),
            _optional("closed_at", INSTANT, "from then on its scans are unregistered"),
        ]
    ),
)

CASES = Table(
    name="cases",
    doc="a case, as last received; an index case is F0",
    partition=(),
    sorted_by=("case_id",),
    schema=pa.schema(
        [
            _required("case_id", pa.string(), "the authority's number of the case"),
            _token("person", "token of the person"),
            _optional("onset_at", INSTANT, "first symptoms"),
            _optional("sampled_at", INSTANT, "the positive sample"),
            _optional("reported_at", INSTANT, "report to the authority"),
            _optional("isolated_at", INSTANT, "isolation; ends the infectious window"),
            _optional("withdrawn_at", INSTANT, "when set, the case no longer counts"),
        ]
    ),
)

ENCOUNTERS = Table(
    name="encounters",
    doc="two devices near one another over [started_at, ended_at), from a Bluetooth app; without direction",
    partition=("date",),
    sorted_by=("started_at", "person_a", "person_b"),
    schema=pa.schema(
        [
            _optional("event_id", pa.string(), "the app's id of the encounter"),
            _token("person_a", "token of the one, the smaller as int64"),
            _token("person_b", "token of the other"),
            _required("started_at", INSTANT, "begin"),
            _required("ended_at", INSTANT, "end"),
            _optional("distance_m", pa.float64(), "distance, metres; null when not measured"),
            _optional("attenuation_db", pa.float64(), "signal attenuation, decibels; null when not measured"),
            _date("UTC day of started_at"),
        ]
    ),
)

DECLARATIONS = Table(
    name="declarations",
    doc="a health declaration",
    partition=("date",),
    sorted_by=("declared_at", "person"),
    schema=pa.schema(
        [
            _optional("event_id", pa.string(), "the service's id of the declaration"),
            _token("person", "token of the person"),
            _required("declared_at", INSTANT, "when it was made"),
            _optional("symptoms", pa.string(), "symptoms, joined by `;`"),
            _optional("contact_with_case", pa.bool_(), "says to have met a case; only true is evidence"),
            _optional("contact_with_ill", pa.bool_(), "says to have met somebody with symptoms"),
            _optional("contact_abroad", pa.bool_(), "says to have met somebody from an affected country"),
            _optional("travelled_from", pa.string(), "where the person came from"),
            _optional("district_code", pa.string(), "administrative code of the district"),
            _optional("channel", pa.string(), "the service or form that took it"),
            _date("UTC day of declared_at"),
        ]
    ),
)

LINKS = Table(
    name="links",
    doc="two identifiers seen together in a code, on a card or in a form; without direction",
    partition=("date",),
    sorted_by=("seen_at", "person_a", "person_b"),
    schema=pa.schema(
        [
            _optional(
                "event_id", pa.string(), "the source's id of the link; null where a scanned code holds it"
            ),
            _token("person_a", "token of the one identifier, the smaller as int64"),
            _required("kind_a", pa.string(), "its kind: phone, qid, cccd, cmnd, bhyt, passport or device"),
            _token("person_b", "token of the other"),
            _required("kind_b", pa.string(), "its kind"),
            _required("seen_at", INSTANT, "when they were seen together; of a scanned code, the scan's time"),
            _required("source", pa.string(), "personal_qr, card, declaration or registration"),
            _required("self", pa.bool_(), "whether the holder showed both himself"),
            _date("UTC day of seen_at"),
        ]
    ),
)

HUMANS = Table(
    name="humans",
    doc="an identifier of any link and the human it belongs to, as the links show it",
    partition=(),
    sorted_by=("person",),
    schema=pa.schema(
        [
            _token("person", "token of the identifier"),
            _token("human", "the smallest token, as int64, of those that are one human; its own if alone"),
            _required("links", pa.int64(), "how many links with this identifier are taken"),
        ]
    ),
)

STAY_ORDERS = {"venue": ("venue", "enter"), "person": ("person", "enter")}
"""The two orders of `stays`, by the value of its partition column `by`."""

STAYS = Table(
    name="stays",
    doc="a person at a venue over [enter, exit); every stay lies in both orders, read one of them",
    partition=("by", "date"),
    sorted_by=STAY_ORDERS["venue"],
    schema=pa.schema(
        [
            _token("person", "token of the person"),
            _venue(),
            _optional("zone", pa.string(), "the only zone that its scans name, else null"),
            _required("enter", INSTANT, "begin of the stay"),
            _required("exit", INSTANT, "end of the stay, at least a second after enter"),
            _required("enter_kind", pa.string(), "scanned or imputed"),
            _required("exit_kind", pa.string(), "scanned, default (dwell) or next_scan (elsewhere)"),
            _required("last_seen", INSTANT, "time of the last scan of the stay"),
            _required("scans", pa.int32(), "how many scans make the stay"),
            _required("stay_id", pa.int64(), "hash of the first scan's event_key"),
            _required("by", pa.string(), "the order of the file: venue or person"),
            _date("UTC day of enter"),
        ]
    ),
)

FOOTFALL = Table(
    name="footfall",
    doc="a venue over a window [window_start, window_end) in which something happened",
    partition=("date",),
    sorted_by=("venue", "window_start"),
    schema=pa.schema(
        [
            _venue(),
            _required("window_start", INSTANT, "begin of the window, 15 minutes long by default"),
            _required("window_end", INSTANT, "end of the window"),
            _required("entries", pa.int32(), "stays whose enter lies in the window"),
            _required("exits", pa.int32(), "stays whose exit lies in the window"),
            _required("people", pa.int32(), "distinct persons present"),
            _required("peak", pa.int32(), "most distinct persons present at one instant"),
            _required("person_seconds", pa.int64(), "clipped seconds of each person's union, summed"),
            _date("UTC day of window_start"),
        ]
    ),
)

CONTACTS = Table(
    name="contacts",
    doc="a pair overlapping at a venue over [start, end), person_a < person_b",
    partition=("date",),
    sorted_by=("person_a", "person_b"),
    schema=pa.schema(
        [
            _token("person_a", "token of the one, the smaller as int64"),
            _token("person_b", "token of the other"),
            _venue(),
            _required("start", INSTANT, "begin of the overlap"),
            _required("end", INSTANT, "end of the overlap"),
            _required("seconds", pa.int64(), "length of the overlap"),
            _date("UTC day of start"),
        ]
    ),
)

CROWDS = Table(
    name="crowds",
    doc="a venue-window over the crowd cap, not expanded into pairs",
    partition=("date",),
    sorted_by=("venue", "window_start"),
    schema=pa.schema(
        [
            _venue(),
            _required("window_start", INSTANT, "begin of the window"),
            _required("window_end", INSTANT, "end of the window"),
            _required("people", pa.int32(), "distinct persons present"),
            _date("UTC day of window_start"),
        ]
    ),
)

VAULT = Table(
    name="vault",
    doc="a token's identifier, sealed to the authority",
    partition=(),
    sorted_by=("person",),
    schema=pa.schema(
        [
            _token("person", "token of the person"),
            _required("sealed", pa.binary(), "the identifier; only the authority's private key opens it"),
            _required("key_id", pa.string(), "the public key it is sealed to"),
        ]
    ),
)

UNREGISTERED_CODES = Table(
    name="unregistered_codes",
    doc="the text of a venue code that was scanned and is not registered; none that looks like an identifier",
    partition=(),
    sorted_by=("venue",),
    schema=pa.schema(
        [
            _venue(),
            _required("venue_code", pa.string(), "the code itself, as it was scanned"),
        ]
    ),
)

LONG_PAIRS = Table(
    name="long_pairs",
    doc="a scan `in` whose `out` came later than the longest stay, with no scan elsewhere between",
    partition=(),
    sorted_by=("venue", "in_at", "person", "stay_id"),
    schema=pa.schema(
        [
            _token("person", "token of the person"),
            _venue(),
            _required("in_at", INSTANT, "time of the scan in"),
            _required("out_at", INSTANT, "time of the scan out"),
            _required("stay_id", pa.int64(), "the stay that the scan out makes"),
        ]
    ),
)

POINT_DAYS = Table(
    name="point_days",
    doc="what a venue, registered or not, counts on a local day with a scan; only in lakes that ask for it",
    partition=("day",),
    sorted_by=("venue",),
    schema=pa.schema(
        [
            _venue(),
            _required("scans", pa.int32(), "accepted scans"),
            _required("scans_in", pa.int32(), "those in"),
            _required("scans_out", pa.int32(), "those out"),
            _required("scans_guarded", pa.int32(), "those by a guard or a kiosk"),
            _required("people", pa.int32(), "distinct persons"),
            _required("people_once", pa.int32(), "those with one scan on the day"),
            _required("day", pa.date32(), "local day of occurred_at, by Asia/Ho_Chi_Minh"),
        ]
    ),
)

TABLES = {
    table.name: table
    for table in (
        SCANS,
        REJECTS,
        RETRIES,
        VENUES,
        CASES,
        ENCOUNTERS,
        DECLARATIONS,
        LINKS,
        HUMANS,
        STAYS,
        FOOTFALL,
        CONTACTS,
        CROWDS,
        VAULT,
    )
}
"""The tables that readers of a lake ask, by name."""

INTERNAL_TABLES = {table.name: table for table in (UNREGISTERED_CODES, LONG_PAIRS, POINT_DAYS)}
"""Tables that a lake keeps for itself; commands show what is in them."""

ALL_TABLES = {**TABLES, **INTERNAL_TABLES}
"""All tables of a lake by name."""
