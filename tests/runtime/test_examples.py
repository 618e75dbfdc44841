"""The examples in the docstrings of the runtime, of streaming and of the metrics run."""

import doctest
import importlib
import pkgutil

import pytest

import pipelines.runtime
import pipelines.streaming

PACKAGES = (pipelines.runtime, pipelines.streaming)
MODULES = ["pipelines.metrics", "pipelines.ingest.receipt_ages", "pipelines.ingest.ingest_result"]
MODULES += ["pipelines.windowing.recompute_result"]
MODULES += [
    found.name
    for package in PACKAGES
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
