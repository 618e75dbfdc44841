"""The command line parser: every mistake is one line that says what to try next."""

import argparse
import difflib
from collections.abc import Iterable
from typing import Any, NoReturn

from pipelines.errors import UsageError
from pipelines.terminal.options import check_output


class Parser(argparse.ArgumentParser):
    """A parser that reports mistakes in one line and accepts no abbreviated flags."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise, where argparse would print the usage and exit.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{self.prog}: {message}", f"see {self.prog} --help")

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Read a value; argparse says "invalid int value" of one that is no number.

        Raises:
            UsageError: it must be a number.
        """
        try:
            return super()._get_value(action, arg_string)
        # argparse would name Python's type, which tells a user little.
        except argparse.ArgumentError:
            kind = "an integer" if action.type is int else "a number" if action.type is float else None
            if kind is None:
                raise
            name = action.option_strings[-1] if action.option_strings else action.metavar
            raise UsageError(f"{self.prog}: {name} must be {kind}", f"see {self.prog} --help") from None

    def flags(self) -> list[str]:
        """List all flags of the command and of its actions."""
        parts = [action for action in self._actions if isinstance(action, argparse._SubParsersAction)]
        inner = [flag for part in parts for parser in part.choices.values() for flag in parser.flags()]
        return [*self._option_string_actions, *inner]


def parse(parser: Parser, words: list[str]) -> argparse.Namespace | None:
    """Parse the flags of a command; None if it was only asked for help.

    Raises:
        UsageError: a flag is unknown, missing or wrong, or `--output` cannot be written.
    """
    # Before argparse: it would report the first missing flag instead of the misspelt one.
    flags = [word.partition("=")[0] for word in words if word.startswith("--")]
    for flag in flags:
        if flag != "--" and flag not in parser.flags():
            raise UsageError(
                f"{parser.prog}: unknown flag {flag}",
                f"{nearest(flag, parser.flags())}see {parser.prog} --help",
            )
    try:
        args, extra = parser.parse_known_args(words)
    except SystemExit:  # argparse has printed the help
        return None
    # Extra words are most often a value with blanks that was not quoted.
    if extra:
        parser.error("unexpected argument; quote values containing spaces")
    check_output(args)
    return args


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a sentence that suggests the most similar known word, or nothing.

    >>> nearest("overlap", ["overlaps", "trace"])
    'did you mean overlaps? '
    """
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]}? " if close else ""
