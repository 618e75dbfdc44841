"""Which engines are on this machine, and configurations of them for tests."""

import os
from contextlib import suppress

import pytest

from pipelines.errors import ServiceError
from pipelines.runtime.engines.config import load_runner
from pipelines.runtime.engines.java import find_jars, find_java

_PORTABLE = """
title = "of a test"
can = []
cannot = []
needs = "what the test needs"

[beam]
runner = "PortableRunner"
"""


def need_flink():
    """Skip, and say so loudly, where Flink cannot be started; where nothing may be missing a skip fails."""
    try:
        find_jars(load_runner("flink").job_server.jars)
        find_java()
    except ServiceError as missing:
        skip_loudly("FLINK", missing)


def need_prism():
    """The same of Prism; it is built by `make test-all`."""
    binary = load_runner("prism").beam["prism_location"]
    if not os.access(binary, os.X_OK):
        skip_loudly("PRISM", f"there is no {binary}, run make prism")


def skip_loudly(engine, why):
    """Skip with a line that is seen whatever pytest captures."""
    with suppress(OSError), open("/dev/tty", "w", encoding="utf-8") as terminal:
        print(f"*** NOT TESTED ON {engine}: {why} ***", file=terminal)
    pytest.skip(f"NOT TESTED ON {engine}: {why}")


def flink_file(folder, flink_master, *beam):
    """A configuration of Flink at some master; returns its path."""
    path = folder / "own.toml"
    jars = load_runner("flink").job_server.jars
    server = f'[job_server]\njars = "{jars}"\nflink_master = "{flink_master}"\n'
    path.write_text("\n".join((_PORTABLE, *beam, server)), encoding="utf-8")
    return str(path)
