"""The one canonical spelling of a person's identifier, `KIND:VALUE`.

Tokens are made of this spelling, so two spellings of one person must become one,
and a damaged number must never become somebody else's: what no numbering plan
holds is refused.

The rule is written once, as plain functions over bytes. `canonical_person` runs
them on one text; `pipelines.privacy.identifier_columns` compiles the very same
functions and runs them over a column. Hence their style: positions in buffers,
numbers and tuples only, which both Python and numba understand.

Sources: Vietnam's numbering plan is Circular 22/2014/TT-BTTTT; landlines have
area codes 02x since 2017 (Decision 2036/QĐ-BTTTT of 2016), mobile numbers ten
digits since 2018 (Decision 798/QĐ-BTTTT), and both are written without their
trunk 0 in E.164. Numbers of other countries have 8 to 15 digits (ITU-T E.164).
"""

from collections.abc import Sequence
from typing import Final

from pipelines.errors import UsageError
from schemas.wire_text import NOTHING, holds_hidden, tidy

KINDS: Final = ("phone", "qid", "cccd", "cmnd", "bhyt", "passport", "device")
"""The kinds of identifier that a record may carry: phone, the QID of a personal code, citizen card (12
digits), old identity card (9 digits), health insurance, passport, and a device's own number."""

MAX_VALUE_BYTES: Final = 128
"""The longest value behind the kind, in UTF-8."""

OLD_MOBILES: Final = {
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",  # MobiFone
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",  # Vinaphone
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
    "186": "56", "188": "58", "199": "59",  # Vietnamobile, Gmobile; the row above is Viettel
}  # fmt: skip
"""Prefixes of the eleven-digit mobile numbers and their successors of 2018, both without the trunk 0."""

REFUSED, TOO_LONG = -1, -2
"""What `put_canonical` returns instead of a size."""

GROWTH: Final = len("+84")
"""Bytes by which a canonical identifier may be longer than its text."""

Bytes = Sequence[int]
"""What is read: `bytes`, or uint8[n] once compiled."""

_PHONE, _CCCD, _CMND, _BHYT, _PASSPORT = map(KINDS.index, ("phone", "cccd", "cmnd", "bhyt", "passport"))
# Flat tuples of numbers, which numba compiles as constants: all prefixes joined, and their sizes.
_PREFIXES = tuple("".join(f"{kind}:" for kind in KINDS).encode())
_PREFIX_SIZES = tuple(len(kind) + 1 for kind in KINDS)
# Indexed by the two digits after the 1; 0 means that there was no such prefix.
_SUCCESSORS = tuple(int(OLD_MOBILES.get(f"1{number:02}", 0)) for number in range(100))
_MOBILE_FIRST = tuple(b"35789")
_ZERO, _NINE, _PLUS, _MINUS, _DOT, _COMMA = tuple(b"09+-.,")
_STAR, _BLANK = tuple(b"* ")
_FILLING = tuple(b".-()")
# Words as big-endian numbers, compared without strings; more than 7 bytes would overflow int64.
_NOTHING = tuple(int.from_bytes(word.encode(), "big") for word in sorted(NOTHING) if word)
_NOTHING_BYTES = max(map(len, NOTHING))
_LARGE_A, _LARGE_Z, _SMALL_A, _SMALL_Z, _SMALL_E = tuple(b"AZaze")


def canonical_person(text: str) -> str:
    """Return the canonical spelling of an identifier.

    >>> canonical_person("phone:0168 123 4567")
    'phone:+84381234567'
    >>> canonical_person("bhyt:dn 4 01 0123456789")
    'bhyt:0123456789'

    Args:
        text: `KIND:VALUE`, the kind one of `KINDS` in lower case.

    Raises:
        UsageError: naming the rule that is broken, never the value.
    """
    canonical = canonical_or_none(text)
    if canonical is not None:
        return canonical
    kind = tidy(text).partition(":")[0]
    if kind not in KINDS:
        raise UsageError(
            "a person must be KIND:VALUE with a known kind",
            f"write one of {' '.join(KINDS)} before the colon",
        )
    raise UsageError(f"the value is not a valid {kind}", _REMEDIES[kind])


