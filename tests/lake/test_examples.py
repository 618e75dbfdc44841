"""The examples in the docstrings of the lake and its maintenance are run."""

import doctest
import importlib
import pkgutil

import pytest

import pipelines.lake
import pipelines.maintenance

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (pipelines.lake, pipelines.maintenance)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_say_what_they_show(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) > 12
