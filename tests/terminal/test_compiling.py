"""The line before kernels are compiled, in processes of their own: numba is imported once a process."""

import os
import subprocess
import sys

import pytest

from pipelines.terminal.compiling import COMPILING_ONCE

KERNEL = """
from numba import njit

@njit(cache=True)
def add(first, second):
    return first + second
"""


@pytest.fixture
def run_kernel(tmp_path):
    """Runs code after the line was arranged for; what it says on standard error."""
    (tmp_path / "kernel.py").write_text(KERNEL)

    def run(code, cache="cache"):
        done = subprocess.run(
            [sys.executable, "-c", f"from pipelines.terminal.compiling import announce_compiling\n{code}"],
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join([os.getcwd(), str(tmp_path)]),
                "NUMBA_CACHE_DIR": str(tmp_path / cache),
            },
            capture_output=True,
            check=True,
            text=True,
        )
        return done.stderr

    return run


def test_a_line_is_printed_once_before_the_first_kernel_and_never_for_kept_ones(run_kernel):
    code = "announce_compiling(); from kernel import add; add(1, 2); add(1.0, 2.0)"
    assert run_kernel(code) == COMPILING_ONCE
    assert run_kernel(code) == ""


def test_a_line_is_printed_also_where_numba_was_imported_before(run_kernel):
    assert run_kernel("from kernel import add; announce_compiling(); add(1, 2)") == COMPILING_ONCE


def test_no_line_is_printed_where_nothing_is_compiled(run_kernel):
    assert run_kernel("announce_compiling(); import sys; assert 'numba' not in sys.modules") == ""
    assert run_kernel("announce_compiling(); import kernel, numba.core.event") == ""


def test_kernels_that_cannot_be_kept_are_told_with_the_remedy(run_kernel):
    said = run_kernel("announce_compiling(); from kernel import add; add(1, 2)", cache="kernel.py/no")
    assert said.startswith("compiling kernels (about 30 s), each time: ")
    assert said.endswith(
        "kernel.py/no cannot be written; "
        "unset NUMBA_CACHE_DIR and name a folder of your own with XDG_CACHE_HOME\n"
    )
