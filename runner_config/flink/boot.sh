#!/bin/sh
# A Flink task manager starts this for each of its workers; TRUYVET_PYTHON is a Python with the package installed.
exec "${TRUYVET_PYTHON:-python3}" -W ignore -m pipelines.runtime.engines.boot "$@"
