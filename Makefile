# Everything runs in .venv, which is made on first need.
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: venv demo demo-stream emulator test test-all bench lint

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: venv
	$(BIN)/python -m pipelines.demo

demo-stream: venv
	$(BIN)/python -m pipelines.demo_stream

emulator: venv
	$(BIN)/python -m pipelines.streaming.emulator

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two processes: a test that starts a pipeline or a command mostly waits.
test: lint
	$(BIN)/pytest -n 2 -m "not slow"

test-all: lint
	$(BIN)/pytest

bench: venv
	$(BIN)/python -m benchmarks
