"""What all tests share."""

import os
from collections.abc import Iterator

import pytest

_REQUIRED = os.environ.get("TRUYVET_REQUIRE") == "1"


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With TRUYVET_REQUIRE=1 a skip is a failure: on that machine nothing may be missing."""
    if _REQUIRED and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but TRUYVET_REQUIRE=1: {report.longrepr}"


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
