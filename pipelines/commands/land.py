"""`truyvet land`: a Pub/Sub subscription into the lake."""

import argparse
import json
import threading

from pipelines.streaming.batches import BatchOptions
from pipelines.streaming.land_options import LandOptions
from pipelines.streaming.signals import stop_on_signals
from pipelines.terminal import options as shared

EXAMPLE = """
truyvet land --lake ./lake --subscription projects/demo-proj/subscriptions/scans
truyvet land --lake ./lake --subscription projects/demo-proj/subscriptions/scans --until-idle 10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    shared.add_lake(parser)
    shared.add_keys(parser)
    parser.add_argument(
        "--subscription",
        required=True,
        metavar="S",
        help="projects/PROJECT/subscriptions/NAME; PUBSUB_EMULATOR_HOST names an emulator",
    )
    parser.add_argument(
        "--until-idle", type=float, metavar="SECONDS", help="end after this long without a message"
    )
    _add_pace(parser)
    parser.add_argument("--metrics-port", type=int, metavar="P", help="serve Prometheus metrics on port P")
    parser.add_argument(
        "--json-lines",
        action="store_true",
        help="print the counts to standard error as JSON, a line a second",
    )


def _add_pace(parser: argparse.ArgumentParser) -> None:
    usual, batches = LandOptions(), BatchOptions()
    numbers: list[tuple[str, type, float, str, str]] = [
        ("--batch-seconds", float, batches.batch_seconds, "S", "start batches at least S seconds apart"),
        (
            "--allowed-lateness-days",
            float,
            batches.lateness_days,
            "D",
            "scans older than D days count as late",
        ),
        ("--pulls", int, usual.pulls, "N", "keep N pulls under way at once"),
        (
            "--lease-seconds",
            int,
            usual.lease_seconds,
            "S",
            "the broker resends what is not durable after S seconds",
        ),
    ]
    for flag, kind, default, unit, text in numbers:
        parser.add_argument(
            flag, type=kind, default=default, metavar=unit, help=f"{text} (default: {default:g})"
        )

    for flag, what in (
        ("age", "scans more than D days old as too_old"),
        ("ahead", "scans more than D days in the future as too_new"),
    ):
        parser.add_argument(
            f"--max-{flag}-days",
            type=float,
            metavar="D",
            help=f"refuse {what} (default: as truyvet run)",
        )


def run(args: argparse.Namespace) -> int:
    """Land until stopped and print the counters as one JSON line."""
    from pipelines.streaming.land import land

    # Signals set the event, so that landing ends in order and the counts below are printed.
    stopped = threading.Event()
    restore = stop_on_signals(stopped)
    try:
        values = land(
            args.lake,
            args.subscription,
            keys=args.keys,
            options=LandOptions(
                until_idle=args.until_idle,
                batches=BatchOptions(
                    max_age_days=args.max_age_days,
                    max_ahead_days=args.max_ahead_days,
                    batch_seconds=args.batch_seconds,
                    lateness_days=args.allowed_lateness_days,
                ),
                pulls=args.pulls,
                lease_seconds=args.lease_seconds,
                metrics_port=args.metrics_port,
                json_lines=args.json_lines,
            ),
            stopped=stopped,
        )
    finally:
        restore()
    print(json.dumps(values))
    return 0
