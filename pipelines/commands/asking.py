"""Who asks what: the flags of a question as a line of the ledger."""

import argparse
from typing import Any, Final

from pipelines.lake import Lake, snapshot
from pipelines.privacy.ledger import Asker, Question, record

_ELSEWHERE: Final = {
    *("lake", "keys", "case", "rule", "purpose", "actor", "ledger", "answers_rows"),  # fields of the line
    *("person", "explain"),  # persons
}
"""Flags that are not among the `arguments` of a line."""


def asker_of(args: argparse.Namespace) -> Asker:
    """Return who asks, from `--purpose`, `--actor` and `--ledger`."""
    return Asker(actor=args.actor, purpose=args.purpose, folder=args.ledger)


def record_question(command: str, args: argparse.Namespace, lake: Lake) -> None:
    """Write a question into the ledger, before it is answered.

    Args:
        command: its name.
        args: its flags, those of `add_asker` among them.
        lake: the open lake.

    Raises:
        RefusedError: the line cannot be written, so the question must not be answered.
    """
    # One number or several, as the command has it; none for questions about a person.
    case = getattr(args, "case", None) or []
    record(
        lake.url,
        Question(
            command=command,
            cases=[case] if isinstance(case, str) else case,
            rule=getattr(args, "rule", None),
            lake_version=snapshot(lake, "scans").version,
            arguments=_arguments(args),
        ),
        asker_of(args),
    )


def _arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The flags that were given, without persons."""
    # `from_` is `from` for people; the underscore is Python's.
    given = {name.rstrip("_"): value for name, value in vars(args).items() if name not in _ELSEWHERE}
    return {name: value for name, value in given.items() if value not in (None, [], False)}
