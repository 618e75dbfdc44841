"""`truyvet watch`: cases arrive on one topic, their exposure lists leave on another.

A case message is acknowledged once its list has been sent and stored. After a
crash a list is therefore sent again, under the same message id.
"""

import datetime as dt
import os
import threading
import time
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
import orjson

from pipelines.errors import DataError, UsageError
from pipelines.export.list_message import CaseRows, MessageSigner, rows_of_case
from pipelines.graph.cases import last_instant_us
from pipelines.ingest.commit import Batch, Upsert, commit_batch
from pipelines.ingest.formats.blocks import Lines
from pipelines.ingest.reference_tables import CASE_SOURCE, read_records
from pipelines.ingest.write_step import write_other_files
from pipelines.lake import CommitConflict, Lake, open_lake, read_table, snapshot
from pipelines.privacy.keys import Keys, load_keys
from pipelines.streaming.broker import Subscription, Topic
from pipelines.streaming.message_records import lines_of
from pipelines.streaming.sent_lists import Sent, SentLists, differences
from pipelines.terminal.options import keys_folder
from pipelines.terminal.output import utc_text
from pipelines.times import EPOCH
from schemas.rules import DEFAULT_RULE, load_rule

REFRESH_SECONDS: Final = 1.0
"""Least time between two updates of the lists of all watched cases."""

_WAIT_SECONDS = 0.5
_MESSAGES = 100
_TABLES = ("stays", "cases", "encounters", "venues")
"""Tables that a trace reads; their versions make up the version of a list."""


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
    """Send lists until stopped, or until no case has come for a while.

    Args:
        lake: folder or URL of the lake.
        subscription: where cases come from, `projects/P/subscriptions/S`.
        topic: where lists go, `projects/P/topics/T`.
        rule: id or path of the rule pack.
        keys: folder of the keys; None is `LAKE.keys`.
        until_idle: end after this many seconds without a case; None never ends.
        stopped: set it to end.

    Returns:
        The number of case records and of lists.

    Raises:
        UsageError: a flag is wrong.
        ServiceError: the broker, the subscription or the topic is missing, or the lake cannot be written.
        RefusedError: the keys are not the lake's.
    """
    if until_idle is not None and not until_idle >= 0:  # false for NaN
        raise UsageError("--until-idle must be a number ≥ 0", "correct it")
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
            # Acknowledge last, so that after a crash the cases come again.
            watcher.take([item.message.data for item in arrived])
            cases.acknowledge([item.ack_id for item in arrived])
        elif time.monotonic() - refreshed > REFRESH_SECONDS:  # only while no case waits
            watcher.refresh()
            refreshed = time.monotonic()
    cases.close()
    lists.close()
    return {"cases": watcher.cases, "lists": watcher.lists}


class Watcher:
    """The cases of a lake and the lists sent for them.

    Attributes:
        cases: number of case records received.
        lists: number of lists sent.
    """

    def __init__(self, lake: Lake, keys: Keys, topic: Topic, rule: str) -> None:
        """Load what was sent before.

        Raises:
            ServiceError: its folder cannot be made.
            DataError: the key that signs lists is missing.
        """
        self._lake, self._keys, self._topic, self._rule = lake, keys, topic, rule
        self._sent = SentLists(lake, topic.name, rule)
        # Cases with a list from before a restart stay watched.
        self._watched = set(self._sent.cases())
        self._seen = ""
        self._signer = MessageSigner(keys.folder)
        self.cases = self.lists = 0

    def take(self, messages: Sequence[bytes]) -> None:
        """Commit case records to the lake and send the list of each case.

        Raises:
            ServiceError: the lake cannot be written, or the topic does not take a list.
        """
        lines = b"".join(lines_of(message)[0] for message in messages)
        self.cases += self._upsert(lines)
        known = set(read_table(self._lake, "cases", ["case_id"])["case_id"].to_pylist())
        # A refused record may name a case that the lake does not have; it gets no list.
        named = {_case_of(line) for line in lines.splitlines()} & known
        self._watched |= named
        self._send(named)

    def refresh(self) -> None:
        """Send the lists that later commits have changed.

        Raises:
            ServiceError: the topic does not take a list.
        """
        if self._version() != self._seen:
            # Noted first, so that a commit during the sending causes another round.
            self._seen = self._version()
            self._send(self._watched)

    def _upsert(self, lines: bytes) -> int:
        """Commit case records and return their number."""
        blocks = [Lines(0, np.frombuffer(lines, np.uint8))]
        while True:
            held = snapshot(self._lake, "cases").version
            current = read_table(self._lake, "cases") if held >= 0 else None
            upsert = Upsert(CASE_SOURCE, read_records(CASE_SOURCE, blocks, self._keys, current))
            files = write_other_files(self._lake, self._keys, [upsert], time.time_ns() // 1000)
            base = snapshot(self._lake, "scans").version
            try:
                commit_batch(self._lake, Batch(os.urandom(8).hex(), base, files, [upsert]))
            except CommitConflict:  # read again what the other commit has written
                continue
            return upsert.other.received

    def _send(self, cases: set[str]) -> None:
        version = self._version()
        for case in sorted(cases):
            self._send_one(case, version)

    def _send_one(self, case: str, version: str) -> None:
        """Send the list of a case unless nothing in it is new."""
        before = self._sent.get(case)
        found = self._rows(case)
        rows = found.rows
        added, withdrawn = differences([] if before is None else before.rows, rows)
        # The first list is sent even if it is empty.
        if before is not None and not added and not withdrawn:
            return
        sent = Sent(case, self._rule, version, rows)
        content = {
            "case": case,
            "rule": self._rule,
            "until": found.until,
            "lake_version": version,
            "rows": rows,
            "added": added,
            "withdrawn": withdrawn,
        }
        message = orjson.dumps(content)
        attributes = {"message_id": sent.message_id, **self._signer.attributes(message)}
        # Sent before it is stored: a crash between the two repeats the message, which its id reveals.
        self._topic.publish([(message, attributes)])
        self._sent.put(sent)
        self.lists += 1

    def _rows(self, case: str) -> CaseRows:
        """Return the rows of a case as of now; none for a case that is withdrawn or has no date."""
        try:
            return rows_of_case(self._lake, case, self._rule)
        except DataError:
            until = EPOCH + dt.timedelta(microseconds=last_instant_us(self._lake))
            return CaseRows([], utc_text(until))

    def _version(self) -> str:
        """Return the versions of the tables that a trace reads."""
        return ".".join(str(snapshot(self._lake, name).version) for name in _TABLES)


def _case_of(line: bytes) -> str:
    """Return the id of the case in a line; empty if there is none."""
    try:
        case = orjson.loads(line)["case_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError):
        return ""
    # Normalised as by ingest, so that both see the same id.
    return unicodedata.normalize("NFC", case.strip()) if isinstance(case, str) else ""
