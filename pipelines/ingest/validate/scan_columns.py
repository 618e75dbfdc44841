"""Check each scan by itself; of several defects the first in the order of the reasons counts.

Decode, shape, text, presence, person, time, code: the reasons are numbered in
this order, so the smallest number wins.
"""

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
    PERSON_CODE,
    SCAN_MODE,
    SCANNER,
    TEXT_BYTES,
    VENUE,
    ZONE,
)
from pipelines.ingest.reject_reasons import (
    BAD_CODE,
    BAD_PERSON,
    BAD_TEXT,
    BAD_TIME,
    MALFORMED,
    MISSING_FIELD,
)
from pipelines.ingest.validate.distinct import distinct
from pipelines.ingest.validate.distinct_column import DistinctColumn, filled, of_rows, same_texts, tidy_names
from pipelines.ingest.validate.person_codes import PersonCodes, persons_of
from pipelines.ingest.validate.place_codes import UNKNOWN_WORD, RegisteredCodes, places_of, words_to_codes
from pipelines.ingest.validate.scan_records import Records
from pipelines.ingest.validate.text_column import (
    NO_BYTES,
    Texts,
    column_of,
    tidied,
    tidied_column,
    without_line_ends,
)
from pipelines.ingest.validate.timestamps import BAD_INSTANT, instants
from pipelines.kernels.types import Int32, Int64, Spans, UInt8
from pipelines.privacy.code_keys import NO_KEYS, CodeKeys
from pipelines.privacy.identifier_columns import canonical_identifiers
from pipelines.privacy.identifiers import TOO_LONG
from schemas.codes import DIRECTIONS, SCAN_MODES
from schemas.wire_text import zone_name

_NO_TEXTS = Spans(NO_BYTES, np.zeros(0, np.int64), np.zeros(0, np.int32))


@dataclass(frozen=True)
class CheckedScans:
    """Records after all checks but those of time and of duplicates; n rows.

    Attributes:
        reason: uint8[n], the first defect, 0 where there is none; only such
            rows have meaning in the other columns.
        event_id: tidy, absent where the record names none.
        person: canonical.
        venue: tidy.
        zone: tidy, in the spelling that all of its cases share.
        scanner: tidy.
        direction: uint8[n] codes.
        scan_mode: uint8[n] codes.
        occurred_us: int64[n].
        authenticity: uint8[n] codes, what vouches for the scanned code; 0 where there is none.
        person_codes: what the personal codes of the block hold; None where there is none.
        person_code_ids: int32[n], the number of each row's personal code, -1 for none.
    """

    reason: UInt8
    event_id: Texts
    person: DistinctColumn
    venue: DistinctColumn
    zone: DistinctColumn
    scanner: DistinctColumn
    direction: UInt8
    scan_mode: UInt8
    occurred_us: Int64
    authenticity: UInt8
    person_codes: PersonCodes | None = None
    person_code_ids: Int32 | None = None

    def rows(self, kept: Int64 | None) -> "CheckedScans":
        """Keep only some rows; None keeps all."""
        if kept is None:
            return self
        return CheckedScans(
            reason=self.reason[kept],
            event_id=self.event_id.rows(kept),
            person=self.person.rows(kept),
            venue=self.venue.rows(kept),
            zone=self.zone.rows(kept),
            scanner=self.scanner.rows(kept),
            direction=self.direction[kept],
            scan_mode=self.scan_mode[kept],
            occurred_us=self.occurred_us[kept],
            authenticity=self.authenticity[kept],
            person_codes=self.person_codes,
            person_code_ids=None if self.person_code_ids is None else self.person_code_ids[kept],
        )


