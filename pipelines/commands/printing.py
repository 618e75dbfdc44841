"""How a command hands on an answer: rows to the output, everything else to standard error."""

import argparse
import sys

from pipelines.answer import Answer
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
    for line in lines:
        print(line, file=sys.stderr)
    return 0
