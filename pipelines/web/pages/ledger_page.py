"""The ledger: who asked what and why, and whether the record of it is whole."""

import datetime as dt
import json
from typing import Any, Final

import pyarrow as pa
from flask import Flask, Response, request

from pipelines.privacy.ledger import ledger_folder
from pipelines.privacy.ledger_check import check_ledger, entries
from pipelines.web.page_ledger import note_visit
from pipelines.web.rendering import local_time, page, words_now
from pipelines.web.serve_settings import ServeSettings
from pipelines.web.table_view import page_of

_CHECKED_AT_ONCE: Final = 5_000
"""A longer ledger is checked when that is asked for, because it takes more than half a second."""


def add_ledger(app: Flask, settings: ServeSettings) -> None:
    """Add the page."""

    @app.get("/ledger")
    def ledger() -> Response:
        checks = request.args.get("check") == "1"
        lake = note_visit(settings, "ledger", check=checks, number=request.args.get("page"))
        folder = ledger_folder(lake.url, settings.ledger)
        # The newest first.
        lines = entries(folder)[::-1]
        numbers = pa.table({"at": pa.array(range(len(lines)), pa.int64())})
        shown, pager = page_of(numbers, request.args.get("page", ""), "/ledger", {})
        values: dict[str, Any] = {
            "rows": [_row(lines[place]) for place in shown["at"].to_pylist()],
            "pager": pager,
            "folder": str(folder),
            "head": None,
            "flaw": None,
        }
        # A whole check reads every line; of a long ledger only on demand.
        if checks or len(lines) <= _CHECKED_AT_ONCE:
            head, flaw = check_ledger(folder)
            values |= {"head": head, "flaw": flaw}
        return page("ledger", words_now()("ledger", "title"), values, lake=lake)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    """A line as the page shows it."""
    arguments = dict(entry.get("arguments", {}))
    asked = arguments.pop("page", "")
    arguments.pop("method", None)
    return entry | {
        "at_local": local_time(dt.datetime.fromisoformat(entry["at"]), words_now()),
        "asked": f"{entry['command']}: {words_now().value('asked', asked)}" if asked else entry["command"],
        "arguments": json.dumps(arguments, ensure_ascii=False, sort_keys=True) if arguments else "",
        "cases": "; ".join(entry.get("cases", ())),
    }
