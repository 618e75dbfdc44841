"""`truyvet watch`: cases arrive on a topic, their exposure lists leave on another.

A case message is acknowledged when its list has been sent and remembered, so
a crash sends a list again, under the same message id.
"""

import io
import os
import threading
import time
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import orjson

from pipelines.errors import DataError, UsageError
from pipelines.graph import trace
from pipelines.ingest.commit import Batch, Upsert, commit_batch
from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.reference_tables import CASE_SOURCE, read_records
from pipelines.ingest.write_step import write_other_files
from pipelines.lake import CommitConflict, Lake, open_lake, read_table, snapshot
from pipelines.privacy.keys import Keys, load_keys
from pipelines.streaming.broker import Subscription, Topic
from pipelines.streaming.message_records import lines_of
from pipelines.streaming.sent_lists import Row, Sent, SentLists, differences
from pipelines.terminal.options import keys_folder
from pipelines.terminal.output import write_json
from schemas.rules import DEFAULT_RULE, load_rule

REFRESH_SECONDS: Final = 1.0
"""The lists of all watched cases are made again no more often than this."""

_WAIT_SECONDS = 0.5
_MESSAGES = 100
_TABLES = ("stays", "cases", "encounters", "venues")
"""What a trace reads; their versions are the version of a list."""


def watch(
    lake: str,
    subscription: str,
    topic: str,
    *,
    rule: str = DEFAULT_RULE,
    keys: str | None = None,
    until_idle: float | None = None,
    stopped: threading.Event | None = None,
) -> dict[str, int]:
    """Send lists until told to stop, or until no case has come for a while.

    Args:
        lake: folder of the lake.
        subscription: where cases come from, `projects/P/subscriptions/S`.
        topic: where lists go, `projects/P/topics/T`.
        rule: the rule pack, by id or path.
        keys: folder of the keys; None is `LAKE.keys`.
        until_idle: end when no case has come for so many seconds; None is never.
        stopped: set it to end.

    Returns:
        How many case records and lists there were.

    Raises:
        UsageError: a flag is wrong.
        ServiceError: the broker, the subscription or the topic is missing, or the lake cannot be written.
        RefusedError: other keys.
    """
    if until_idle is not None and until_idle < 0:
        raise UsageError("--until-idle is no number of seconds", "write a number from 0")
    load_rule(rule)
    cases, lists = Subscription(subscription), Topic(topic)
    folder = keys_folder(keys, lake)
    watcher = Watcher(open_lake(lake, folder), load_keys(folder), lists, rule)
    stopped = stopped or threading.Event()
    last, refreshed = time.monotonic(), 0.0
    while not stopped.is_set() and (until_idle is None or time.monotonic() - last < until_idle):
        arrived = cases.pull(_MESSAGES, _WAIT_SECONDS)
        if arrived:
            last = time.monotonic()
            watcher.take([item.message.data for item in arrived])
            cases.acknowledge([item.ack_id for item in arrived])
        elif time.monotonic() - refreshed > REFRESH_SECONDS:
            watcher.refresh()
            refreshed = time.monotonic()
    cases.close()
    lists.close()
    return {"cases": watcher.cases, "lists": watcher.lists}


class Watcher:
    """The cases of a lake and what has been sent of them.

    Attributes:
        cases: case records that have come.
        lists: lists that have been sent.
    """

    def __init__(self, lake: Lake, keys: Keys, topic: Topic, rule: str) -> None:
        """Look up what was sent before.

        Raises:
            ServiceError: its folder cannot be made.
        """
        self._lake, self._keys, self._topic, self._rule = lake, keys, topic, rule
        self._sent = SentLists(lake, topic.name, rule)
        self._watched = set(self._sent.cases())
        self._seen = ""
        self.cases = self.lists = 0

    def take(self, messages: Sequence[bytes]) -> None:
        """Bring case records into the lake and send the list of each.

        Raises:
            ServiceError: the lake cannot be written, or the topic takes no list.
        """
        lines = b"".join(lines_of(message)[0] for message in messages)
        self.cases += self._upsert(lines)
        known = set(read_table(self._lake, "cases", ["case_id"])["case_id"].to_pylist())
        named = {_case_of(line) for line in lines.splitlines()} & known
        self._watched |= named
        self._send(named)

    def refresh(self) -> None:
        """Send what later commits have changed.

        Raises:
            ServiceError: the topic takes no list.
        """
        if self._version() != self._seen:
            self._seen = self._version()
            self._send(self._watched)

    def _upsert(self, lines: bytes) -> int:
        """Commit case records; how many there were."""
        blocks = [Lines(0, np.frombuffer(lines, np.uint8))]
        while True:
            held = snapshot(self._lake, "cases").version
            current = read_table(self._lake, "cases") if held >= 0 else None
            upsert = Upsert(CASE_SOURCE, read_records(CASE_SOURCE, blocks, self._keys, current))
            files = write_other_files(self._lake, self._keys, [upsert], time.time_ns() // 1000)
            base = snapshot(self._lake, "scans").version
            try:
                commit_batch(self._lake, Batch(os.urandom(8).hex(), base, files, [upsert]))
            except CommitConflict:
                continue
            return upsert.other.received

    def _send(self, cases: set[str]) -> None:
        version = self._version()
        for case in sorted(cases):
            self._send_one(case, version)

    def _send_one(self, case: str, version: str) -> None:
        """The list of a case, unless it says nothing new."""
        before = self._sent.get(case)
        rows = self._trace(case)
        added, withdrawn = differences([] if before is None else before.rows, rows)
        if before is not None and not added and not withdrawn:
            return
        sent = Sent(case, self._rule, version, rows)
        said = {
            "case": case,
            "rule": self._rule,
            "lake_version": version,
            "added": added,
            "withdrawn": withdrawn,
            "rows": rows,
        }
        self._topic.publish([(orjson.dumps(said), {"message_id": sent.message_id})])
        self._sent.put(sent)
        self.lists += 1

    def _trace(self, case: str) -> list[Row]:
        """The rows of a case now; none of one that is withdrawn or has no date."""
        try:
            rows = trace(self._lake, case, self._rule)
        except DataError:
            return []
        text = io.BytesIO()
        write_json(rows, text)
        found: list[Row] = orjson.loads(text.getvalue())
        return found

    def _version(self) -> str:
        """The versions of the tables that a trace reads."""
        return ".".join(str(snapshot(self._lake, name).version) for name in _TABLES)


def _case_of(line: bytes) -> str:
    """The number of the case that a line is about; empty where it tells none."""
    try:
        case = orjson.loads(line)["case_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return ""
    return unicodedata.normalize("NFC", case.strip()) if isinstance(case, str) else ""
