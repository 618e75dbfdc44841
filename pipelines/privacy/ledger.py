"""The ledger: a line for each question asked of a lake, on the disk before the answer is given.

A line is compact JSON with sorted keys, UTF-8 that is not escaped, and LF:

    actor arguments at cases command lake_version mac previous purpose role rule seq

`mac` is the HMAC-SHA-256 under `ledger.key` of the same JSON without `mac`;
`previous` is the line before's `mac`. So an edited, dropped, swapped or doubled
line breaks the chain. A tail that was cut off does not: for that, every signed
list carries the chain's head (`seq`, `mac`), and every recipient is a witness.
"""

import contextlib
import datetime as dt
import fcntl
import getpass
import hmac
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from pipelines.errors import DataError, RefusedError, permission_denied, write_failure
from pipelines.privacy.key_folders import new_key, sync_folder, write_keys
from pipelines.terminal.options import beside, in_user_data

LINES: Final = "ledger.jsonl"
KEY: Final = "ledger.key"
UNSPECIFIED: Final = "unspecified"
START: Final = "0" * 64
"""`previous` of the first line."""

_KEY_BYTES = 32
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Asker:
    """Who asks, and why.

    Example:
        >>> Asker(actor="dr.lan", purpose="outbreak QN-0008").role
        'unspecified'

    Attributes:
        actor: a person or service; by default the account of the operating system.
        role: what the actor is allowed to be, from `TRUYVET_ROLE`.
        purpose: why the question is asked.
        folder: where the ledger lies; None is `TRUYVET_LEDGER`, else `LAKE.ledger`.
    """

    actor: str = ""
    role: str = ""
    purpose: str = UNSPECIFIED
    folder: str | None = None

    def __post_init__(self) -> None:
        # Fill in defaults; a frozen dataclass takes no plain assignment.
        object.__setattr__(self, "actor", self.actor or _account())
        object.__setattr__(self, "role", self.role or os.environ.get("TRUYVET_ROLE") or UNSPECIFIED)
        object.__setattr__(self, "purpose", self.purpose or UNSPECIFIED)


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        command: `trace`, `export`…
        cases: the numbers of the cases asked for.
        rule: the id of the rule pack.
        lake_version: the newest version of `scans` when the question was asked.
        arguments: the flags, without identifiers and tokens of persons.
    """

    command: str
    cases: Sequence[str] = ()
    rule: str | None = None
    lake_version: int | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Head:
    """The end of the chain after a line: what a witness keeps.

    Example:
        >>> Head(0, START).seq
        0
    """

    seq: int
    mac: str


def ledger_folder(lake: str, folder: str | None = None) -> Path:
    """The folder of a lake's ledger: the one named, else `TRUYVET_LEDGER`, else beside the lake.

    An account that may not write beside the lake, such as an analyst's, has a ledger in its data folder.
    """
    named = folder or os.environ.get("TRUYVET_LEDGER")
    if named:
        return Path(named)
    found = beside(lake, "ledger")
    place = found if os.path.lexists(found) else found.parent
    denied = os.path.isdir(place) and not os.access(place, os.W_OK | os.X_OK, effective_ids=True)
    return in_user_data(lake, "ledger") if denied else found


def record(lake: str, question: Question, asker: Asker | None = None) -> Head:
    """Append a line and wait until it lies on the disk.

    Writers of several processes take turns by a lock on the file. A line that a
    crash left unfinished is taken away first: its answer was never given.

    Args:
        lake: the URL or folder of the lake.
        question: what is asked.
        asker: who asks; None is the account of the operating system.

    Raises:
        RefusedError: the line cannot be written, so the question must not be answered.
    """
    asker = asker or Asker()
    folder = ledger_folder(lake, asker.folder)
    try:
        _make_private(folder)
        # One lock over reading the head and appending: no two lines may follow the same one.
        with _locked(folder / LINES) as file:
            key = _key_for(folder, file)
            head, size = _end_of(file)
            line, mac = _line(key, head, question, asker)
            try:
                # Drop what a crash left behind the last whole line: it was never answered.
                file.truncate(size)
                file.seek(size)
                file.write(line)
                os.fsync(file.fileno())
            except OSError:
                # Leave no half line: `truyvet ledger check` would report it.
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise
            if not size:  # first line: make the file's name durable too
                sync_folder(folder)
            return Head(head.seq + 1, mac)
    except OSError as error:
        what = write_failure(f"the ledger {folder}", error, os.fsdecode(error.filename or folder))
        raise RefusedError(
            f"{what}, and no question is answered without its line in the ledger",
            "make its folder writable, or name another with --ledger or TRUYVET_LEDGER",
        ) from error


def read_lines(folder: Path) -> list[bytes]:
    """All lines of a ledger, with their line feeds; the last may lack it after a crash.

    Raises:
        DataError: there is no ledger, or it cannot be read.
        RefusedError: this account may not read it.
    """
    try:
        # CR and LF inside a text are escaped in JSON, so only line ends split.
        return (folder / LINES).read_bytes().splitlines(keepends=True)
    except FileNotFoundError as error:
        raise DataError(f"{folder} holds no ledger", "name its folder with --ledger") from error
    except PermissionError as error:
        raise permission_denied(error, str(folder / LINES)) from error
    except OSError as error:
        raise DataError(f"{folder / LINES} cannot be read", error.strerror or "check its rights") from error


def read_key(folder: Path) -> bytes:
    """The key of a ledger, 32 bytes.

    Raises:
        DataError: it is missing, unreadable or not 64 hexadecimal digits.
        RefusedError: this account may not read it.
    """
    path = folder / KEY
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except PermissionError as error:  # the key is whole, so there is nothing to restore
        raise permission_denied(error, str(path)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a key", "restore the file from a backup") from error
    if len(key) != _KEY_BYTES:
        raise DataError(f"{path} must hold {2 * _KEY_BYTES} hexadecimal digits", "restore it from a backup")
    return key


def mac_of(key: bytes, entry: Mapping[str, Any]) -> str:
    """The MAC of a line: HMAC-SHA-256 of its JSON without `mac`, hexadecimal."""
    rest = {name: value for name, value in entry.items() if name != "mac"}
    return hmac.digest(key, compact(rest), "sha256").hex()


def compact(entry: Mapping[str, Any]) -> bytes:
    """An entry as it stands in the file, without the line feed.

    Example:
        >>> compact({"seq": 1, "actor": "Lan"})
        b'{"actor":"Lan","seq":1}'
    """
    # A lone surrogate of a file name or an argument has no UTF-8: it is kept as a backslash escape.
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _line(key: bytes, head: Head, question: Question, asker: Asker) -> tuple[bytes, str]:
    entry: dict[str, Any] = {
        "seq": head.seq + 1,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": _plain(asker.actor),
        "role": _plain(asker.role),
        "purpose": _plain(asker.purpose),
        "command": question.command,
        "cases": [_plain(case) for case in question.cases],
        "rule": None if question.rule is None else _plain(question.rule),
        "lake_version": question.lake_version,
        "arguments": dict(question.arguments),
        "previous": head.mac,
    }
    mac = mac_of(key, entry)
    return compact(entry | {"mac": mac}) + b"\n", mac


def _plain(text: str) -> str:
    """Text of others without what has no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The file of lines, made if need be, while no other process writes to it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file, also when the process is killed
        yield file


