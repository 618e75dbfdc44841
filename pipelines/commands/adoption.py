"""`truyvet adoption`: how many points there are, how many are used, and how areas compare."""

import argparse
from pathlib import Path

from pipelines.ascertainment.adoption import BY, adoption
from pipelines.ascertainment.adoption_rows import DEFINITIONS
from pipelines.commands.printing import print_answer, print_definitions, print_lines, require_lake
from pipelines.lake import opened
from pipelines.terminal.options import add_keys, add_lake, add_output, check_output
from schemas.districts import AREAS_CSV

EXAMPLE = """
truyvet adoption --lake LAKE --on 2021-08-05
truyvet adoption --lake LAKE --by type --format csv
truyvet adoption --lake LAKE --by venue --output to_call.xlsx
truyvet adoption --lake LAKE --output adoption.svg
truyvet adoption --lake LAKE --publish --output adoption.csv
truyvet adoption --definitions
"""

_PICTURES = (".svg", ".png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser, required=False)
    add_keys(parser)
    parser.add_argument(
        "--areas",
        metavar="FILE",
        default=str(AREAS_CSV),
        help="CSV of areas with their populations: area_code,name,level,parent,population,smartphones,source,"
        "valid_from,valid_to (default: Quảng Ngãi)",
    )
    parser.add_argument("--on", metavar="DATE", help="the last local day (default: that of the last scan)")
    parser.add_argument(
        "--by",
        choices=BY,
        default="district",
        help="what a row is; venue lists the points to ask about (default: district)",
    )
    parser.add_argument("--definitions", action="store_true", help="say what each column counts, and stop")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="hide people and scans from 1 to 10, round the others to 5, and note the release as "
        "truyvet statistics does",
    )
    add_output(parser)
    parser.set_defaults(answers_rows=False)  # --output may name a picture as well


def run(args: argparse.Namespace) -> int:
    """Print the rows or write a picture, and on standard error what they rest on."""
    if args.definitions:
        return print_definitions(DEFINITIONS)
    require_lake(args)
    is_picture = Path(args.output or "").suffix.lower() in _PICTURES
    # The format is settled here, for a picture is none of those of rows.
    if not is_picture:
        args.answers_rows = True
        check_output(args)
    lake = opened(args.lake, args.keys)
    if args.publish:
        from pipelines.disclosure.published_adoption import publish_adoption  # here: others need no register

        found = publish_adoption(lake, args.areas, on=args.on, by=args.by)
    else:
        found = adoption(lake, args.areas, on=args.on, by=args.by)
    if not is_picture:
        return print_answer(found, args)
    from pipelines.ascertainment.adoption_picture import draw_adoption  # here: rows need no matplotlib

    # The first note up to its semicolon says which days are counted.
    draw_adoption(found, args.output, found.notes[0].partition(";")[0])
    return print_lines(found)
