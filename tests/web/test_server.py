"""`truyvet serve` as a process: its URL, its end, and what keeps it from beginning."""

import http.client
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from pipelines import cli, serve
from tests.web.visitors import copied

PURPOSE = "purpose=calling"


@contextmanager
def served(lake, *words):
    """A server of a lake on a free port, and the URL that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "serve", "--lake", lake, "--port", "0", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/enter/[\w-]{43}", url), process.stderr.read()
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Browser:
    """A client over a real connection, with the cookie of its session."""

    def __init__(self, url):
        self.netloc = urlsplit(url).netloc
        answer = self.ask("GET", urlsplit(url).path)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.netloc, timeout=30)
        headers = {"Cookie": getattr(self, "cookie", "")}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.text = answer.read().decode(errors="replace")
        connection.close()
        return answer

    def csrf(self):
        return re.search(r'name="csrf" value="([^"]+)"', self.ask("GET", "/ledger").text)[1]


@pytest.mark.parametrize("end", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_lets_a_request_end_and_the_exit_code_is_0(made_lake, tmp_path, end):
    lake = copied(made_lake, tmp_path)
    with served(lake) as (process, url):
        browser = Browser(url)
        body = f"csrf={browser.csrf()}&format=csv&format=xlsx&format=html&{PURPOSE}"
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(browser.ask("POST", "/cases/BN-1/export", body))
        )
        thread.start()
        time.sleep(0.15)  # the export runs now
        process.send_signal(end)
        thread.join(20)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert answers[0].status == 200
        assert answers[0].headers["Content-Type"] == "application/zip"
        assert out == ""
        assert "Traceback" not in err
        assert "BN-1" not in err
        with pytest.raises(OSError, match="refused"):
            browser.ask("GET", "/")


def test_another_url_begins_another_session_and_the_first_one_goes_on(made_lake, tmp_path):
    urls, stopped, another = queue.Queue(), threading.Event(), threading.Event()
    options = {"stopped": stopped, "another": another, "say": urls.put, "ledger": str(tmp_path / "ledger")}
    thread = threading.Thread(target=lambda: serve(made_lake, port=0, **options))
    thread.start()
    first = Browser(urls.get(timeout=20))
    another.set()
    second = Browser(urls.get(timeout=20))
    assert first.cookie != second.cookie
    assert [one.ask("GET", "/cases").status for one in (first, second, first)] == [200] * 3
    stopped.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_port_that_is_taken_a_lake_that_is_not_there_and_a_ledger_that_is_closed(
    made_lake, tmp_path, capsys
):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", "--lake", made_lake, "--port", port, "--ledger", str(tmp_path / "l")]) == 4
        assert f"port {port} is taken" in capsys.readouterr().err
    assert cli.main(["serve", "--lake", str(tmp_path / "nowhere"), "--port", "0"]) == 3
    (tmp_path / "file").write_text("no folder")
    assert cli.main(["serve", "--lake", made_lake, "--port", "0", "--ledger", str(tmp_path / "file")]) == 5
    assert "ledger" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--port", "-1"], 2),
        (["--port", "70000"], 2),
        (["--lang", "fr"], 2),
        (["--trust-proxy", "X-User"], 2),
        (["--public-url", "https://trace.example.vn"], 2),
        (["--trust-proxy", "X User", "--public-url", "https://trace.example.vn"], 2),
        (["--trust-proxy", "X-User", "--public-url", "trace.example.vn"], 2),
        (["--authority-key", "/nowhere/authority.key"], 3),
    ],
)
def test_wrong_flags_are_one_line(made_lake, words, code, capsys):
    assert cli.main(["serve", "--lake", made_lake, *words]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1
