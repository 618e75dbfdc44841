"""Who asks, as the flags say it."""

import argparse

from pipelines.privacy.ledger import Asker


def asker_of(args: argparse.Namespace) -> Asker:
    """The asker of `--purpose`, `--actor` and `--ledger`."""
    return Asker(actor=args.actor, purpose=args.purpose, folder=args.ledger)
