"""The tracer's pages on a lake of many stays: start, first page, a case, twenty people at once, memory."""

import http.client
import re
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.dense_world import case_ids, dense_world
from benchmarks.measure import ROOT, report, say, timed_calls, truyvet

_CASES = 50
_PEOPLE = 20
_PAGES_EACH = 5
_TIMEOUT_SECONDS = 120


def measure(work: Path, scans: int) -> None:
    """Serve the dense world and ask as a browser does; each case's page is asked for the first time."""
    lake = dense_world(work, scans)
    say("warming the kernels")
    _served(lake, scans, cases=1)
    report("serve", [_served(lake, scans, cases=_CASES)])


def _served(lake: str, stays: int, cases: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as ledger:
        begun = time.perf_counter()
        words = ("serve", "--lake", lake, "--port", 0, "--ledger", f"{ledger}/ledger")
        with subprocess.Popen(truyvet(*words), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                return {"stays": stays} | _asked(process, begun, cases)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(_TIMEOUT_SECONDS)


def _asked(process: "subprocess.Popen[str]", begun: float, cases: int) -> dict[str, object]:
    assert process.stdout is not None
    visitor = _Visitor(process.stdout.readline().strip())
    visitor.page("/")
    start = time.perf_counter() - begun
    again = timed_calls(visitor.page, ["/"] * 5)
    paths = [f"/cases/{case}" for case in case_ids(cases)]
    each = timed_calls(visitor.page, paths)
    failed = 0
    at_once = 0.0
    if cases > 1:
        wanted = [paths[number % len(paths)] for number in range(_PEOPLE * _PAGES_EACH)]
        clock = time.perf_counter()
        with ThreadPoolExecutor(_PEOPLE) as people:
            failed = sum(not one for one in people.map(visitor.is_answered, wanted))
        at_once = time.perf_counter() - clock
    return {
        "start to first page, s": start,
        "first page warm, ms": again.median,
        f"a case's page, median of {cases}, ms": each.median,
        "95th percentile, ms": each.p95,
        f"{_PEOPLE} at once, {_PEOPLE * _PAGES_EACH} pages, s": at_once,
        "errors": failed,
        "memory beyond mapped files, MB": _anonymous_mb(process.pid),
    }


class _Visitor:
    """A client with the cookie of a session."""

    def __init__(self, url: str) -> None:
        self._netloc = urlsplit(url).netloc
        self._cookie = ""
        status, headers, _ = self._ask(urlsplit(url).path)
        assert status == 303, status
        self._cookie = headers["Set-Cookie"].partition(";")[0]

    def page(self, path: str) -> str:
        """Return a page that was answered."""
        status, _, text = self._ask(path)
        assert status == 200, (path, status)
        return text

    def is_answered(self, path: str) -> bool:
        """Return whether a page came, whole."""
        status, _, text = self._ask(path)
        return status == 200 and "</html>" in text

    def _ask(self, path: str) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT_SECONDS)
        connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text


def _anonymous_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1000
