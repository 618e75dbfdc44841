"""The command `truyvet`: finds the subcommand, loads it, and turns errors into one line.

A command is a module with `EXAMPLE`, `add_arguments(parser)` and
`run(args) -> exit code`. It is imported only when it is called, so that a
question to the lake does not wait for the import of Beam.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from pipelines import __version__
from pipelines.errors import TruyVetError, UsageError
from pipelines.terminal.parser import Parser, nearest, parse
from pipelines.terminal.quiet import silence_libraries

EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

_OBJECTS_BEFORE_COLLECTING = 50_000  # Beam makes many small objects of a pipeline, and few of them are cycles


class Command(Protocol):
    """What a command module offers."""

    EXAMPLE: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[Any], int]


@dataclass(frozen=True)
class Entry:
    """Where a command lives and what it does, in a line."""

    module: str
    summary: str

    def load(self) -> Command:
        """Import the command's module; what it brings stays, so the collector never looks at it again."""
        gc.disable()
        try:
            return cast(Command, importlib.import_module(self.module))
        finally:
            gc.freeze()
            gc.enable()
            gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)


COMMANDS = {
    "simulate": Entry("pipelines.commands.simulate", "make a synthetic province with ground truth"),
    "run": Entry("pipelines.commands.run", "bring files into the lake and recompute what they change"),
    "land": Entry("pipelines.commands.land", "a Pub/Sub subscription to the lake, nothing lost"),
    "stream": Entry("pipelines.commands.stream", "the same on Dataflow, which reads Pub/Sub itself"),
    "publish": Entry("pipelines.commands.publish", "files of scans to a Pub/Sub topic, packed"),
    "watch": Entry("pipelines.commands.watch", "cases from a topic, exposure lists to another"),
    "recompute": Entry("pipelines.commands.recompute", "rewrite stays and all that follows from them"),
    "overlaps": Entry("pipelines.commands.overlaps", "who overlapped with this person, where, how long"),
    "trace": Entry("pipelines.commands.trace", "F1 to Fk of cases, by rule pack"),
    "rules": Entry("pipelines.commands.rules", "the rule packs, or all keys of one"),
    "export": Entry("pipelines.commands.export", "a signed exposure list, for people and other systems"),
    "milestones": Entry("pipelines.commands.milestones", "the time-places (mốc dịch tễ) of a case"),
    "backward": Entry("pipelines.commands.backward", "what cases share before they could infect"),
    "contacts": Entry("pipelines.commands.contacts", "write a date's contact network, kept up to date"),
    "clusters": Entry("pipelines.commands.clusters", "venues where more cases meet than by chance"),
    "network": Entry("pipelines.commands.network", "a case's network as GraphML, GEXF or picture"),
    "qr": Entry("pipelines.commands.qr", "make, print and decode the codes of places"),
    "venues": Entry("pipelines.commands.venues", "register, close, move and list venues"),
    "token": Entry("pipelines.commands.token", "the token of an identifier"),
    "compact": Entry("pipelines.commands.compact", "join small files of the lake"),
    "verify": Entry("pipelines.commands.verify", "check every file of the lake against its hash"),
}
"""All commands, in the order of the help."""


def command_parser(name: str, command: Command) -> Parser:
    """The parser of one command, with its flags and its example."""
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
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except TruyVetError as error:
        print(_prefixed(words, str(error)), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader has gone. Python would flush once more on the way out and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        print("truyvet: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:
        print(_internal_error(error), file=sys.stderr)
        return EXIT_INTERNAL


def _dispatch(words: list[str]) -> int:
    """Run the command that the words name.

    Raises:
        UsageError: no such command, or wrong flags.
    """
    if not words:
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
        shown = name.partition("=")[0]
        raise UsageError(f"truyvet: unknown {kind} {shown}", f"{nearest(name, COMMANDS)}see truyvet --help")
    command = COMMANDS[name].load()
    args = parse(command_parser(name, command), rest)
    return 0 if args is None else command.run(args)


def _prefixed(words: list[str], message: str) -> str:
    """The message behind the name of the command, once."""
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
            "From scans of QR codes to who met whom.",
            "",
            *lines,
            "",
            "truyvet COMMAND --help explains a command and gives an example.",
        ]
    )


def _internal_error(error: Exception) -> str:
    """One line that names the place in our code and the type, never the message: it may hold data."""
    if os.environ.get("TRUYVET_DEBUG"):
        return "".join(traceback.format_exception(error)).rstrip()
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(__file__).parent in Path(frame.filename).parents]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
    return (
        f"truyvet: internal error: {type(error).__name__} at {place}; "
        "run with TRUYVET_DEBUG=1 for a traceback (it may show data)"
    )


if __name__ == "__main__":
    sys.exit(main())
