"""How a command hands on an answer: rows to the output, everything else to standard error."""

import argparse
import sys
from collections.abc import Iterable, Mapping

from pipelines.answer import Answer
from pipelines.errors import UsageError
from pipelines.terminal.output import write_rows


def print_answer(answer: Answer, args: argparse.Namespace) -> int:
    """Write the rows as `--format` and `--output` say, then what must be said beside them.

    Returns:
        The exit code: 0, an empty answer is an answer.

    Raises:
        UsageError: as of `write_rows`.
    """
    lines = list(answer.lines())  # first: where what it rests on is damaged, the whole answer is refused
    write_rows(answer.rows, args.format, args.output)
    return _print(lines)


def print_lines(answer: Answer) -> int:
    """Write what must be said beside rows that went elsewhere, such as into a picture; returns 0."""
    return _print(answer.lines())


def print_definitions(definitions: Mapping[str, str]) -> int:
    """Say what each column means, for `--definitions`; returns 0."""
    print("\n".join(f"{name}: {said}" for name, said in definitions.items()))
    return 0


def require_lake(args: argparse.Namespace) -> None:
    """Refuse a command without a lake, which `--definitions` alone can do without.

    Raises:
        UsageError: none is named.
    """
    if not args.lake:
        raise UsageError("--lake is missing", "name the folder or URL of the lake")


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return 0