def canonical_or_none(text: str) -> str | None:
    """Return the canonical spelling of an identifier, or None when it breaks a rule.

    >>> canonical_or_none("phone:0381234567.0") is None
    True
    """
    text = tidy(text)
    if holds_hidden(text):
        return None
    raw = text.encode(errors="surrogatepass")  # a lone surrogate stays one, and fails below
    written = bytearray(len(raw) + GROWTH)
    size = put_canonical(raw, 0, len(raw), written, 0)
    try:
        return None if size < 0 else written[:size].decode()
    except UnicodeDecodeError:
        return None


_TEXT_REMEDY = (
    "write 1 to 128 bytes without * and control characters; as text, not as a decimal number or a word "
    "for none such as nan"
)
_REMEDIES = {
    "phone": "write 0905…, +84905…, a landline 02…, or + and 8 to 15 digits for another country",
    "qid": _TEXT_REMEDY,
    "cccd": "write its 12 digits; an old card of 9 digits is cmnd",
    "cmnd": "write its 9 digits; a card of 12 digits is cccd",
    "bhyt": "write its 15 letters and digits, or the last 10 digits",
    "passport": "write its 5 to 20 letters and digits",
    "device": _TEXT_REMEDY,
}


def put_canonical(data: Bytes, at: int, size: int, out: bytearray, to: int) -> int:
    """Write the canonical spelling of an identifier.

    Args:
        data: holds the text: UTF-8 in NFC, without blanks at its ends.
        at: where the text begins.
        size: of the text.
        out: receives the identifier; at most `size + GROWTH` bytes from `to` on are overwritten.
        to: where the identifier begins.

    Returns:
        The size of the identifier, or `REFUSED`, or `TOO_LONG`.
    """
    kind, prefix = _kind_of(data, at, size)
    end, at = at + size, at + prefix
    if end - at > MAX_VALUE_BYTES:
        return TOO_LONG
    while at < end and _blank_size(data, at, end) > 0:  # blanks after the colon
        at += _blank_size(data, at, end)
    if kind < 0 or at == end:
        return REFUSED
    if _is_nothing(data, at, end):
        return REFUSED
    for index in range(at, end):
        if data[index] == _STAR:  # a masked number
            return REFUSED
    first = _put_kind(kind, out, to)
    if kind == _PHONE:
        stop = _put_phone(data, at, end, out, first)
    elif kind in (_BHYT, _PASSPORT):
        stop = _put_card(data, at, end, kind, out, first)
    else:
        stop = _put_text(data, at, end, kind, out, first)
    return stop - to if stop > first else REFUSED


def _kind_of(data: Bytes, at: int, size: int) -> tuple[int, int]:
    """Return the number of the kind and the size of the kind with its colon, or -1 and 0."""
    first = 0
    for kind in range(len(_PREFIX_SIZES)):
        prefix = _PREFIX_SIZES[kind]
        # `first` is the kind's position in `_PREFIXES`.
        same = 0
        while same < prefix and same < size and data[at + same] == _PREFIXES[first + same]:
            same += 1
        if same == prefix:
            return kind, prefix
        first += prefix
    return -1, 0


def _is_nothing(data: Bytes, at: int, end: int) -> bool:
    """Tell a word for no value, such as nan: all who have none would become one person."""
    if end - at > _NOTHING_BYTES:
        return False
    word = 0
    for index in range(at, end):
        sign = data[index]
        # Case is folded.
        word = word * 256 + (sign + _SMALL_A - _LARGE_A if _LARGE_A <= sign <= _LARGE_Z else sign)
    found = False
    for nothing in _NOTHING:
        found = found or word == nothing
    return found


def _put_kind(kind: int, out: bytearray, to: int) -> int:
    """Write a kind and its colon; return where they end."""
    first = 0
    for other in range(kind):
        first += _PREFIX_SIZES[other]
    for index in range(_PREFIX_SIZES[kind]):
        out[to + index] = _PREFIXES[first + index]
    return to + _PREFIX_SIZES[kind]


