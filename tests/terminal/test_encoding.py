import os
import subprocess
import sys

import pytest

from pipelines.terminal.encoding import REPLACING, lookalike


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Đường số 3 – tầng 2", "Duong so 3 - tang 2"),
        ("≥ 15 …", ">= 15 ..."),
        ("plain", "plain"),
        ("市场", "??"),
        ("\udc80", "?"),
        ("e\u0323", "e"),
        ("①", "1"),
    ],
)
def test_text_becomes_ascii_that_looks_like_it(text, shown):
    assert lookalike(text) == shown


def test_letters_that_the_encoding_has_stay():
    assert "mốc é".encode("cp1252", REPLACING) == b"moc \xe9"
    assert "mốc dịch tễ".encode("utf-8", REPLACING) == "mốc dịch tễ".encode()


@pytest.mark.parametrize("encoding", ["cp1252", "ISO-8859-1", "ascii", "cp437", "utf-8", "big5"])
def test_help_is_printed_in_any_encoding(encoding):
    shown = command(["--help"], {"PYTHONIOENCODING": encoding})
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert "moc dich te" in lookalike(shown.stdout.decode(encoding))


def test_an_error_names_an_argument_that_the_encoding_cannot_hold():
    shown = command([b"\xff\xfe"], {"PYTHONIOENCODING": "utf-8"})
    assert shown.returncode == 2
    assert shown.stderr == b"truyvet: unknown command ??: see truyvet --help\n"


def test_closed_streams_do_not_end_a_command():
    line = f"{sys.executable} -m pipelines.cli --help >&- 2>&-"
    assert subprocess.run(["sh", "-c", line], check=False).returncode == 0


def command(words, variables):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        env=os.environ | variables,
        capture_output=True,
        check=False,
    )
