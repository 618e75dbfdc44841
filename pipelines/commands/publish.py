"""`truyvet publish`: files of scans to a Pub/Sub topic."""

import argparse
import json
from dataclasses import asdict

from pipelines.streaming.land_options import ENCODINGS, MOST_RECORDS

EXAMPLE = """
truyvet publish --topic projects/demo-proj/topics/scans scans/
truyvet publish --topic projects/demo-proj/topics/scans --pack 1 scans/2021-07-01.ndjson
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--topic",
        required=True,
        metavar="T",
        help="projects/PROJECT/topics/NAME; PUBSUB_EMULATOR_HOST names an emulator",
    )
    parser.add_argument(
        "--pack",
        type=int,
        default=MOST_RECORDS,
        metavar="N",
        help=f"most scans per message (default: {MOST_RECORDS}; always 1 on a topic with a schema)",
    )
    parser.add_argument(
        "--encoding", choices=ENCODINGS, default="json", help="how scans are packed (default: json)"
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, globs or URLs of scans")


def run(args: argparse.Namespace) -> int:
    """Publish and print what was sent as one JSON line."""
    from pipelines.streaming.publish import publish

    sent = publish(args.topic, args.paths, pack=args.pack, encoding=args.encoding)
    print(json.dumps(asdict(sent)))
    return 0
