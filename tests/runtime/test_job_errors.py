"""Errors on their way from a step to the launcher and to an engine's log."""

import traceback

import pytest

from pipelines.errors import DataError
from pipelines.runtime import job_errors as failures
from pipelines.runtime.job_errors import enable_redaction, raise_reported, redact_errors, report_errors


@pytest.fixture
def hidden(monkeypatch):
    monkeypatch.setattr(failures, "_engine_logs", [])
    enable_redaction()


MARK = "".join(("MAR", "KER"))  # not in a line that a traceback would show


def failing(error):
    with redact_errors():
        raise error


def test_an_engine_is_told_where_an_error_arose_and_no_value(hidden):
    with pytest.raises(RuntimeError, match=r"^ValueError at test_job_errors\.py:\d+$") as told:
        failing(ValueError(MARK))
    assert MARK not in "".join(traceback.format_exception(told.value))


def test_an_error_of_the_user_is_told_as_it_is(hidden):
    with pytest.raises(DataError, match="a file is damaged"):
        failing(DataError("a file is damaged", "restore it"))


def test_the_direct_runner_keeps_the_error_for_who_debugs(monkeypatch):
    monkeypatch.setattr(failures, "_engine_logs", [])
    with pytest.raises(ValueError, match=MARK):
        failing(ValueError(MARK))


def note_and(scratch, go_on):
    """What a launcher sees: a step has noted an error, and the runner raises another."""
    with raise_reported(str(scratch)):
        with pytest.raises(DataError), report_errors(str(scratch)):
            raise DataError("a file is damaged", "restore it")
        go_on()


def interrupted():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise RuntimeError from ValueError("another cause")


def failed():
    raise RuntimeError


def test_an_interrupt_is_found_behind_what_a_step_has_noted_meanwhile(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        note_and(tmp_path, interrupted)


def test_what_a_step_has_noted_is_raised_in_place_of_the_error_of_the_runner(tmp_path):
    with pytest.raises(DataError, match="a file is damaged"):
        note_and(tmp_path, failed)
