"""Five accounts on one machine: each reaches what it needs and nothing else, tried with real accounts."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipelines.lake import open_lake, snapshot
from tests.end_to_end.commands import ROOT
from tests.lakes import new_lake, put_cases, put_stays, put_venues
from tests.runtime.engines.engines import skip_loudly

SCRIPT = ROOT / "runner_config" / "set_modes.sh"
ROLES = ("ingest", "tracer", "publisher", "authority", "auditor")
STAYS = "person|venue|enter|exit\nan|cafe|1 08:00|1 10:00\nbinh|cafe|1 09:00|1 11:00"


def need_accounts():
    """Skip loudly where no accounts can be made; a machine of CI is root and has useradd."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("useradd", "userdel", "setpriv"))):
        skip_loudly("REAL ACCOUNTS", "this needs root, useradd, userdel and setpriv")


@pytest.fixture(scope="module")
def accounts():
    need_accounts()
    named = {role: f"tv-{os.getpid()}-{role[:4]}" for role in ROLES}
    try:
        for name in named.values():
            subprocess.run(["useradd", "--user-group", "--no-create-home", name], check=True)
        yield named
    finally:
        for name in named.values():
            subprocess.run(["userdel", name], check=False, capture_output=True)
            subprocess.run(["groupdel", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def lake(accounts):
    folder = Path(tempfile.mkdtemp(prefix="truyvet-roles-"))
    folder.chmod(0o755)
    made = new_lake(folder)
    put_venues(made, "venue_code|type\ncafe|restaurant")
    put_stays(made, STAYS)
    put_cases(made, "case_id|person|onset_at\nBN-1|an|1 07:00")
    (Path(made.url) / "vault").mkdir(mode=0o700)
    set_modes(made, accounts)
    yield made
    shutil.rmtree(folder)


def set_modes(lake, accounts):
    subprocess.run([SCRIPT, lake.url, *(accounts[role] for role in ROLES)], check=True, capture_output=True)


def may(account, *words):
    """Return whether an account may do something, tried by the system's own tools."""
    as_account = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    return subprocess.run([*as_account, *map(str, words)], capture_output=True, check=False).returncode == 0


def token_key(lake):
    return Path(f"{lake.url}.keys", "token.key")


def files_of(lake):
    url = lake.url
    (case,) = snapshot(lake, "cases").files
    return {
        "lake": Path(case.path),
        "keys": token_key(lake),
        "authority key": Path(f"{url}.authority", "authority.key"),
        "ledger": Path(f"{url}.ledger", "probe"),
        "published": Path(f"{url}.published", "probe"),
    }


READS = {
    "ingest": {"lake", "keys"},
    "tracer": {"lake", "ledger", "published"},
    "publisher": {"published"},
    "authority": {"authority key"},
    "auditor": {"ledger"},
}
WRITES = {
    "ingest": {"lake", "keys"},
    "tracer": {"ledger", "published"},
    "publisher": set(),
    "authority": {"authority key"},
    "auditor": set(),
}


@pytest.fixture(scope="module")
def probes(lake, accounts):
    for name in ("ledger", "published"):
        path = files_of(lake)[name]
        path.write_text("probe")
    set_modes(lake, accounts)  # running it again repairs
    return files_of(lake)


@pytest.mark.parametrize("role", ROLES)
def test_each_account_reads_and_writes_what_it_needs_and_nothing_else(probes, accounts, role):
    account = accounts[role]
    assert {name for name, path in probes.items() if may(account, "cat", path)} == READS[role]
    assert {
        name for name, path in probes.items() if may(account, "touch", "-c", path.parent / "new", path)
    } >= WRITES[role]
    assert {
        name
        for name, path in probes.items()
        if may(account, "cp", "--no-clobber", "/dev/null", path.parent / role)
    } == WRITES[role]
    for path in probes.values():
        path.with_name(role).unlink(missing_ok=True)


def test_sealed_identifiers_are_for_the_account_that_holds_the_keys(lake, accounts):
    vault = Path(lake.url, "vault")
    assert [role for role in ROLES if may(accounts[role], "ls", vault)] == ["ingest"]


def test_what_ingest_writes_later_is_read_by_the_tracer_and_by_nobody_else(lake, accounts):
    code = (
        "from tests.lakes import *; from pipelines.lake import open_lake;"
        f"lake = open_lake({lake.url!r});"
        "put_venues(lake, 'venue_code|type\\ncafe|market');"
        "put_declarations(lake, 'person|declared_at\\nan|2 08:00')"
    )
    done = run_as(accounts["ingest"], sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    fresh = [file.path for name in ("venues", "declarations") for file in snapshot(lake, name).files]
    entries = list(Path(lake.url, "declarations", "_delta_log").iterdir())
    assert len(fresh) == 2
    assert len(entries) == 1
    for path in (*fresh, *entries):
        assert [role for role in ROLES if may(accounts[role], "cat", path)] == ["ingest", "tracer"]
    assert Path(lake.url, "declarations").stat().st_mode & 0o7777 == 0o2750


def test_a_lake_that_ingest_has_rotated_is_read_by_the_tracer_as_before(lake, accounts):
    before = {path: path.stat().st_mode for path in Path(lake.url).rglob("*") if "_scratch" not in path.parts}
    code = (
        "from pipelines.lake import open_lake; from pipelines.retention import beside_lake;"
        f"lake = open_lake({lake.url!r});"
        "beside_lake.copy_beside(lake); beside_lake.take_place(lake)"
    )
    folder = Path(lake.url).parent
    shutil.chown(folder, accounts["ingest"])
    try:
        done = run_as(accounts["ingest"], sys.executable, "-c", code)
        assert done.returncode == 0, done.stderr
    finally:
        shutil.chown(folder, 0)
    assert {path: path.stat().st_mode for path in Path(lake.url).rglob("*")} == before
    for path in (lake.url, Path(lake.url, "lake.json"), snapshot(lake, "cases").files[0].path):
        assert [role for role in ROLES if may(accounts[role], "ls", path)] == ["ingest", "tracer"]
    assert may(accounts["tracer"], "cat", Path(lake.url, "lake.json"))
    assert [role for role in ROLES if may(accounts[role], "ls", Path(lake.url, "vault"))] == ["ingest"]


def run_as(account, *words):
    environment = os.environ | {"HOME": "/nonexistent", "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "0"}
    as_account = ["setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"]
    return subprocess.run([*as_account, *words], capture_output=True, text=True, env=environment, check=False)


def test_accounts_that_share_a_group_and_a_lake_that_is_not_there_are_refused(lake, accounts, tmp_path):
    words = [lake.url, *(accounts[role] for role in ROLES)]
    for wrong, code, said in (
        ([str(tmp_path), *words[1:]], 3, "there is no lake"),
        ([*words[:-1], "nobody-of-that-name"], 2, "there is no account"),
        (words[:-1], 2, "write set_modes.sh LAKE"),
    ):
        done = subprocess.run([SCRIPT, *wrong], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert said in done.stderr
    with shared_group(accounts["publisher"], accounts["tracer"]):
        done = subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, "must not be in the group" in done.stderr) == (5, True)
    assert open_lake(lake.url) == lake


@contextlib.contextmanager
def shared_group(account, group):
    subprocess.run(["usermod", "--append", "--groups", group, account], check=True)
    try:
        yield
    finally:
        subprocess.run(["usermod", "--groups", "", account], check=True)
