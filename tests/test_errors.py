import pytest

from pipelines.errors import DataError, RefusedError, ServiceError, TruyVetError, UsageError


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (DataError, 3), (ServiceError, 4), (RefusedError, 5)]
)
def test_each_kind_of_error_has_its_exit_code(kind: type[TruyVetError], code: int):
    assert kind("what", "remedy").exit_code == code


def test_an_error_is_one_line_whatever_its_parts_hold():
    assert str(UsageError("--lake is\nmissing", "name\r\n a folder")) == "--lake is missing: name a folder"
