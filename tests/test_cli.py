import argparse
import errno
import os
import re
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from pipelines import cli
from pipelines.errors import DataError, ServiceError, UsageError


def fake_command(action, monkeypatch):
    """Register a command `fake` with two flags that does what the action says."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--lake")
        parser.add_argument("--scans", action="extend", nargs="+")

    module = SimpleNamespace(EXAMPLE="truyvet fake --lake L", add_arguments=add_arguments, run=action)
    monkeypatch.setattr(cli, "COMMANDS", {"fake": cli.Entry("fake", "do nothing")})
    monkeypatch.setattr(cli.importlib, "import_module", lambda _name: module)


def raising(error):
    def run(_args):
        raise error

    return run


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_an_example_of_itself(name, capsys):
    assert cli.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert cli.COMMANDS[name].summary in shown
    assert re.search(rf"example:\n\s+(\S+=\S+ )*truyvet {name}\b", shown)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_flag_of_every_command_is_explained(name):
    parser = cli.command_parser(name, cli.COMMANDS[name].load())
    parts = [action.choices.values() for action in parser._actions if action.dest == "does"]
    for part in [parser, *(part for parts_of_one in parts for part in parts_of_one)]:
        assert [action.dest for action in part._actions if not action.help] == []


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_example_of_every_command_parses(name, monkeypatch):
    monkeypatch.delenv("TRUYVET_LAKE", raising=False)
    command = cli.COMMANDS[name].load()
    example = command.EXAMPLE.replace("\\\n", " ")
    for line in example.strip().splitlines():
        _, found, words = line.partition(f"truyvet {name}")
        if found:
            cli.parse(cli.command_parser(name, command), words.split())


@pytest.mark.parametrize("name", ["overlaps", "milestones", "token"])
def test_a_question_to_the_lake_imports_no_beam(name):
    code = (
        f"import sys; from pipelines.cli import COMMANDS; COMMANDS[{name!r}].load();"
        "sys.exit('apache_beam' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WITHOUT_KERNELS = """
import sys
from pipelines import cli

name = {name!r}
codes = [cli.main(words) for words in ([name, "--help"], [name, "--no-such-flag"], ["--version"], [])]
assert codes == [0, 2, 0, 2], codes
sys.exit("numba" in sys.modules)
"""

WITHOUT_ARRAYS = """
import sys
from pipelines import cli

