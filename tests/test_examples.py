"""The examples in docstrings are run, so that they stay true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ">>> "


def modules_with_examples():
    """The modules of the package whose source holds an example."""
    paths = sorted((ROOT / "pipelines").rglob("*.py"))
    with_examples = [path for path in paths if EXAMPLE in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in with_examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module_are_run_and_hold(name):
    results = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))
    assert results.failed == 0
    assert results.attempted > 0  # doctest sees none in the docstring of a compiled function
