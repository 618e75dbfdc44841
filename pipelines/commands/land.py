"""The command `truyvet land`."""

import argparse
import json
import threading

from pipelines.streaming.land import LATENESS_DAYS, Options, land, stop_on_signals
from pipelines.streaming.receiver import LEASE_SECONDS, PULLS
from pipelines.terminal import options as shared

EXAMPLE = """
truyvet land --lake ./lake --subscription projects/demo-proj/subscriptions/scans
truyvet land --lake ./lake --subscription projects/demo-proj/subscriptions/scans --until-idle 10
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `truyvet land`."""
    shared.add_lake(parser)
    shared.add_keys(parser)
    parser.add_argument(
        "--subscription",
        required=True,
        metavar="S",
        help="projects/PROJECT/subscriptions/NAME; PUBSUB_EMULATOR_HOST names an emulator",
    )
    parser.add_argument(
        "--until-idle", type=float, metavar="SECONDS", help="end when no message has come for so long"
    )
    _add_pace(parser)
    parser.add_argument(
        "--metrics-port", type=int, metavar="P", help="answer http://127.0.0.1:P/metrics for Prometheus"
    )
    parser.add_argument(
        "--json-lines", action="store_true", help="the numbers on standard error as JSON, a line a second"
    )


def _add_pace(parser: argparse.ArgumentParser) -> None:
    defaults = Options()
    numbers: list[tuple[str, type, float, str, str]] = [
        (
            "--batch-seconds",
            float,
            defaults.batch_seconds,
            "S",
            "a batch begins S after the last or later",
        ),
        ("--allowed-lateness-days", float, LATENESS_DAYS, "D", "count scans older than D days as late"),
        ("--pulls", int, PULLS, "N", "have N pulls under way at once"),
        ("--lease-seconds", int, LEASE_SECONDS, "S", "the broker sends again what is not durable by then"),
    ]
    for flag, kind, default, unit, text in numbers:
        parser.add_argument(
            flag, type=kind, default=default, metavar=unit, help=f"{text} (default: {default:g})"
        )

    for flag, what in (("age", "older scans as too_old"), ("ahead", "scans further ahead as too_new")):
        parser.add_argument(
            f"--max-{flag}-days", type=float, metavar="D", help=f"refuse {what} (default: as truyvet run)"
        )


def run(args: argparse.Namespace) -> int:
    """Land until stopped, and print the counters as one JSON line."""
    stopped = threading.Event()
    restore = stop_on_signals(stopped)
    try:
        values = land(
            args.lake,
            args.subscription,
            keys=args.keys,
            options=Options(
                until_idle=args.until_idle,
                batch_seconds=args.batch_seconds,
                lateness_days=args.allowed_lateness_days,
                max_age_days=args.max_age_days,
                max_ahead_days=args.max_ahead_days,
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