codes = [cli.main(words) for words in (["--version"], ["--help"], [], ["no-such-command"])]
assert codes == [0, 0, 2, 2], codes
print([name for name in ("numpy", "pyarrow") if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_version_and_wrong_usage_import_no_kernel(name):
    code = WITHOUT_KERNELS.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_overview_does_not_wait_for_numpy():
    done = subprocess.run([sys.executable, "-c", WITHOUT_ARRAYS], capture_output=True, check=True)
    assert done.stderr.decode().splitlines()[-1] == "[]"


def test_the_overview_names_every_command(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in cli.COMMANDS)


def test_no_command_prints_the_overview_and_is_wrong_usage(capsys):
    assert cli.main([]) == 2
    assert "usage: truyvet COMMAND" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("truyvet ")


def test_an_unknown_command_is_answered_with_the_nearest_one(capsys):
    assert cli.main(["overlap"]) == 2
    assert capsys.readouterr().err == (
        "truyvet: unknown command overlap: did you mean overlaps? see truyvet --help\n"
    )


def test_an_unknown_flag_is_answered_with_the_nearest_one_and_never_its_value(monkeypatch, capsys):
    fake_command(lambda _args: 0, monkeypatch)
    assert cli.main(["fake", "--lak=phone:0905"]) == 2
    assert capsys.readouterr().err == (
        "truyvet fake: unknown flag --lak: did you mean --lake? see truyvet fake --help\n"
    )


@pytest.mark.parametrize("words", [["--sca", "x"], ["stray"], ["--lake"]])
def test_abbreviated_flags_stray_words_and_missing_values_are_wrong_usage(words, monkeypatch, capsys):
    fake_command(lambda _args: 0, monkeypatch)
    assert cli.main(["fake", *words]) == 2
    shown = capsys.readouterr()
    assert shown.err.count("\n") == 1
    assert "see truyvet fake --help" in shown.err
    assert shown.out == ""


def test_a_value_that_begins_with_dashes_behind_an_equals_sign_is_not_a_flag(monkeypatch):
    fake_command(lambda args: int(args.lake != "--odd"), monkeypatch)
    assert cli.main(["fake", "--lake=--odd"]) == 0


def test_repeated_flags_of_several_values_all_count(monkeypatch):
    seen = []
    fake_command(lambda args: seen.extend(args.scans) or 0, monkeypatch)
    assert cli.main(["fake", "--scans", "a", "b", "--scans", "c"]) == 0
    assert seen == ["a", "b", "c"]


def test_an_error_of_the_user_is_one_line_with_its_exit_code(monkeypatch, capsys):
    fake_command(raising(DataError("scans.csv is no CSV", "check the file")), monkeypatch)
    assert cli.main(["fake"]) == 3
    assert capsys.readouterr().err == "truyvet fake: scans.csv is no CSV: check the file\n"


def denial(path):
    return PermissionError(errno.EACCES, "Permission denied", path)


def denied(kind, path):
    """Return an error that took a denial for something else."""
    return raised_from(denial(path), kind)


def raised_from(cause, kind=DataError):
    error = kind("lake.json cannot be read", "restore it from a backup")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (denial("/lake/lake.json"), 5),
        (denied(DataError, "/lake/lake.json"), 3),
        (denied(ServiceError, "/lake/lake.json"), 5),
        (denied(UsageError, "/lake/lake.json"), 5),
    ],
)
def test_missing_permission_is_told_as_such_and_never_as_damage(error, code, monkeypatch, capsys):
    fake_command(raising(error), monkeypatch)
    assert cli.main(["fake"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith("truyvet fake: permission denied: /lake/lake.json: / belongs to ")
    assert "backup" not in shown
    assert shown.count("\n") == 1


def test_missing_permission_for_a_file_without_a_name_names_what_the_module_knew(monkeypatch, capsys):
    fake_command(raising(denied(DataError, None)), monkeypatch)
    assert cli.main(["fake"]) == 3
    assert "permission denied: lake.json cannot be read: run" in capsys.readouterr().err


def test_an_interrupt_that_a_library_makes_another_error_of_is_an_interrupt(monkeypatch, capsys):
    def run(_args):
        try:
            cli._interrupt(signal.SIGINT, None)
        except KeyboardInterrupt:
            raise ImportError("numpy.core.umath failed to import") from None

    monkeypatch.setattr(cli, "_is_interrupted", False)
    fake_command(run, monkeypatch)
    assert cli.main(["fake"]) == cli.EXIT_INTERRUPTED
    assert capsys.readouterr().err == "truyvet: interrupted\n"


def test_a_machine_without_any_folder_for_compiled_kernels_is_told_what_to_name(monkeypatch, capsys):
    missing = "cannot cache function 'add': no locator available for file '/opt/kernels/add.py'"
    fake_command(raising(RuntimeError(missing)), monkeypatch)
    assert cli.main(["fake"]) == ServiceError.exit_code
    told = "no folder for compiled kernels can be written: name a folder of your own with XDG_CACHE_HOME"
    assert capsys.readouterr().err == f"truyvet fake: {told}\n"


def test_damage_stays_damage(monkeypatch, capsys):
    fake_command(raising(raised_from(FileNotFoundError(errno.ENOENT, "no", "/x"))), monkeypatch)
    assert cli.main(["fake"]) == 3
    assert "lake.json cannot be read: restore it from a backup" in capsys.readouterr().err


@pytest.mark.parametrize("variables", [{"PYTHONUNBUFFERED": "1"}, {"PYTHONUNBUFFERED": ""}])
def test_a_full_disk_behind_standard_output_is_told(variables):
    words = [sys.executable, "-m", "pipelines.cli", "--help"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, env=os.environ | variables, check=False
        )
    assert done.returncode == 4
    assert done.stderr == (
        b"truyvet --help: no space is left on the disk: make room, or write somewhere else\n"
    )


def test_an_internal_error_names_type_and_place_but_no_value(monkeypatch, capsys):
    monkeypatch.delenv("TRUYVET_DEBUG", raising=False)
    fake_command(raising(ValueError("phone:0905MARKER")), monkeypatch)
    assert cli.main(["fake"]) == 70
    shown = capsys.readouterr().err
    assert "MARKER" not in shown
    assert re.search(r"internal error: ValueError at \S+\.py:\d+; run with TRUYVET_DEBUG=1", shown)


def test_with_debug_the_traceback_of_an_internal_error_is_shown(monkeypatch, capsys):
    monkeypatch.setenv("TRUYVET_DEBUG", "1")
    fake_command(raising(ValueError("MARKER")), monkeypatch)
    assert cli.main(["fake"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_with_130_and_no_traceback(monkeypatch, capsys):
    fake_command(raising(KeyboardInterrupt()), monkeypatch)
    assert cli.main(["fake"]) == 130
    assert capsys.readouterr().err == "truyvet: interrupted\n"


def test_a_reader_that_has_gone_ends_the_command_without_a_word():
    code = (
        "import sys, pyarrow as pa; from types import SimpleNamespace\n"
        "from pipelines import cli; from pipelines.terminal import output\n"
        "def run(args):\n"
        "    output.write_rows(pa.table({'n': list(range(200_000))}), 'csv'); return 0\n"
        "command = SimpleNamespace(EXAMPLE='truyvet f', add_arguments=lambda parser: None, run=run)\n"
        "cli.COMMANDS['f'] = SimpleNamespace(summary='', load=lambda: command)\n"
        "sys.exit(cli.main(['f']))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141
