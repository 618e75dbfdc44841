"""`truyvet stream`: a Pub/Sub subscription into the lake, on an engine that reads it itself."""

import argparse
import json

from pipelines.streaming.broker import check_name
from pipelines.terminal import options

EXAMPLE = """
truyvet stream --lake gs://BUCKET/lake --runner my.toml --subscription projects/P/subscriptions/scans
truyvet stream --lake gs://BUCKET/lake --runner my.toml --subscription projects/P/subscriptions/scans \\
    --template gs://BUCKET/templates/stream.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    options.add_lake(parser)
    options.add_keys(parser)
    parser.add_argument(
        "--subscription", required=True, metavar="S", help="projects/PROJECT/subscriptions/NAME"
    )
    parser.add_argument(
        "--runner",
        required=True,
        metavar="PATH",
        help="copy of runner_config/dataflow.toml; no other engine reads Pub/Sub with all its workers",
    )
    parser.add_argument(
        "--template",
        metavar="PATH",
        help="write the job to this path, for gcloud dataflow jobs run, instead of starting it",
    )


def run(args: argparse.Namespace) -> int:
    """Start the job or write its template, and print which as one JSON line."""
    from pipelines.streaming.dataflow_job import start_stream

    job = start_stream(
        args.lake,
        check_name(args.subscription, "--subscription"),
        keys=args.keys,
        runner=args.runner,
        template=args.template,
    )
    print(json.dumps({"job": job, "template": args.template}))
    return 0
