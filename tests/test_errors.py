import errno
import os

import pytest

from pipelines.errors import (
    DataError,
    RefusedError,
    ServiceError,
    TruyVetError,
    UsageError,
    is_denial,
    permission_denied,
)


@pytest.mark.parametrize(
    ("kind", "code"), [(UsageError, 2), (DataError, 3), (ServiceError, 4), (RefusedError, 5)]
)
def test_each_kind_of_error_has_its_exit_code(kind: type[TruyVetError], code: int):
    assert kind("what", "remedy").exit_code == code


def test_an_error_is_one_line_whatever_its_parts_hold():
    assert str(UsageError("--lake is\nmissing", "name\r\n a folder")) == "--lake is missing: name a folder"


def test_a_refused_file_is_named_with_its_owner_and_mode(tmp_path):
    path = tmp_path / "token.key"
    path.write_bytes(b"")
    path.chmod(0o640)
    told = permission_denied(PermissionError(errno.EACCES, "Permission denied", str(path)))
    assert told.what == f"permission denied: {path}"
    assert told.remedy.startswith(f"{path} belongs to ")
    assert "mode 640; run the command as an account that has access" in told.remedy


def test_a_file_in_a_folder_that_cannot_be_searched_is_told_by_the_folder(tmp_path):
    told = permission_denied(PermissionError(errno.EACCES, "Permission denied", f"{tmp_path}/no/keys"))
    assert told.what == f"permission denied: {tmp_path}/no/keys"
    assert told.remedy.startswith(f"{tmp_path} belongs to ")


def test_a_file_that_only_the_message_names_is_found_there(tmp_path):
    told = permission_denied(PermissionError(errno.EACCES, f"Failed to open local file '{tmp_path}/x'"))
    assert told.what == f"permission denied: {tmp_path}/x"


def test_a_denial_without_a_name_is_told_too():
    assert permission_denied(PermissionError(errno.EACCES, "no")).what == "permission denied"


def test_a_read_only_file_system_is_told_as_such(tmp_path):
    told = permission_denied(OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path)))
    assert told.what == f"read-only file system: {tmp_path}"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (PermissionError(errno.EACCES, "x"), True),
        (PermissionError(errno.EPERM, "x"), True),
        (OSError(errno.EROFS, "x"), True),
        (FileNotFoundError(errno.ENOENT, "x"), False),
        (ValueError("x"), False),
    ],
)
def test_only_refused_access_is_a_denial(error, verdict):
    assert is_denial(error) is verdict
