"""What becomes of one scan, said as slowly and plainly as possible: the oracle of the kernels."""

import datetime as dt
import hashlib
import hmac
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from pipelines.errors import UsageError
from pipelines.ingest.formats.blocks import Columns, Lines
from pipelines.ingest.reject_reasons import REASONS
from pipelines.ingest.validate.scans import Parsed, ParseSettings, parse
from pipelines.kernels.types import Spans
from pipelines.privacy.identifiers import KINDS, canonical_person
from pipelines.privacy.keys import Keys
from schemas.codes import DIRECTIONS, SCAN_MODES

FIELDS = (
    "event_id",
    "person",
    "person_code",
    "venue",
    "code",
    "direction",
    "occurred_at",
    "zone",
    "scan_mode",
    "scanner",
)
LIMITS = {"event_id": 64, "code": 4096, "person_code": 4096}
OPTIONAL = [name for name in FIELDS if name != "occurred_at"]
ZERO_WIDTH = "\u180e\u200b\u200c\u200d\u2060\ufeff"
KEYS = Keys(Path("keys"), b"t" * 32, b"e" * 32, b"d" * 32, b"a" * 32, "fingerprint")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DAY_US = 86_400_000_000


def microseconds(text: str) -> int:
    return round((dt.datetime.fromisoformat(text) - EPOCH) / dt.timedelta(microseconds=1))


OLDEST = "2021-05-02T00:00:00+00:00"
NEWEST = "2021-07-02T00:00:00+00:00"
SETTINGS = ParseSettings(KEYS, microseconds(OLDEST), microseconds(NEWEST))


@dataclass(frozen=True)
class Row:
    """An accepted scan, or one that only the time check refuses."""

    person: int
    venue: int
    occurred_us: int
    event_key: bytes
    direction: str
    zone: str | None
    scan_mode: str
    scanner: int | None
    fault: str
    identifier: str


def judge_line(raw: bytes) -> str | Row:
    """Return the reason to refuse a line, or the row it becomes."""
    if len(raw) > 16 * 1024:
        return "too_large"
    deepest, balanced = depth_of(raw)
    if deepest > 16:
        return "too_deep" if balanced else "malformed"
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "malformed"
    return judge_record(record) if isinstance(record, dict) else "malformed"


def depth_of(raw: bytes) -> tuple[int, bool]:
    outside = re.sub(rb'"(?:\\.|[^"\\])*(?:"|\\?\Z)', b"", raw, flags=re.DOTALL)
    stack: list[int] = []
    deepest = 0
    for byte in outside:
        if byte in b"{[":
            stack.append(byte)
            deepest = max(deepest, len(stack))
        elif byte in b"}]" and (not stack or stack.pop() != byte - 2):
            return deepest, False
    return deepest, not stack


def judge_record(record: dict[str, object]) -> str | Row:
    """Return the reason to refuse a decoded record, or the row it becomes."""
    given = {name: record.get(name) for name in FIELDS}
    if any(value is not None and not isinstance(value, str) for value in given.values()):
        return "malformed"
    text = {name: trimmed(str(value)) for name, value in given.items() if value is not None}
    text = {
        name: value
        for name, value in text.items()
        if value and (name not in OPTIONAL or value.lower() not in ("nan", "n/a", "na", "none", "null", "-"))
    }
    if text.get("direction", "unknown") not in DIRECTIONS or text.get("scan_mode", "") not in SCAN_MODES:
        return "malformed"
    text = {
        name: value if name in ("code", "person_code") else unicodedata.normalize("NFC", value)
        for name, value in text.items()
    }
    if any(is_bad(name, value) for name, value in text.items()):
        return "bad_text"
    if "zone" in text:
        text["zone"] = unicodedata.normalize("NFC", text["zone"].casefold().title())
        if is_bad("zone", text["zone"]):
            return "bad_text"
    pairs = ({"person", "person_code"}, {"venue", "code"}, {"occurred_at"})
    if not all(pair & set(text) for pair in pairs):
        return "missing_field"
    try:
        person = canonical_person(text.get("person", "device:of a code"))
    except UsageError:
        return "bad_person"
    instant = instant_of(text["occurred_at"])
    if instant is None:
        return "bad_time"
    return "bad_code" if {"code", "person_code"} & set(text) else row_of(text, person, instant)


def trimmed(text: str) -> str:
    """Return a text without the blanks at its ends: tab, space separators and zero-width ones."""
    blanks = {sign for sign in text if unicodedata.category(sign) == "Zs" or sign in "\t" + ZERO_WIDTH}
    return text.strip("".join(blanks)) if blanks else text


def is_bad(name: str, value: str) -> bool:
    """Tell whether a text is over its limit or holds control or bidi characters."""
    limit = LIMITS.get(name, 128)
    if name == "person" and value.partition(":")[0] in KINDS and ":" in value:
        limit += value.index(":") + 1
    bidi = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    hidden = any(unicodedata.category(sign) == "Cc" or sign in bidi for sign in value)
    return hidden or len(value.encode()) > limit


