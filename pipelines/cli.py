"""The command `truyvet`: find the subcommand, load it, and turn errors into one line.

A command is a module with `EXAMPLE`, `add_arguments(parser)` and
`run(args) -> exit code`. It is imported only when it is called, so that a
question to the lake does not wait for the import of Beam; and what does its
work, Beam and compiled kernels, is imported by `run` alone, so that `--help`
and wrong flags are answered at once.
"""

import atexit
import errno
import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol, cast

from pipelines import __version__
from pipelines.errors import (
    DataError,
    RefusedError,
    ServiceError,
    TruyVetError,
    UnreadableError,
    UsageError,
    is_denial,
    permission_denied,
)
from pipelines.terminal.compiling import announce_compiling
from pipelines.terminal.encoding import replace_unencodable
from pipelines.terminal.parser import Parser, nearest, parse
from pipelines.terminal.quiet import do_without_pandas, silence_libraries

EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

_OBJECTS_BEFORE_COLLECTING = 50_000  # Beam makes many small objects of a pipeline, few of them cycles


class Command(Protocol):
    """What a command module offers."""

    EXAMPLE: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[Any], int]


@dataclass(frozen=True)
class Entry:
    """Where a command lives and what it does.

    Attributes:
        module: its full name.
        summary: one line for the overview.
    """

    module: str
    summary: str

    def load(self) -> Command:
        """Import the command's module; what it brings stays, so the collector never looks at it again."""
        # Collections during an import walk over thousands of objects that all stay.
        gc.disable()
        try:
            return cast(Command, importlib.import_module(self.module))
        finally:
            # What is there now lives as long as the process: frozen objects are never walked over again.
            gc.freeze()
            gc.enable()
            gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


def _entry(name: str, summary: str) -> tuple[str, Entry]:
    return name, Entry(f"pipelines.commands.{name}", summary)


COMMANDS = dict(
    (
        _entry("simulate", "make a synthetic province with ground truth"),
        _entry("run", "load files into the lake and update what depends on them"),
        _entry("land", "land a Pub/Sub subscription in the lake without losing a message"),
        _entry("stream", "do the same on Dataflow, which reads Pub/Sub itself"),
        _entry("publish", "send files of scans to a Pub/Sub topic, packed"),
        _entry("watch", "read cases from a topic and send exposure lists to another"),
        _entry("recompute", "rewrite stays and everything derived from them"),
        _entry("overlaps", "list who overlapped with a person, where and for how long"),
        _entry("trace", "trace the contacts of cases, F1 to Fk, by a rule pack"),
        _entry("rules", "list the rule packs, or print one"),
        _entry("export", "write a signed exposure list for people and other systems"),
        _entry("serve", "open the tracer's pages in a browser of this machine"),
        _entry("milestones", "list where a case was while infectious (mốc dịch tễ)"),
        _entry("backward", "find what cases share before they became infectious"),
        _entry("contacts", "write the contact network of a date and keep it up to date"),
        _entry("clusters", "find venues where more cases met than chance explains"),
        _entry("network", "export the network of a case as GraphML, GEXF or a picture"),
        _entry("adoption", "count points, their use and their people by area, with ranks"),
        _entry("quality", "flag venues, devices and persons whose scans look unlike visits"),
        _entry("coverage", "estimate how much of what happened is in the lake, and what a list missed"),
        _entry("declarations", "compare declared symptoms by area and week, or find unlinked claims"),
        _entry("statistics", "count people, scans or stays in tables that may be published"),
        _entry("cases", "list, add and withdraw cases"),
        _entry("qr", "make, print and decode QR codes of venues"),
        _entry("venues", "register, close, move and list venues"),
        _entry("token", "print the token of an identifier"),
        _entry("purge", "forget what is older than the lake may remember"),
        _entry("erase", "forget a person"),
        _entry("rotate", "make every token again under a new key"),
        _entry("compact", "merge small files of the lake"),
        _entry("ledger", "show or check the record of questions asked"),
        _entry("doctor", "examine a lake, its keys, its ledger and the machine"),
        _entry("verify", "check every file of the lake against its hash"),
    )
)
"""All commands, in the order of the help."""

_is_interrupted = False
_NO_CACHE = "cannot cache function"  # numba says it of the first kernel

_SERVING = ("land", "serve", "stream", "watch")  # they run until they are stopped, which no bar can show