def _put_text(data: Bytes, at: int, end: int, kind: int, out: bytearray, to: int) -> int:
    """Write a value as it stands; return where it ends, or `REFUSED`."""
    # A card number consists of digits only.
    digits = _digits_end(data, at, end) - at
    if (kind == _CCCD and (digits != 12 or digits != end - at)) or (
        kind == _CMND and (digits != 9 or digits != end - at)
    ):
        return REFUSED
    if _is_float(data, at, end):
        return REFUSED
    for index in range(end - at):
        out[to + index] = data[at + index]
    return to + end - at


def _put_card(data: Bytes, at: int, end: int, kind: int, out: bytearray, to: int) -> int:
    """Write the number of a health-insurance card or a passport; return where it ends, or `REFUSED`.

    Blanks are dropped and letters become capitals. An insurance card has 15
    characters, XX Y ZZ NNNNNNNNNN, of which the last ten name the person: the others
    change with the job and the hospital.
    """
    stop = to
    while at < end:
        blank = _blank_size(data, at, end)
        if blank == 0:
            sign = data[at]
            if _SMALL_A <= sign <= _SMALL_Z:
                sign -= _SMALL_A - _LARGE_A
            if not (_ZERO <= sign <= _NINE or _LARGE_A <= sign <= _LARGE_Z):
                return REFUSED
            out[stop] = sign
            stop += 1
            blank = 1
        at += blank
    size = stop - to
    if kind == _PASSPORT:
        return stop if 5 <= size <= 20 else REFUSED
    # Check the size first: with fewer than 10 characters `stop - 10` lies before the number.
    if (size != 10 and size != 15) or _digits_end(out, stop - 10, stop) != stop:
        return REFUSED
    for index in range(10):
        out[to + index] = out[stop - 10 + index]
    return to + 10


def _put_phone(data: Bytes, at: int, end: int, out: bytearray, to: int) -> int:
    """Write a phone number in E.164; return where it ends, or `REFUSED`."""
    # Collect the characters behind room for `+84`; the number moves to `to` once it is known.
    first = to + GROWTH
    stop, dots, behind = first, 0, 0  # `behind`: characters since the last dot
    while at < end:
        filling = _filling_size(data, at, end)
        if filling == 0:
            out[stop] = data[at]
            stop, behind, filling = stop + 1, behind + 1, 1
        elif data[at] == _DOT:
            dots, behind = dots + 1, 0
        at += filling
    # One dot and one or two digits behind it is a number that went through a float: 381234567.0.
    # Read without its dot it would be the phone of somebody else.
    if dots == 1 and 1 <= behind <= 2:
        return REFUSED
    # A Vietnamese number in any spelling, else a foreign one: `+` and 8 to 15 digits.
    national = _national_begin(out, first, stop)
    if national > first and _digits_end(out, national, stop) == stop:
        size = _put_national(out, national, stop, to)
        if size > 0:
            return to + size
    digits = _digits_end(out, first + 1, stop) - first - 1
    abroad = out[first] == _PLUS and not _is_84(out, first + 1, stop) if stop > first else False
    if not abroad or first + 1 + digits != stop or not 8 <= digits <= 15 or out[first + 1] == _ZERO:
        return REFUSED
    for index in range(digits + 1):
        out[to + index] = out[first + index]
    return to + digits + 1


def _national_begin(text: Bytes, at: int, end: int) -> int:
    """Skip what stands for Vietnam: `+84`, `0084`, `84`, each with an optional trunk 0, or the 0 alone."""
    begin = at
    if end - at > 1 and text[at] == _PLUS:
        begin = at + 1
    elif end - at > 2 and text[at] == _ZERO and text[at + 1] == _ZERO:
        begin = at + 2
    if _is_84(text, begin, end):
        begin += 2
        return begin + 1 if begin < end and text[begin] == _ZERO else begin
    return at + 1 if at < end and text[at] == _ZERO else at