def instant_of(text: str) -> int | None:
    """UTC microseconds of RFC 3339 with an offset, by the standard library."""
    shape = r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)"
    match = re.fullmatch(shape, text, re.ASCII)
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    if clock.startswith("24") or int(offset[4:] or 0) > 59:
        return None
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{clock}{offset.upper()}")
    except ValueError:
        return None
    since = moment - EPOCH
    below = int((fraction or "").ljust(6, "0")[:6])
    return (since.days * 86_400 + since.seconds) * 1_000_000 + below


def row_of(text: dict[str, str], person: str, instant: int) -> Row:
    direction = text.get("direction", "unknown")
    if "event_id" in text:
        day = (instant // DAY_US).to_bytes(4, "big", signed=True)
        message = b"\x01" + day + sized(text.get("scanner", "").encode()) + sized(text["event_id"].encode())
    else:
        fields = [person, text["venue"], text.get("zone", ""), direction]
        message = b"\x02" + b"".join(sized(field.encode()) for field in fields)
        message += sized(instant.to_bytes(8, "big", signed=True))
    fault = "too_old" if instant < SETTINGS.oldest_us else "too_new" if instant > SETTINGS.newest_us else ""
    return Row(
        person=token(person),
        venue=signed(hashlib.sha256(text["venue"].encode()).digest()),
        occurred_us=instant,
        event_key=hmac.digest(KEYS.event_key, message, "sha256")[:16],
        direction=direction,
        zone=text.get("zone"),
        scan_mode=text.get("scan_mode", ""),
        scanner=scanner_token(text["scanner"]) if "scanner" in text else None,
        fault=fault,
        identifier=person,
    )


def sized(field: bytes) -> bytes:
    return bytes([len(field)]) + field


def scanner_token(text: str) -> int:
    """Return the token of a scanner, which hangs on the event key."""
    key = hmac.digest(KEYS.event_key, b"truyvet scanner v1", "sha256")
    return signed(hmac.digest(key, text.encode(), "sha256"))


def token(canonical: str) -> int:
    return signed(hmac.digest(KEYS.token_key, canonical.encode(), "sha256"))


def signed(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True)


def outcomes(parsed: Parsed) -> list[str | Row]:
    """Return what `parse` made of each record, in the words of the reference."""
    found: dict[int, str | Row] = {
        row: REASONS[reason]
        for row, reason in zip(parsed.refused_row.tolist(), parsed.refused_reason.tolist(), strict=True)
    }
    identifier = dict(zip(parsed.tokens.tolist(), parsed.identifiers, strict=True))
    for row in parsed.scans.to_pylist():
        assert row["row"] not in found
        found[row["row"]] = Row(
            person=row["person"],
            venue=row["venue"],
            occurred_us=row["occurred_us"],
            event_key=row["event_high"].to_bytes(8, "big") + row["event_low"].to_bytes(8, "big"),
            direction=DIRECTIONS[row["direction"]],
            zone=row["zone"],
            scan_mode=SCAN_MODES[row["scan_mode"]],
            scanner=row["scanner"],
            fault=REASONS[row["fault"]],
            identifier=identifier.get(row["person"], b"").decode(),
        )
    assert len(found) == parsed.received
    return [found[row] for row in sorted(found)]


def spans_of(values: list[bytes | None]) -> Spans:
    """Return a column of texts in one buffer."""
    length = np.array([-1 if value is None else len(value) for value in values], np.int32)
    start = np.concatenate(([0], np.cumsum(length.clip(0))[:-1])) if values else []
    data = np.frombuffer(b"".join(value or b"" for value in values), np.uint8)
    return Spans(data, np.array(start, np.int64), length)


def columns_of(records: list[dict[str, object]], first_row: int = 0) -> Columns:
    """Records whose values are texts, as a block of columns."""
    fields = {
        name: spans_of([None if row.get(name) is None else str(row[name]).encode() for row in records])
        for name in FIELDS
        if any(name in row for row in records)
    }
    return Columns(first_row, dict(fields), len(records), np.zeros(len(records), np.uint8))


GOOD = {"person": "phone:0905123456", "venue": "QNG-0001", "occurred_at": "2021-07-01T08:30:00+07:00"}


def line(**fields: object) -> str:
    """Return a good line with some other fields."""
    return json.dumps({**GOOD, **fields}, ensure_ascii=False)


def block(*raw: str | bytes, first_row: int = 0) -> Lines:
    """Return a block of the pieces, line ends and all."""
    data = b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in raw)
    return Lines(first_row, np.frombuffer(data, np.uint8))


def of(*raw: str | bytes) -> list[str]:
    """Return what becomes of each record, the fields of those that are kept left out."""
    found = outcomes(parse(block(*raw), 0, SETTINGS))
    return [(one.fault or "kept") if isinstance(one, Row) else one for one in found]


def kept(**fields: object) -> Row:
    """Return the row of one good record with some other fields."""
    [found] = outcomes(parse(block(line(**fields)), 0, SETTINGS))
    assert isinstance(found, Row), found
    return found
