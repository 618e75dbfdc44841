"""What all tests share."""

import os
import time
from collections.abc import Iterator

import pytest

from pipelines.terminal import compiling
from tests.end_to_end.commands import ROOT
from tests.lake import object_store
from tests.lake.servers import variables_set
from tests.planted import caches, named_below, named_in_bucket, named_since, own_temporary_folder

_REQUIRED = os.environ.get("TRUYVET_REQUIRE") == "1"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With TRUYVET_REQUIRE=1 a skip is a failure: on that machine nothing may be missing."""
    if _REQUIRED and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but TRUYVET_REQUIRE=1: {report.longrepr}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a slow test half an hour, unless it says otherwise: a busy machine is no failure."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.fixture(scope="session", autouse=True)
def kernels_compiled_in_silence():
    """Keep the line about kernels out of what commands say in this process: which test compiles is chance."""
    compiling._announced = True


@pytest.fixture(scope="session", autouse=True)
def lakes_name_nobody(tmp_path_factory):
    """Search what the tests of this process leave for planted identifiers, when the last one is over."""
    since, places, base = time.time(), caches(), tmp_path_factory.getbasetemp()
    with own_temporary_folder() as folder:
        yield
        begun = time.process_time()
        found = named_below(base)
        found += named_since(since, folder, *places, *ROOT.glob("core*"))
    print(f"searched for identifiers in {time.process_time() - begun:.1f} s of processor time")
    assert found == []


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """An S3 server, one a process of tests."""
    home = tmp_path_factory.mktemp("s3")
    with object_store.server(home) as server:
        yield server
        with variables_set(server.environment(), home):
            assert named_in_bucket(f"s3://{object_store.BUCKET}") == []


@pytest.fixture(scope="module")
def s3(s3_server, tmp_path_factory):
    """The server, with its variables set, and own folders for what lies on this machine."""
    with variables_set(s3_server.environment(), tmp_path_factory.mktemp("home")):
        yield s3_server


@pytest.fixture(scope="module")
def bucket(s3):
    """The URL of a bucket; tests of other stores have one of their own."""
    return f"s3://{object_store.BUCKET}"