def _end_of(file: IO[bytes]) -> tuple[Head, int]:
    """The head of the chain and the size of all whole lines, read from the end of the file."""
    size = file.seek(0, os.SEEK_END)
    # Read blocks from the end: a ledger may be long, and only its last line matters.
    tail = b""
    at = size
    while at > 0:
        step = min(_BLOCK, at)
        at -= step
        file.seek(at)
        tail = file.read(step) + tail
        end = tail.rfind(b"\n")
        begin = tail.rfind(b"\n", 0, end) if end >= 0 else -1
        # The last whole line lies between two line feeds, or begins the file.
        if begin >= 0 or (at == 0 and end >= 0):
            return _head_of(tail[begin + 1 : end]), at + end + 1
    return Head(0, START), 0


def _head_of(line: bytes) -> Head:
    """The head after a line.

    Raises:
        RefusedError: the line cannot be read, so nothing may be added after it.
    """
    try:
        entry = json.loads(line)
        return Head(int(entry["seq"]), str(entry["mac"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedError(
            "the last line of the ledger is damaged, and no question is answered after it",
            "see truyvet ledger check, keep the damaged file aside and restore it from a backup",
        ) from error


def _key_for(folder: Path, file: IO[bytes]) -> bytes:
    """The key of the ledger; made with its first line.

    Raises:
        RefusedError: there are lines, and no key that can be read.
    """
    # Never make a new key for existing lines: it would break their chain.
    if not (folder / KEY).exists() and file.seek(0, os.SEEK_END) == 0:
        write_keys(folder / KEY, [new_key()])  # whole: half a key would refuse every question
    try:
        return read_key(folder)
    except DataError as error:
        raise RefusedError(
            f"{folder} has no key to continue its ledger with", "restore ledger.key from a backup"
        ) from error


def _make_private(folder: Path) -> None:
    """Make a folder 0700; its parents too, since they hold what belongs to lakes."""
    if not folder.is_dir():
        _make_private(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(0o700)


def _account() -> str:
    """The account of the operating system; its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