def check(records: Records, keys: CodeKeys = NO_KEYS) -> CheckedScans:
    """Check each record by itself.

    Args:
        records: of one block.
        keys: what scanned codes are verified with.
    """
    texts = records.texts
    # Event ids nearly all differ, so each row is checked; the other columns repeat, so each distinct text is.
    event_id, bad_event_id = tidied_column(texts[EVENT_ID], EVENT_ID_BYTES)
    person, bad_person, person_codes = _persons(texts[PERSON], texts[PERSON_CODE])
    venue, bad_venue = _names(texts[VENUE])
    zone, bad_zone = tidy_names(texts[ZONE], TEXT_BYTES, spell=zone_name)
    scanner, bad_scanner = _names(texts[SCANNER])
    code_ids, places, bad_code = _place_codes(texts[CODE], keys)
    direction, bad_direction = _words(texts[DIRECTION], DIRECTIONS)
    scan_mode, bad_scan_mode = _words(texts[SCAN_MODE], SCAN_MODES)
    occurred_us, bad_time = _times(records)
    # A missing person is noted by `_persons`, which knows about codes.
    # Absent, not refused: a refused text keeps its number and has a reason of its own.
    missing = (occurred_us == NO_INSTANT) | ((venue.ids < 0) & (code_ids < 0))
    reason = _first(
        *(records.reason, bad_event_id, bad_person, bad_venue, bad_code, of_rows(bad_zone, zone.ids)),
        *(bad_scanner, bad_direction, bad_scan_mode, bad_time, missing * np.uint8(MISSING_FIELD)),
    )
    nothing = np.zeros(reason.size, np.uint8)
    rest = (direction, scan_mode, occurred_us, nothing)
    checked = CheckedScans(reason, event_id, person, venue, zone, scanner, *rest, *person_codes)
    return checked if places is None else _with_places(checked, code_ids, places)


def person_reasons(refused: Int32) -> UInt8:
    """Return the reasons, uint8[d], of what `canonical_identifiers` refuses."""
    return np.where(refused == TOO_LONG, np.uint8(BAD_TEXT), (refused < 0) * np.uint8(BAD_PERSON))


def _with_places(checked: CheckedScans, ids: Int32, places: RegisteredCodes) -> CheckedScans:
    """Add what codes say: the venue, and zone and direction where the record names none.

    A code is refused when it did not hold at the time of the scan, or when it
    belongs to another place than the venue that the record names.
    """
    venue, occurred_us = checked.venue, checked.occurred_us
    # Equal texts have equal numbers in both. Id -1, no text, picks the element appended last.
    named, coded = same_texts(venue.texts, places.venue)
    differs = (venue.ids >= 0) & (np.append(named, -1)[venue.ids] != np.append(coded, -1)[ids])
    # The validity of a code is half-open.
    early = occurred_us < np.append(places.valid_from_us, 0)[ids]
    late = occurred_us >= np.append(places.valid_to_us, 0)[ids]
    bad_code = ((ids >= 0) & (differs | early | late)) * np.uint8(BAD_CODE)
    of_code = np.append(places.direction, np.uint8(0))[ids]
    return replace(
        checked,
        reason=_first(checked.reason, bad_code),
        venue=filled(venue, places.venue, ids),
        zone=filled(checked.zone, places.zone, ids),
        # Code 0 is `unknown`: a record that says so and one that says nothing are alike.
        direction=np.where(checked.direction == 0, of_code, checked.direction),
        authenticity=np.append(places.authenticity, np.uint8(0))[ids],
    )


def _first(*reasons: UInt8) -> UInt8:
    """Return the smallest reason of each row that is not 0."""
    smallest = reasons[0] - np.uint8(1)  # 0 wraps round to 255, the largest
    for other in reasons[1:]:
        np.minimum(smallest, other - np.uint8(1), out=smallest)
    return smallest + np.uint8(1)


def _names(column: Texts) -> tuple[DistinctColumn, UInt8]:
    names, reasons = tidy_names(column, TEXT_BYTES)
    return names, of_rows(reasons, names.ids)


