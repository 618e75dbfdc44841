"""Find out which engines are installed, and configure them for tests."""

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
    """Skip visibly if Flink cannot be started."""
    try:
        find_jars(load_runner("flink").job_server.jars)
        find_java()
    except ServiceError as missing:
        skip_loudly("FLINK", missing)


def need_prism():
    """Skip visibly if Prism is not built; `make test-all` builds it."""
    binary = load_runner("prism").beam["prism_location"]
    if not os.access(binary, os.X_OK):
        skip_loudly("PRISM", f"no {binary}, run make prism")


def skip_loudly(engine, why):
    """Skip with a line on the terminal that pytest does not capture."""
    with suppress(OSError), open("/dev/tty", "w", encoding="utf-8") as terminal:
        print(f"*** NOT TESTED ON {engine}: {why} ***", file=terminal)
    pytest.skip(f"NOT TESTED ON {engine}: {why}")


def flink_file(folder, flink_master, *beam):
    """Write a configuration of Flink and return its path."""
    path = folder / "own.toml"
    jars = load_runner("flink").job_server.jars
    server = f'[job_server]\njars = "{jars}"\nflink_master = "{flink_master}"\n'
    path.write_text("\n".join((_PORTABLE, *beam, server)), encoding="utf-8")
    return str(path)
