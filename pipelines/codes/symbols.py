"""QR symbols: a text as dark and light modules."""

from typing import Final

import numpy as np
import numpy.typing as npt
from qrcode.constants import ERROR_CORRECT_Q
from qrcode.main import QRCode
from qrcode.util import MODE_8BIT_BYTE, MODE_ALPHA_NUM, QRData

Modules = npt.NDArray[np.bool_]
"""bool[n, n], true where dark; rows from the top."""

QUIET_MODULES: Final = 4
"""Light modules that must surround a symbol (ISO/IEC 18004)."""

ALPHANUMERIC: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")

_MASK: Final = 2
"""Two thirds of a code are its signature, which looks random, so any mask leaves about half of the
modules dark; trying all eight masks takes six times as long."""


def symbol(text: str) -> Modules:
    """Return the smallest symbol of a text at error correction Q, without its quiet zone."""
    mode = MODE_ALPHA_NUM if ALPHANUMERIC.issuperset(text) else MODE_8BIT_BYTE
    code = QRCode(error_correction=ERROR_CORRECT_Q, border=0, mask_pattern=_MASK)
    code.add_data(QRData(text.encode(), mode=mode), optimize=0)
    code.make(fit=True)
    return np.array(code.modules, bool)


def version_of(modules: Modules) -> int:
    """Return the version of a symbol, 1 to 40."""
    return (len(modules) - 17) // 4


def dark_runs(modules: Modules) -> list[tuple[int, int, int]]:
    """List the runs of dark modules as (row, first column, columns).

    >>> dark_runs(np.array([[True, True, False, True]]))
    [(0, 0, 2), (0, 3, 1)]
    """
    # Light borders, so that a run at an edge has a begin and an end too.
    edges = np.diff(np.pad(modules, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return list(zip(rows.tolist(), starts.tolist(), (ends - starts).tolist(), strict=True))