def _persons(
    column: Texts, codes: Texts
) -> tuple[DistinctColumn, UInt8, tuple[PersonCodes | None, Int32 | None]]:
    """Return canonical persons, one number each whatever its spellings were, the reasons of rows, and codes.

    A row may name its person, or show a personal code instead. With both, the person
    named stands, unless the code contradicts it.
    """
    spelled, bad_text = tidy_names(column, None)
    canonical, refused = canonical_identifiers(spelled.texts)
    reasons = of_rows(_first(bad_text, person_reasons(refused)), spelled.ids)
    # Spellings of one person still have numbers of their own here; they are merged at the end.
    person = DistinctColumn(spelled.ids, canonical)
    code_ids, texts, bad_code = _codes(codes)
    held: PersonCodes | None = None
    if len(texts):
        held = persons_of(texts, (texts.length >= 0) & (bad_code == 0))
        # A person who is refused anyway contradicts nothing.
        contradicted = held.contradict(canonical, np.where(reasons == 0, person.ids, -1), code_ids)
        of_code = _first(of_rows(_first(bad_code, held.reason), code_ids), contradicted * np.uint8(BAD_CODE))
        reasons = _first(reasons, of_code)
        # A person who is named stands; the code fills in where there is none.
        person = filled(person, held.person, code_ids)
    reasons[(spelled.ids < 0) & (code_ids < 0)] = MISSING_FIELD
    # Equal persons, of different spellings or from names and codes, get one number and one token.
    merged, persons = distinct(column_of(person.texts))
    own = DistinctColumn(np.append(merged, np.int32(-1))[person.ids], persons)
    return own, reasons, (None, None) if held is None else (held, code_ids)


def _place_codes(column: Texts, keys: CodeKeys) -> tuple[Int32, RegisteredCodes | None, UInt8]:
    """Return the number of each row's code, -1 for none, what the codes say, and the reasons of rows."""
    ids, texts, reasons = _codes(column)
    if not len(texts):
        return ids, None, np.zeros(ids.size, np.uint8)
    places = places_of(texts, (texts.length >= 0) & (reasons == 0), keys)
    return ids, places, of_rows(_first(reasons, places.reason), ids)


def _codes(column: Texts) -> tuple[Int32, Spans, UInt8]:
    """Return the number of each row's code, -1 for none, the distinct raw texts and their reasons.

    A code is checked as it was scanned, not in NFC: some formats hash the exact bytes.
    Scanners that act as keyboards append a line end, which is stripped.
    """
    # Most files have no codes: spare them the table of distinct texts.
    if not (column.length > 0).any():
        return np.full(column.length.size, -1, np.int32), _NO_TEXTS, np.zeros(0, np.uint8)
    ids, texts = distinct(column)
    texts = without_line_ends(texts)
    # The tidy text only tells what is absent or refused; the text that is decoded stays raw.
    tidy, reasons = tidied(texts, None)
    reasons = _first(reasons, (tidy.length > CODE_BYTES) * np.uint8(BAD_TEXT))
    raw = replace(texts, length=np.where(tidy.length < 0, np.int32(-1), texts.length))
    return np.where(np.append(raw.length, -1)[ids] < 0, np.int32(-1), ids), raw, reasons


def _words(column: Texts, words: tuple[str, ...]) -> tuple[UInt8, UInt8]:
    """Return a column of few words as their codes; another word is malformed."""
    codes = words_to_codes(column, words)
    # The kernel knows the exact words; the few other texts are made tidy and looked up again.
    odd = np.flatnonzero(codes == UNKNOWN_WORD)
    if odd.size:  # padded, or a word for nothing
        names, _ = tidy_names(column.rows(odd), TEXT_BYTES)
        # Id -1, a word for nothing, picks the 0 appended last.
        codes[odd] = np.append(words_to_codes(column_of(names.texts), words), np.uint8(0))[names.ids]
    return codes, (codes == UNKNOWN_WORD) * np.uint8(MALFORMED)


def _times(records: Records) -> tuple[Int64, UInt8]:
    """Return instants, and what is wrong with those that came as text."""
    column = records.texts[OCCURRED_AT]
    if records.instants is not None:
        return records.instants, np.zeros(records.instants.size, np.uint8)
    occurred_us = instants(column)
    reasons = np.zeros(occurred_us.size, np.uint8)
    # A timestamp may be valid and still too long, by the digits of its fraction.
    odd = np.flatnonzero((occurred_us == BAD_INSTANT) | (column.length > TEXT_BYTES))
    if odd.size:
        tidy, bad_text = tidied_column(column.rows(odd), TEXT_BYTES, optional=False)
        occurred_us[odd] = instants(tidy)
        reasons[odd] = _first(bad_text, (occurred_us[odd] == BAD_INSTANT) * np.uint8(BAD_TIME))
    return occurred_us, reasons
