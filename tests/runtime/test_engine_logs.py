"""An engine's log shows where a step failed and never a value."""

import traceback

import pytest

from pipelines.errors import DataError
from pipelines.runtime import engine_logs
from pipelines.runtime.engine_logs import enable_redaction, redact_errors

MARK = "".join(("MAR", "KER"))  # written so that no source line in a traceback shows it


@pytest.fixture
def redacting():
    enable_redaction()
    yield
    engine_logs._redacting.clear()


def fail(error):
    with redact_errors():
        raise error


@pytest.mark.usefixtures("redacting")
def test_an_error_is_reduced_to_its_type_and_place():
    with pytest.raises(RuntimeError, match=r"^ValueError at test_engine_logs\.py:\d+$") as raised:
        fail(ValueError(MARK))
    assert MARK not in "".join(traceback.format_exception(raised.value))


@pytest.mark.usefixtures("redacting")
def test_a_users_error_passes_unchanged():
    with pytest.raises(DataError, match="a file is damaged"):
        fail(DataError("a file is damaged", "restore it"))


def test_without_an_engine_the_error_keeps_its_message():
    with pytest.raises(ValueError, match=MARK):
        fail(ValueError(MARK))
