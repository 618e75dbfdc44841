"""Personal codes and citizen cards that a guard scanned, as persons."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.codes.code_identifiers import identifiers_of
from pipelines.codes.decoder import decode
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
    """

    reason: UInt8
    person: Spans
    identifiers: Sequence[tuple[bytes, ...]]

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
    found = [_identifiers(codes.value(row) or b"") if is_wanted else () for row, is_wanted in rows]
    refused = wanted & np.array([not identifiers for identifiers in found], bool)
    person = spans_of_values([identifiers[0] if identifiers else None for identifiers in found])
    return PersonCodes(refused * np.uint8(BAD_CODE), person, found)


def _identifiers(raw: bytes) -> tuple[bytes, ...]:
    return tuple(identifier.canonical.encode() for identifier in identifiers_of(decode(raw)))
