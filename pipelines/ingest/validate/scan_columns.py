"""The checks of one record: decode, shape, text, presence, person, time, code; the first defect counts."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.ingest.formats.blocks import NO_INSTANT
from pipelines.ingest.limits import (
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
from pipelines.ingest.reject_reasons import BAD_CODE, BAD_PERSON, BAD_TEXT, BAD_TIME, MALFORMED, MISSING_FIELD
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.distinct_column import Named, filled, same_texts
from pipelines.ingest.validate.place_codes import UNKNOWN_WORD, RegisteredCodes, places_of, words_to_codes
from pipelines.ingest.validate.scan_records import Records
from pipelines.ingest.validate.text_column import Texts, column_of, normalised, normalised_column
from pipelines.ingest.validate.timestamps import BAD_INSTANT, instants
from pipelines.kernels.types import Int32, Int64, UInt8
from pipelines.privacy.code_keys import NO_KEYS, CodeKeys
from pipelines.privacy.identifier_columns import canonical_identifiers
from pipelines.privacy.identifiers import TOO_LONG
from schemas.codes import DIRECTIONS, SCAN_MODES


@dataclass(frozen=True)
class CheckedScans:
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
        authenticity: uint8[n] codes, what vouches for the scanned code; 0 where there is none.
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
    authenticity: UInt8

    def rows(self, kept: Int64 | None) -> "CheckedScans":
        """Only the rows `kept`; None keeps all."""
        if kept is None:
            return self
        event_id = self.event_id
        return CheckedScans(
            reason=self.reason[kept],
            event_id=replace(event_id, start=event_id.start[kept], length=event_id.length[kept]),
            person=self.person.rows(kept),
            venue=self.venue.rows(kept),
            zone=self.zone.rows(kept),
            scanner=self.scanner.rows(kept),
            direction=self.direction[kept],
            scan_mode=self.scan_mode[kept],
            occurred_us=self.occurred_us[kept],
            authenticity=self.authenticity[kept],
        )


def check(records: Records, keys: CodeKeys = NO_KEYS) -> CheckedScans:
    """Judge each record by itself.

    The order of the reasons is the order of the checks, so of a row's defects
    the one with the smallest code counts.

    Args:
        records: of one block.
        keys: what scanned codes are judged by.
    """
    texts = records.texts
    event_id, bad_event_id = normalised_column(texts[EVENT_ID], EVENT_ID_BYTES)
    person, bad_person = _persons(texts[PERSON])
    venue, bad_venue = _named(texts[VENUE])
    zone, bad_zone = _named(texts[ZONE])
    scanner, bad_scanner = _named(texts[SCANNER])
    code_ids, places, bad_code = _codes(texts[CODE], keys)
    direction, bad_direction = _word(texts[DIRECTION], DIRECTIONS)
    scan_mode, bad_scan_mode = _word(texts[SCAN_MODE], SCAN_MODES)
    occurred_us, bad_time = _times(records)
    missing = (occurred_us == NO_INSTANT) | ((venue.ids < 0) & (code_ids < 0))
    reason = _first(
        *(records.reason, bad_event_id, bad_person, bad_venue, bad_code, bad_zone, bad_scanner),
        *(bad_direction, bad_scan_mode, bad_time, missing * np.uint8(MISSING_FIELD)),
    )
    nothing = np.zeros(reason.size, np.uint8)
    rest = (direction, scan_mode, occurred_us, nothing)
    checked = CheckedScans(reason, event_id, person, venue, zone, scanner, *rest)
    return checked if places is None else _with_places(checked, code_ids, places)


def _with_places(checked: CheckedScans, ids: Int32, places: RegisteredCodes) -> CheckedScans:
    """Records with what their codes say: the venue, and zone and direction where they say none.

    A code is refused when it did not hold at the time of the scan, or when it
    is of another place than the venue that the record names.
    """
    venue, occurred_us = checked.venue, checked.occurred_us
    named, coded = same_texts(venue.texts, places.venue)
    differs = (venue.ids >= 0) & (np.append(named, -1)[venue.ids] != np.append(coded, -1)[ids])
    early = occurred_us < np.append(places.valid_from_us, 0)[ids]
    late = occurred_us >= np.append(places.valid_to_us, 0)[ids]
    bad_code = ((ids >= 0) & (differs | early | late)) * np.uint8(BAD_CODE)
    of_code = np.append(places.direction, np.uint8(0))[ids]
    return replace(
        checked,
        reason=_first(checked.reason, bad_code),
        venue=filled(venue, places.venue, ids),
        zone=filled(checked.zone, places.zone, ids),
        direction=np.where(checked.direction == 0, of_code, checked.direction),
        authenticity=np.append(places.authenticity, np.uint8(0))[ids],
    )


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
    canonical, refused = canonical_identifiers(texts)
    bad_person = person_reasons(refused)
    merged, persons = distinct(column_of(canonical))
    reasons = _of_rows(_first(bad_text, bad_person), ids)
    reasons[ids < 0] = MISSING_FIELD
    return Named(np.append(merged, np.int32(-1))[ids], persons), reasons


def person_reasons(refused: Int32) -> UInt8:
    """The reasons, uint8[d], of what `canonical_identifiers` refuses."""
    return np.where(refused == TOO_LONG, np.uint8(BAD_TEXT), (refused < 0) * np.uint8(BAD_PERSON))


def _codes(column: Texts, keys: CodeKeys) -> tuple[Int32, RegisteredCodes | None, UInt8]:
    """The number of each row's scanned code, -1 where there is none, what it says, and why it is refused.

    A code is judged as it was scanned: it is not brought into NFC.
    """
    ids, texts = distinct(column)
    if not len(texts):
        return ids, None, np.zeros(ids.size, np.uint8)
    _, reasons = normalised(texts, None)
    reasons = _first(reasons, (texts.length > CODE_BYTES) * np.uint8(BAD_TEXT))
    places = places_of(texts, reasons == 0, keys)
    return ids, places, _of_rows(_first(reasons, places.reason), ids)


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
