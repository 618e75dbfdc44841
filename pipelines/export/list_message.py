"""The list of a case as a signed message, as `truyvet watch` sends it: the rows of `list.json`."""

import base64
import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.export.behind_rows import names_by_code
from pipelines.export.exposure_list import ListSettings
from pipelines.export.list_question import listed_cases
from pipelines.export.list_rows import list_rows
from pipelines.export.pages.wording import wording
from pipelines.export.signing import fingerprint
from pipelines.graph.tracing.request import make_request
from pipelines.graph.tracing.trace import trace_rows
from pipelines.lake import Lake
from pipelines.privacy.list_key import load_list_key
from pipelines.terminal.output import utc_text, write_json
from pipelines.times import EPOCH
from schemas.rules import load_rule

Row = dict[str, Any]
"""A row of `list.json`, decoded."""


@dataclass(frozen=True)
class CaseRows:
    """The rows of one case.

    >>> CaseRows([], "2021-08-08T00:00:00Z").rows
    []

    Attributes:
        rows: in the order of the trace.
        until: how far the question reached, RFC 3339 in UTC.
    """

    rows: list[Row]
    until: str


def rows_of_case(lake: Lake, case_id: str, rule: str) -> CaseRows:
    """Trace a case and return the rows of its list.

    Args:
        lake: the open lake.
        case_id: its number.
        rule: id or path of the rule pack.

    Raises:
        DataError: there is no such case, it is withdrawn or has no date.
    """
    request = make_request(lake, load_rule(rule), case_id, all_cases=False, depth=None, until=None)
    cases = listed_cases(lake, request, case_id, all_cases=False)
    settings = ListSettings(words=wording("vi"))
    # Nothing opened and nobody joined: a message holds tokens only.
    rows = list_rows(
        trace_rows(lake, request), cases, names_by_code(lake), settings, request.until_us, {}, {}
    )
    # Through the JSON writer, so that a message has exactly the spellings of list.json.
    text = io.BytesIO()
    write_json(rows, text)
    until = utc_text(EPOCH + dt.timedelta(microseconds=request.until_us))
    return CaseRows(orjson.loads(text.getvalue()), until)


class MessageSigner:
    """Signs messages with the list key of a lake."""

    def __init__(self, keys: Path) -> None:
        """Load the key.

        Args:
            keys: folder of the keys.

        Raises:
            DataError: the key is missing or damaged.
        """
        self._key: Ed25519PrivateKey = load_list_key(keys)

    def attributes(self, message: bytes) -> Mapping[str, str]:
        """Return `signature`, base64 of Ed25519 over the bytes of the message, and `key`, its fingerprint."""
        signature = base64.b64encode(self._key.sign(message)).decode()
        return {"signature": signature, "key": fingerprint(self._key.public_key())}
