"""Where an account keeps its own files, by the XDG Base Directory rules."""

import os
from pathlib import Path

import pytest

from pipelines.errors import RefusedError, ServiceError
from pipelines.lake import storage
from pipelines.terminal.options import in_user_data
from pipelines.user_folders import user_folder


@pytest.fixture
def nobody(monkeypatch):
    """An account that has neither a home nor an entry among the accounts of the machine."""
    for variable in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"HOME": "/home/an"}, Path("/home/an/.cache")),
        ({"HOME": "/home/an", "XDG_CACHE_HOME": ""}, Path("/home/an/.cache")),
        ({"HOME": "/home/an", "XDG_CACHE_HOME": "/srv/cache"}, Path("/srv/cache")),
        ({"HOME": "/home/an", "XDG_CACHE_HOME": "cache"}, Path("/home/an/.cache")),
        ({"HOME": "an", "XDG_CACHE_HOME": "./cache"}, None),
        ({}, None),
    ],
)
def test_a_folder_is_never_one_of_the_working_directory(nobody, monkeypatch, given, folder):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace("~", given.get("HOME", "~")))
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)
    assert user_folder("XDG_CACHE_HOME", ".cache") == folder


def test_an_account_without_a_home_is_told_which_variable_names_a_folder(nobody):
    with pytest.raises(RefusedError, match=r"no home folder for the ledger of a lake.*XDG_DATA_HOME"):
        in_user_data("/srv/lake", "ledger")
    with pytest.raises(ServiceError, match=r"no home folder .*XDG_CACHE_HOME"):
        storage.local("s3://bucket/lake")
    assert storage.local("/srv/lake") == "/srv/lake"
