"""The checks of one record: decode, shape, text, presence, person, time, code; the first defect counts."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.arrays import Int64
from pipelines.ingest.codes import UNKNOWN_WORD, decode_codes, words_to_codes
from pipelines.ingest.distinct import distinct
from pipelines.ingest.fields import (
    CODE,
    CODE_BYTES,
    DIRECTION,
    EVENT_ID,
    EVENT_ID_BYTES,
    OCCURRED_AT,
    PERSON,
    SCAN_MODE,
    SCANNER,
    TEXT_BYTES,
    VENUE,
    ZONE,
)
from pipelines.ingest.persons import canonical_persons
from pipelines.ingest.reasons import BAD_TEXT, BAD_TIME, MALFORMED, MISSING_FIELD
from pipelines.ingest.records import Records
from pipelines.ingest.spans import NO_INSTANT, Int32, Spans, UInt8
from pipelines.ingest.texts import Texts, column_of, normalised, normalised_column
from pipelines.ingest.times import BAD_INSTANT, instants
from schemas.codes import DIRECTIONS, SCAN_MODES


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


@dataclass(frozen=True)
class Checked:
    """Records after all checks but those of time and of duplicates; n rows.

    Attributes:
        reason: uint8[n], the first defect, 0 where there is none; only such
            rows have meaning in the other columns.
        event_id: NFC, absent where the record names none.
        person: canonical.
        venue: NFC.
        zone: NFC.
        scanner: NFC.
        direction: uint8[n] codes.
        scan_mode: uint8[n] codes.
        occurred_us: int64[n].
    """

    reason: UInt8
    event_id: Texts
    person: Named
    venue: Named
    zone: Named
    scanner: Named
    direction: UInt8
    scan_mode: UInt8
    occurred_us: Int64

    def rows(self, kept: Int64 | None) -> "Checked":
        """Only the rows `kept`; None keeps all."""
        if kept is None:
            return self
        event_id = self.event_id
        return Checked(
            reason=self.reason[kept],
            event_id=replace(event_id, start=event_id.start[kept], length=event_id.length[kept]),
            person=self.person.rows(kept),
            venue=self.venue.rows(kept),
            zone=self.zone.rows(kept),
            scanner=self.scanner.rows(kept),
            direction=self.direction[kept],
            scan_mode=self.scan_mode[kept],
            occurred_us=self.occurred_us[kept],
        )


def check(records: Records) -> Checked:
    """Judge each record by itself.

    The order of the reasons is the order of the checks, so of a row's defects
    the one with the smallest code counts.
    """
    texts = records.texts
    event_id, bad_event_id = normalised_column(texts[EVENT_ID], EVENT_ID_BYTES)
    person, bad_person = _persons(texts[PERSON])
    venue, bad_venue = _named(texts[VENUE])
    zone, bad_zone = _named(texts[ZONE])
    scanner, bad_scanner = _named(texts[SCANNER])
    code_ids, bad_code = _codes(texts[CODE])
    direction, bad_direction = _word(texts[DIRECTION], DIRECTIONS)
    scan_mode, bad_scan_mode = _word(texts[SCAN_MODE], SCAN_MODES)
    occurred_us, bad_time = _times(records)
    missing = (occurred_us == NO_INSTANT) | ((venue.ids < 0) & (code_ids < 0))
    reason = _first(
        *(records.reason, bad_event_id, bad_person, bad_venue, bad_code, bad_zone, bad_scanner),
        *(bad_direction, bad_scan_mode, bad_time, missing * np.uint8(MISSING_FIELD)),
    )
    return Checked(reason, event_id, person, venue, zone, scanner, direction, scan_mode, occurred_us)


def _first(*reasons: UInt8) -> UInt8:
    """The smallest reason of each row that is not 0."""
    smallest = reasons[0] - np.uint8(1)  # 0 becomes 255
    for other in reasons[1:]:
        np.minimum(smallest, other - np.uint8(1), out=smallest)
    return smallest + np.uint8(1)


def _of_rows(reasons: UInt8, ids: Int32) -> UInt8:
    """The reasons of distinct texts as those of rows; 0 where there is no text."""
    if not reasons.any():
        return np.zeros(ids.size, np.uint8)
    return np.append(reasons, np.uint8(0))[ids]


def _named(column: Texts) -> tuple[Named, UInt8]:
    ids, texts = distinct(column)
    texts, reasons = normalised(texts, TEXT_BYTES)
    return Named(ids, texts), _of_rows(reasons, ids)


def _persons(column: Texts) -> tuple[Named, UInt8]:
    """Canonical persons, each with one number whatever its spellings were; none may be missing."""
    ids, texts = distinct(column)
    texts, bad_text = normalised(texts, None)
    canonical, bad_person = canonical_persons(texts)
    merged, persons = distinct(column_of(canonical))
    reasons = _of_rows(_first(bad_text, bad_person), ids)
    reasons[ids < 0] = MISSING_FIELD
    return Named(np.append(merged, np.int32(-1))[ids], persons), reasons


def _codes(column: Texts) -> tuple[Int32, UInt8]:
    """The number of each row's scanned code, -1 where there is none, and why it is refused.

    A code is judged as it was scanned: it is not brought into NFC.
    """
    ids, texts = distinct(column)
    _, reasons = normalised(texts, None)
    long = (texts.length > CODE_BYTES) * np.uint8(BAD_TEXT)
    return ids, _of_rows(_first(reasons, long, decode_codes(texts).reason), ids)


def _word(column: Texts, words: tuple[str, ...]) -> tuple[UInt8, UInt8]:
    """A column of few words as their codes; any other word is no scan of this contract."""
    codes = words_to_codes(column, words)
    return codes, (codes == UNKNOWN_WORD) * np.uint8(MALFORMED)


def _times(records: Records) -> tuple[Int64, UInt8]:
    """Instants, and what is wrong with those that came as text."""
    column = records.texts[OCCURRED_AT]
    if records.instants is not None:
        return records.instants, np.zeros(records.instants.size, np.uint8)
    occurred_us = instants(column)
    reasons = np.zeros(occurred_us.size, np.uint8)
    odd = np.flatnonzero((occurred_us == BAD_INSTANT) | (column.length > TEXT_BYTES))
    _, bad_text = normalised_column(
        replace(column, start=column.start[odd], length=column.length[odd]), TEXT_BYTES
    )
    reasons[odd] = _first(bad_text, (occurred_us[odd] == BAD_INSTANT) * np.uint8(BAD_TIME))
    return occurred_us, reasons
