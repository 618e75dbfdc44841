"""`truyvet watch`: cases from a Pub/Sub topic, their exposure lists to another."""

import argparse
import json
import threading

from pipelines.streaming.signals import stop_on_signals
from pipelines.terminal import options

EXAMPLE = """
truyvet watch --lake ./lake --subscription projects/demo-proj/subscriptions/cases \\
    --topic projects/demo-proj/topics/lists
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    options.add_lake(parser)
    options.add_keys(parser)
    parser.add_argument(
        "--subscription",
        required=True,
        metavar="S",
        help="where cases come from, projects/PROJECT/subscriptions/NAME",
    )
    parser.add_argument(
        "--topic", required=True, metavar="T", help="where lists go, projects/PROJECT/topics/NAME"
    )
    options.add_rule(parser)
    parser.add_argument(
        "--until-idle", type=float, metavar="SECONDS", help="end after this long without a case"
    )


def run(args: argparse.Namespace) -> int:
    """Watch until stopped and print the counts as one JSON line."""
    from pipelines.streaming.watch import watch

    stopped = threading.Event()
    restore = stop_on_signals(stopped)
    try:
        done = watch(
            args.lake,
            args.subscription,
            args.topic,
            rule=args.rule,
            keys=args.keys,
            until_idle=args.until_idle,
            stopped=stopped,
        )
    finally:
        restore()
    print(json.dumps(done))
    return 0