def _put_national(text: bytearray, at: int, end: int, to: int) -> int:
    """Write +84 and a Vietnamese number without its trunk 0; return the size, 0 for no such number."""
    digits = end - at
    # A mobile number from before 2018 without its trunk 0: 1xx and seven digits.
    if digits == 10 and text[at] == _ZERO + 1:
        successor = _SUCCESSORS[(text[at + 1] - _ZERO) * 10 + text[at + 2] - _ZERO]
        if successor == 0:
            return 0
        # The successor has two digits instead of three and overwrites the last two.
        at, digits = at + 1, 9
        text[at], text[at + 1] = _ZERO + successor // 10, _ZERO + successor % 10
    # Without the trunk 0: nine digits for a mobile, ten (2x…) for a landline.
    mobile = digits == 9 and text[at] in _MOBILE_FIRST
    landline = digits == 10 and text[at] == _ZERO + 2
    if not mobile and not landline:
        return 0
    text[to], text[to + 1], text[to + 2] = _PLUS, _ZERO + 8, _ZERO + 4
    # In place, front to back: thanks to the room for `+84` the source never lies before the target.
    for index in range(digits):
        text[to + 3 + index] = text[at + index]
    return 3 + digits


def _is_84(text: Bytes, at: int, end: int) -> bool:
    return end - at >= 2 and text[at] == _ZERO + 8 and text[at + 1] == _ZERO + 4


def _digits_end(text: Bytes, at: int, end: int) -> int:
    """Return where the ASCII digits from `at` on end."""
    while at < end and _ZERO <= text[at] <= _NINE:
        at += 1
    return at


def _is_float(text: Bytes, at: int, end: int) -> bool:
    """Tell a number that a spreadsheet or data frame has rewritten: `123.0`, `1.23E+11`."""
    whole = _digits_end(text, at, end)
    if whole in (at, end):  # no digit, or nothing but digits
        return False
    # Either a fraction of zeros only (`123.0`), or a signed exponent after any fraction.
    fraction, zeros = whole, True
    if text[whole] == _DOT or text[whole] == _COMMA:
        fraction = _digits_end(text, whole + 1, end)
        for index in range(whole + 1, fraction):
            zeros = zeros and text[index] == _ZERO
        if fraction == end:
            return zeros and fraction > whole + 1
    if end - fraction < 3 or text[fraction] | 32 != _SMALL_E:  # `| 32` lowers the case
        return False
    signed = text[fraction + 1] == _PLUS or text[fraction + 1] == _MINUS
    return signed and _digits_end(text, fraction + 2, end) == end


def _filling_size(data: Bytes, at: int, end: int) -> int:
    """Return the size of a sign that may stand between the digits of a phone number, 0 for another."""
    sign = data[at]
    if sign in _FILLING:
        return 1
    if sign == 0xE2 and end - at >= 3:
        dash = data[at + 1] == 0x80 and 0x90 <= data[at + 2] <= 0x95  # U+2010 to U+2015
        minus = data[at + 1] == 0x88 and data[at + 2] == 0x92  # U+2212
        if dash or minus:
            return 3
    return _blank_size(data, at, end)


def _blank_size(data: Bytes, at: int, end: int) -> int:
    """Return the size of a blank of `schemas.wire_text.BLANKS` in UTF-8, 0 for another character."""
    sign = data[at]
    if sign == _BLANK:
        return 1
    if sign < 0x80:
        return 0
    if sign == 0xC2:  # U+00A0
        return 2 if end - at >= 2 and data[at + 1] == 0xA0 else 0
    if end - at < 3:
        return 0
    middle, last = data[at + 1], data[at + 2]
    narrow = sign == 0xE2 and middle == 0x80 and (0x80 <= last <= 0x8D or last == 0xAF)  # U+2000-D, U+202F
    joiner = sign == 0xE2 and middle == 0x81 and (last == 0x9F or last == 0xA0)  # U+205F, U+2060
    ogham = sign == 0xE1 and middle == 0x9A and last == 0x80  # U+1680
    vowel = sign == 0xE1 and middle == 0xA0 and last == 0x8E  # U+180E
    wide = sign == 0xE3 and middle == 0x80 and last == 0x80  # U+3000
    mark = sign == 0xEF and middle == 0xBB and last == 0xBF  # U+FEFF
    return 3 if narrow or joiner or ogham or vowel or wide or mark else 0


RULE: Final = (
    *(_is_84, _digits_end, _is_float, _is_nothing, _blank_size, _filling_size, _kind_of, _put_kind),
    *(_national_begin, _put_national, _put_phone, _put_card, _put_text, put_canonical),
)
"""The functions of the rule, each behind those that it calls."""
