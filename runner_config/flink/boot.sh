#!/bin/sh
# Started by a task manager of Flink for each of its workers; TRUYVET_PYTHON has the package installed.
exec "${TRUYVET_PYTHON:-python3}" -W ignore -m pipelines.runtime.engines.boot "$@"
