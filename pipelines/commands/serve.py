"""`truyvet serve`: the tracer's pages in a browser on this machine."""

import argparse
import os
import sys
import threading

from pipelines.terminal.options import add_keys, add_lake

EXAMPLE = """
truyvet serve --lake LAKE
truyvet serve --lake LAKE --port 0 --lang en --actor dr.lan --authority-key authority.key
truyvet serve --lake LAKE --trust-proxy X-Remote-User --public-url https://trace.example.vn
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of the command."""
    add_lake(parser)
    add_keys(parser)
    parser.add_argument(
        "--port",
        type=int,
        default=8765,
        metavar="P",
        help="port on 127.0.0.1; 0 picks a free one (default: 8765)",
    )
    parser.add_argument(
        "--lang", metavar="L", default="vi", help="language of the first page: vi or en (default: vi)"
    )
    parser.add_argument(
        "--authority-key", metavar="FILE", help="the authority's private key; without it nothing is revealed"
    )
    parser.add_argument(
        "--actor", metavar="NAME", default="", help="who asks, for the ledger (default: your account)"
    )
    parser.add_argument(
        "--ledger",
        metavar="DIR",
        help="folder of the ledger (default: LAKE.ledger on this machine); TRUYVET_LEDGER stands in for it",
    )
    parser.add_argument(
        "--trust-proxy",
        metavar="HEADER",
        help="a proxy in front signs users in and names them in this header; see docs/security.md",
    )
    parser.add_argument(
        "--public-url", metavar="URL", default="", help="with --trust-proxy: where the proxy serves the pages"
    )


def run(args: argparse.Namespace) -> int:
    """Print the URL of the pages and serve them until SIGINT or SIGTERM."""
    # Here and not above: --help should not wait for the pages.
    from pipelines.streaming.signals import stop_on_signals
    from pipelines.web.server import serve

    stopped, another = threading.Event(), threading.Event()
    # Enter on a terminal asks for a further one-time URL.
    if sys.stdin.isatty():
        # A daemon: waiting for a line must not hold up the end.
        threading.Thread(target=_wait_for_enter, args=(another,), daemon=True).start()
    restore = stop_on_signals(stopped)
    try:
        serve(
            args.lake,
            port=args.port,
            lang=args.lang,
            authority_key=args.authority_key,
            actor=args.actor,
            keys=args.keys,
            ledger=args.ledger,
            user_header=args.trust_proxy,
            public_url=args.public_url,
            stopped=stopped,
            another=another,
            say=_say,
        )
    finally:
        restore()
    sys.stdout.flush()
    # os._exit skips what would wait for threads; everything to be kept is on the disk.
    if threading.active_count() > 1:  # a request that outlasted its ten seconds does not keep the process
        os._exit(0)
    return 0


def _say(url: str) -> None:
    print(url, flush=True)
    print("open it in a browser of this machine, once; Enter prints another, Ctrl-C ends", file=sys.stderr)


def _wait_for_enter(another: threading.Event) -> None:
    """Ask for another URL at each line of the terminal."""
    for _ in sys.stdin:
        another.set()
