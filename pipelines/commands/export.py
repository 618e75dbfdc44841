"""`truyvet export`: a signed exposure list, or the check of one."""

import argparse
import sys
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.export import ListOptions, SormasSettings, check_list, export
from pipelines.export.formats import ALL, DEFAULT, FORMATS
from pipelines.export.list_question import EXPIRES_DAYS
from pipelines.privacy.ledger import Asker, ledger_folder
from pipelines.privacy.ledger_check import check_ledger
from pipelines.terminal.options import add_asker, add_keys, add_lake
from schemas.rules import DEFAULT_RULE

EXAMPLE = """
truyvet export --lake LAKE --case BN-0001 --output list --reveal --authority-key authority.key --people people.csv
truyvet export --lake LAKE --case BN-0001 --output list-2 --since list --format all --disease CORONAVIRUS \\
    --region "Quảng Ngãi" --district "Bình Sơn" --date-order dmy
truyvet export --check list --fingerprint 5f2b…
"""
