"""The command `truyvet stream`: a Pub/Sub subscription to the lake on an engine that reads it itself."""

import argparse
import json

from pipelines.errors import UsageError
from pipelines.terminal import options

EXAMPLE = """
truyvet stream --lake gs://BUCKET/lake --runner my.toml --subscription projects/P/subscriptions/scans
truyvet stream --lake gs://BUCKET/lake --runner my.toml --subscription projects/P/subscriptions/scans \\
    --template gs://BUCKET/templates/stream.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `truyvet stream`."""
    options.add_lake(parser)
    options.add_keys(parser)
    parser.add_argument(
        "--subscription", required=True, metavar="S", help="projects/PROJECT/subscriptions/NAME"
    )
    parser.add_argument(
        "--runner",
        required=True,
        metavar="PATH",
        help="a copy of runner_config/dataflow.toml; no other engine reads Pub/Sub with all its workers",
    )
    parser.add_argument(
        "--template",
        metavar="PATH",
        help="write the job there, for gcloud dataflow jobs run, and start nothing",
    )


def run(args: argparse.Namespace) -> int:
    """Start the job, or write its template, and say which."""
    from pipelines.streaming.dataflow_job import start_stream

    if not args.subscription.startswith("projects/"):
        raise UsageError("--subscription is no full name", "write projects/PROJECT/subscriptions/NAME")
    job = start_stream(
        args.lake,
        args.subscription,
        keys=args.keys,
        runner=args.runner,
        template=args.template,
    )
    print(json.dumps({"job": job, "template": args.template}))
    return 0
