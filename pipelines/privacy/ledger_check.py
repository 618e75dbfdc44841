"""Check a ledger: find the first line that was changed, dropped, swapped, doubled or cut off."""

import hmac
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.privacy.ledger import START, Head, compact, mac_of, read_key, read_lines


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a ledger, and where first.

    Example:
        >>> str(Flaw(3, "was changed"))
        'line 3 was changed'
    """

    line: int
    what: str

    def __str__(self) -> str:
        return f"line {self.line} {self.what}"


def check_ledger(folder: Path, witnesses: Iterable[Head] = ()) -> tuple[Head, Flaw | None]:
    """Check the chain of a ledger, and that it still holds every head that was given away.

    Args:
        folder: of the ledger.
        witnesses: heads out of signed lists and receipts.

    Returns:
        The head of the lines that are sound, and the first flaw.

    Raises:
        DataError: there is no ledger, or its key cannot be read.
    """
    lines, key = read_lines(folder), read_key(folder)
    heads, flaw = _sound_heads(lines, key)
    if flaw is None:
        flaw = _missing_witness(heads, witnesses)
    return heads[-1], flaw


def entries(folder: Path) -> list[dict[str, Any]]:
    """The lines of a ledger as they read, without checking them.

    Raises:
        DataError: there is no ledger, or a line is not JSON.
    """
    found = []
    for line in read_lines(folder):
        try:
            entry = json.loads(line)
        except ValueError:
            break  # an unfinished line: its answer was never given
        if isinstance(entry, dict):
            found.append(entry)
    return found


def _sound_heads(lines: Sequence[bytes], key: bytes) -> tuple[list[Head], Flaw | None]:
    """The heads after each sound line from the first on, and the flaw that ends them."""
    heads, macs = [Head(0, START)], {START}
    for number, line in enumerate(lines, 1):
        what = _flaw_of(line, number, heads[-1], macs, key)
        if what:
            return heads, Flaw(number, what)
        heads.append(Head(number, str(json.loads(line)["mac"])))
        macs.add(heads[-1].mac)
    return heads, None


def _flaw_of(line: bytes, number: int, before: Head, macs: Collection[str], key: bytes) -> str:
    """What is wrong with one line, given the head before it and all MACs so far; empty when it is sound."""
    if not line.endswith(b"\n"):
        return "is unfinished: its write was interrupted, or its end was cut off"
    try:
        entry = json.loads(line)
    except ValueError:
        return "was changed: it is not JSON"
    # Blanks, another order or a repeated name would pass the MAC, so compare the bytes as well.
    if not isinstance(entry, dict) or compact(entry) + b"\n" != line:
        return "was changed: it is not written as a ledger writes"
    mac = entry.get("mac")
    # As bytes: `compare_digest` raises on text outside ASCII.
    if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), mac_of(key, entry).encode()):
        return "was changed: its MAC does not fit"
    # The line is genuine; only its place can be wrong now.
    seq = entry.get("seq")
    if mac in macs:
        return f"is a double of line {seq}"
    if seq != number:
        return f"stands in the wrong place: it is number {seq}, so lines were dropped or swapped"
    if entry.get("previous") != before.mac:
        return "does not follow the line before it: lines were exchanged"
    return ""


def _missing_witness(heads: Sequence[Head], witnesses: Iterable[Head]) -> Flaw | None:
    """The first head that was given away and that the ledger does not hold."""
    known = len(heads) - 1
    for witness in sorted(witnesses, key=lambda head: head.seq):
        if not 0 < witness.seq <= known:
            return Flaw(known + 1, f"was cut off: a signed list names line {witness.seq}")
        if heads[witness.seq] != witness:
            return Flaw(witness.seq, "is another than a signed list names")
    return None
