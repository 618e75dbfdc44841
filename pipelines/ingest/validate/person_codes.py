"""Personal codes and citizen cards that a guard scanned, as persons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.codes.code_identifiers import identifiers_of
from pipelines.codes.decoder import decode
from pipelines.codes.vietnam import CARD
from pipelines.ingest.reject_reasons import BAD_CODE
from pipelines.ingest.validate.place_codes import spans_of_values
from pipelines.kernels.types import Bool, Int32, Spans, UInt8


@dataclass(frozen=True)
class PersonCodes:
    """What the raw texts of personal codes hold; d texts.

    Attributes:
        reason: uint8[d], why a text is refused, or 0.
        person: the canonical identifier of the holder, the strongest in the code; absent where refused.
        identifiers: all canonical identifiers in each code, the strongest first.
        is_self: of each of them, whether it is the holder's own.
        source: of each code, where its links were seen: one of `schemas.codes.LINK_SOURCES`.
    """

    reason: UInt8
    person: Spans
    identifiers: Sequence[tuple[bytes, ...]]
    is_self: Sequence[tuple[bool, ...]]
    source: Sequence[str]

    def contradict(self, persons: Spans, person_ids: Int32, code_ids: Int32) -> Bool:
        """Find the rows whose person is not the holder of their code, bool[n].

        A code contradicts a person when it holds another identifier of his kind: a card
        says nothing against a phone number, for it has none.

        Args:
            persons: distinct canonical identifiers.
            person_ids: int32[n], each row's person among them, -1 for none.
            code_ids: int32[n], each row's code, -1 for none.
        """
        both = np.flatnonzero((person_ids >= 0) & (code_ids >= 0))
        wrong = np.zeros(person_ids.size, bool)
        for row in both.tolist():
            person = persons.value(int(person_ids[row])) or b""
            # With its colon, so that no kind is the beginning of another.
            kind = person[: person.find(b":") + 1]
            of_kind = [other for other in self.identifiers[code_ids[row]] if other.startswith(kind)]
            wrong[row] = bool(of_kind) and person not in of_kind
        return wrong


def persons_of(codes: Spans, wanted: Bool) -> PersonCodes:
    """Decode the distinct raw texts of personal codes.

    Args:
        codes: d texts.
        wanted: bool[d], false for texts that are refused already or absent.
    """
    rows = enumerate(wanted.tolist())
    decoded = [decode(codes.value(row) or b"") if is_wanted else None for row, is_wanted in rows]
    parts = [() if one is None else identifiers_of(one) for one in decoded]
    found = [tuple(part.canonical.encode() for part in of_code) for of_code in parts]
    # Read, but without an identifier that can be a key.
    refused = wanted & np.array([not identifiers for identifiers in found], bool)
    person = spans_of_values([identifiers[0] if identifiers else None for identifiers in found])
    return PersonCodes(
        reason=refused * np.uint8(BAD_CODE),
        person=person,
        identifiers=found,
        is_self=[tuple(part.is_self for part in of_code) for of_code in parts],
        source=["card" if one is not None and one.format == CARD else "personal_qr" for one in decoded],
    )
