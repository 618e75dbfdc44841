"""Validation of UTF-8 inside kernels."""

from numba import njit

from pipelines.kernels.types import UInt8


@njit(cache=True, nogil=True)
def is_utf8(data: UInt8, start: int, stop: int) -> bool:
    """Tell whether bytes are well-formed UTF-8: shortest forms, no surrogates, nothing above U+10FFFF.

    The ranges of the second byte are those of table 3-7 of the Unicode standard.
    """
    at = start
    while at < stop:
        lead = data[at]
        if lead < 0x80:
            at += 1
            continue
        # What the second byte may be, unless the lead says less.
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            if lead == 0xE0:
                low = 0xA0  # below: overlong, up to U+07FF
            elif lead == 0xED:
                high = 0x9F  # above: surrogates
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            if lead == 0xF0:
                low = 0x90  # below: overlong, up to U+FFFF
            elif lead == 0xF4:
                high = 0x8F  # above: beyond U+10FFFF
        else:
            return False  # a continuation byte, an overlong form of ASCII (C0, C1), or beyond U+10FFFF
        if at + more >= stop:
            return False
        if data[at + 1] < low or data[at + 1] > high:
            return False
        for offset in range(2, more + 1):
            if data[at + offset] & 0xC0 != 0x80:
                return False
        at += more + 1
    return True
