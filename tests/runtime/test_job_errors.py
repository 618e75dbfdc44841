"""A user's error on its way from a step to the launcher."""

import pytest

from pipelines.errors import DataError
from pipelines.runtime import job_errors
from pipelines.runtime.job_errors import raise_reported, report_errors


def report_and_then(scratch, follow):
    """Act as a launcher sees it: a step has reported an error, then the runner raises one of its own."""
    with raise_reported(str(scratch)):
        with pytest.raises(DataError), report_errors(str(scratch)):
            raise DataError("a file is damaged", "restore it")
        follow()


def interrupt():
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise RuntimeError from ValueError("another cause")


def fail():
    raise RuntimeError


def fail_elsewhere():
    """Fail as if the step had run in another process."""
    job_errors._of_this_process.clear()
    raise RuntimeError


@pytest.mark.parametrize("follow", [fail, fail_elsewhere])
def test_the_reported_error_replaces_the_runners(tmp_path, follow):
    with pytest.raises(DataError, match="a file is damaged: restore it"):
        report_and_then(tmp_path, follow)


def test_an_interrupt_takes_precedence_over_a_reported_error(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        report_and_then(tmp_path, interrupt)


def test_without_a_report_the_runners_error_stays(tmp_path):
    with pytest.raises(RuntimeError), raise_reported(str(tmp_path)):
        fail()


def test_a_full_disk_does_not_hide_the_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(job_errors.storage, "put", full)
    with pytest.raises(DataError, match="a file is damaged"):
        report_and_then(tmp_path, fail)
