"""The identifiers in a person's code: the strongest is the person, the others are links to him.

A link joins the first identifier that `identifiers_of` returns with one of the
others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.codes import vietnam
from pipelines.codes.decoded import Decoded
from pipelines.privacy.identifiers import canonical_or_none


@dataclass(frozen=True)
class CodeIdentifier:
    """An identifier in a code.

    Example:
        >>> CodeIdentifier("phone:+84905123456", is_self=False)
        CodeIdentifier(is_self=False)

    Attributes:
        canonical: `KIND:VALUE` in its canonical spelling; left out of `repr`.
        is_self: whether it is the holder's own. False for the phone in a code that somebody
            filled in for another person: it belongs to the one who filled it in.
    """

    canonical: str = field(repr=False)
    is_self: bool = True

    @property
    def kind(self) -> str:
        """Its kind, one of `pipelines.privacy.identifiers.KINDS`."""
        return self.canonical.partition(":")[0]


_STRENGTH = ("cccd", "qid", "bhyt", "cmnd", "passport", "phone")
"""Kinds from the strongest to the weakest: a phone is lent and changes hands."""


def identifiers_of(decoded: Decoded) -> tuple[CodeIdentifier, ...]:
    """List the identifiers of a decoded personal code or citizen card, the strongest first.

    A part of a code that is masked, empty or not a valid identifier is left out. So is
    the QID of the helper who filled in the code for another person.

    >>> from pipelines.codes.decoder import decode
    >>> card = decode("051200000001|212345678|A|01011990|Nam|B|01012021")
    >>> [identifier.canonical for identifier in identifiers_of(card)]
    ['cccd:051200000001', 'cmnd:212345678']

    Args:
        decoded: from `pipelines.codes.decoder.decode`.

    Returns:
        Nothing for codes of places, and for codes that are refused.
    """
    if decoded.reason:
        return ()
    found = {_card_kind(text) if kind == "card" else kind: text for kind, text in _parts(decoded)}
    canonical = {kind: canonical_or_none(f"{kind}:{text}") for kind, text in found.items()}
    # A code filled in for another person holds the helper's phone, and that person's other identifiers.
    own_phone = decoded.fields.get("id_kind") != vietnam.FOR_ANOTHER
    return tuple(
        CodeIdentifier(text, is_self=own_phone or kind != "phone")
        for kind in _STRENGTH
        if (text := canonical.get(kind)) is not None
    )


def _parts(decoded: Decoded) -> Iterator[tuple[str, str]]:
    """Yield the kind and text of each part that may be an identifier; `card` for a number of any card."""
    if decoded.format == vietnam.PERSON:
        names = {"document": "card", "qid": "qid", "insurance": "bhyt", "phone": "phone"}
    elif decoded.format == vietnam.CARD:
        names = {"citizen_id": "card", "old_number": "card"}
    else:
        names = {}
    for name, kind in names.items():
        if text := decoded.fields.get(name):
            yield kind, text


def _card_kind(number: str) -> str:
    """Return the kind of a card's number: citizen cards have 12 digits, identity cards had 9."""
    if number.isdecimal() and len(number) in (9, 12):
        return "cccd" if len(number) == 12 else "cmnd"
    return "passport"
