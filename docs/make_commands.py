"""Write `commands.md`, the page of all commands, from their parsers: `python docs/make_commands.py`.

A test fails when the page is not what the parsers make it.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from pipelines import cli
from pipelines.terminal.parser import Parser

PAGE = Path(__file__).with_name("commands.md")

_HEAD = """\
# Commands

Made by `python docs/make_commands.py` from the commands themselves; do not edit.

`truyvet COMMAND --help` prints the same. Answers go to standard output or to `--output`, words about them to
standard error. Exit codes: 0 done, 2 wrong usage, 3 bad data, 4 a service is missing, 5 refused.
"""


def page() -> str:
    """The whole page."""
    for name in ("TRUYVET_LAKE", "TRUYVET_KEYS"):
        os.environ.pop(name, None)  # they would make flags optional
    lines = [_HEAD, "| command | |", "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {entry.summary} |" for name, entry in cli.COMMANDS.items()]
    for name in cli.COMMANDS:
        lines += _command(name)
    return "\n".join(lines) + "\n"


def _command(name: str) -> Iterator[str]:
    command = cli.COMMANDS[name].load()
    yield from ("", f"## {name}", "", _sentence(cli.COMMANDS[name].summary), "", "```")
    yield command.EXAMPLE.strip()
    yield "```"
    parser = cli.command_parser(name, command)
    yield from _flags(parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, part in action.choices.items():
                yield from ("", f"### {name} {word}", "", _sentence(part.description))
                yield from _flags(part)


def _flags(parser: Parser) -> Iterator[str]:
    """A table of what the command line takes, required ones marked."""
    actions = [
        action
        for action in parser._actions
        if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    ]
    if actions:
        yield from ("", "| | | |", "|---|---|---|")
    for action in actions:
        words = f"`{_words(action)}`"
        needed = "required" if action.required else ""
        text = parser._get_formatter()._expand_help(action).replace("|", "\\|")
        yield f"| {words.replace('|', chr(92) + '|')} | {needed} | {text} |"


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _words(action: argparse.Action) -> str:
    """The flag with its values, as it is typed."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if action.nargs == 0:
        value = ""
    elif action.nargs in ("+", "*"):
        value = f"{value}…"
    return " ".join(part for part in (*action.option_strings[-1:], str(value)) if part)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