def command_parser(name: str, command: Command) -> Parser:
    """Build the parser of one command, with its flags and its example."""
    example = "\n".join(f"  {line}" for line in command.EXAMPLE.strip().splitlines())
    parser = Parser(f"truyvet {name}", COMMANDS[name].summary, f"example:\n{example}")
    command.add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; never raises.

    Args:
        argv: the words after `truyvet`; None takes those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    silence_libraries()
    replace_unencodable()
    if argv is None:
        # The process ends with the command: without this its last collection walks over all that is left of
        # a pipeline, half a second of a large `run`.
        atexit.register(gc.freeze)
        do_without_pandas()  # a program that calls us may need it
        announce_compiling()  # and keeps its standard error to itself
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _interrupt)
    try:
        code = _dispatch(words)
        # Here, so that a broken pipe is met inside the try.
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _give_up_output()  # the reader has gone
        return EXIT_BROKEN_PIPE
    except (KeyboardInterrupt, Exception) as error:
        # An interrupt may come as another error, see `_interrupt`.
        if _is_interrupted or isinstance(error, KeyboardInterrupt):
            print("truyvet: interrupted", file=sys.stderr)
            return EXIT_INTERRUPTED
        told = _told(error)
        if told is None:
            # A bug: its message may hold data and is not printed.
            print(_internal_error(error), file=sys.stderr)
            return EXIT_INTERNAL
        print(_prefixed(words, str(told)), file=sys.stderr)
        return told.exit_code


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Interrupt as Python does, and remember it: numba's C code may turn that into an ImportError."""
    global _is_interrupted
    _is_interrupted = True
    signal.default_int_handler(number, frame)


def _told(error: Exception) -> TruyVetError | None:
    """Return the error as the user is told it, or None if it is a bug.

    Access that the operating system refused is reported as such, also where a module
    took it for a damaged file or a missing service.
    """
    # These are told as they are; their causes add nothing.
    if isinstance(error, RefusedError | UnreadableError):
        return error
    # The answer's buffered rest would meet the full disk again at exit.
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        _give_up_output()
        return ServiceError("no space is left on the disk", "make room, or write somewhere else")
    if isinstance(error, RuntimeError) and str(error).startswith(_NO_CACHE):
        return ServiceError(
            "no folder for compiled kernels can be written", "name a folder of your own with XDG_CACHE_HOME"
        )
    # A module may have taken a refused access for damage or a missing service.
    denial = next((cause for cause in _causes(error) if is_denial(cause)), None)
    if denial is None:
        return error if isinstance(error, TruyVetError) else None
    told = permission_denied(denial)
    if not isinstance(error, TruyVetError):
        return told
    # With the path that the system named, else with the module's own words.
    what = told.what if ": " in told.what else f"{told.what}: {error.what}"
    return (DataError if isinstance(error, DataError) else RefusedError)(what, told.remedy)


def _causes(error: BaseException) -> Iterator[OSError]:
    """Return the error and its causes, as far as the operating system raised them."""
    seen: set[int] = set()
    cause: BaseException | None = error
    # seen: a chain of causes may be a circle.
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError):
            yield cause
        # As Python prints it: an explicit cause, else the context unless it was suppressed.
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _give_up_output() -> None:
    """Keep Python from flushing once more on the way out, and complaining."""
    # Descriptor 1 and not sys.stdout: its buffer is flushed into nothing at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _dispatch(words: list[str]) -> int:
    """Run the command that the words name.

    Raises:
        UsageError: no such command, or wrong flags.
    """
    if not words:
        # No command is a mistake, so the overview goes to standard error.
        print(_overview(), file=sys.stderr)
        return UsageError.exit_code
    name, rest = words[0], words[1:]
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name == "--version":
        print(f"truyvet {__version__}")
        return 0
    if name not in COMMANDS:
        kind = "flag" if name.startswith("-") else "command"
        # Never with its value: a flag may carry an identifier.
        shown = name.partition("=")[0]
        raise UsageError(f"truyvet: unknown {kind} {shown}", f"{nearest(name, COMMANDS)}see truyvet --help")
    command = COMMANDS[name].load()
    args = parse(command_parser(name, command), rest)
    if args is None:
        return 0
    with nullcontext() if name in _SERVING else _progress(name):
        return command.run(args)


def _progress(name: str) -> AbstractContextManager[None]:
    """Return the progress display of a command; on a terminal only."""
    if not sys.stderr.isatty():
        return nullcontext()
    from pipelines.terminal.progress import display

    return display(name)


def _prefixed(words: list[str], message: str) -> str:
    """Put the name of the command before the message, once."""
    if message.startswith("truyvet"):
        return message
    return f"truyvet {words[0]}: {message}"


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {entry.summary}" for name, entry in COMMANDS.items()]
    return "\n".join(
        [
            "usage: truyvet COMMAND …",
            "",
            "Contact tracing from QR check-ins: who met whom, where and for how long.",
            "",
            *lines,
            "",
            "truyvet COMMAND --help explains a command and shows an example.",
        ]
    )


def _internal_error(error: Exception) -> str:
    """Return the place in our code and the type of the error, never its message: it may hold data."""
    if os.environ.get("TRUYVET_DEBUG"):
        return "".join(traceback.format_exception(error)).rstrip()
    # The last frame of our own code; that of a library says little.
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(__file__).parent in Path(frame.filename).parents]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
    return (
        f"truyvet: internal error: {type(error).__name__} at {place}; "
        "run with TRUYVET_DEBUG=1 for a traceback (it may show data)"
    )


if __name__ == "__main__":
    sys.exit(main())
