# Everything runs in .venv, which is made on first need.
BIN := .venv/bin
STAMP := .venv/.installed

JARS := build/flink/.resolved
PRISM := build/bin/prism
GOOGLE := build/bin/fake-gcs-server
AZURE := build/azurite/node_modules/.bin/azurite-blob

.PHONY: docs venv demo demo-serve demo-stream demo-flink emulator flink flink-cluster prism stores test test-all bench lint lock sbom

venv: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	python3 -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: venv
	$(BIN)/python -m pipelines.demo

# The pages on the demo's lake, whose people are synthetic, so that its own key may open their identifiers.
demo-serve: venv build/demo/lake/lake.json
	test -d build/demo/lake.keys/codes || $(BIN)/truyvet qr keys new --lake build/demo/lake > /dev/null
	$(BIN)/truyvet serve --lake build/demo/lake --authority-key build/demo/lake.keys/authority.key

build/demo/lake/lake.json: | venv
	$(BIN)/python -m pipelines.demo

demo-stream: venv
	$(BIN)/python -m pipelines.demo_stream

demo-flink: venv flink
	$(BIN)/python -m pipelines.demo --runner flink --out build/demo-flink

emulator: venv
	$(BIN)/python -m pipelines.streaming.emulator

# The job server of Flink and the cluster itself, by Maven.
flink: $(JARS)

$(JARS): runner_config/flink/pom.xml
	mvn -q -B -Dstyle.color=never -f $< dependency:copy-dependencies -DoutputDirectory=$(abspath build/flink)
	touch $@

flink-cluster: venv flink
	$(BIN)/python -m pipelines.runtime.engines.cluster

prism: $(PRISM)

$(PRISM):
	GOBIN=$(abspath build/bin) go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0

# Servers that stand in for the stores of Google Cloud and Azure, by Go and npm.
stores: $(GOOGLE) $(AZURE)

$(GOOGLE):
	GOBIN=$(abspath build/bin) go install github.com/fsouza/fake-gcs-server@v1.56.1

$(AZURE):
	npm install --loglevel=error --no-audit --no-fund --ignore-scripts --prefix build/azurite azurite@3.37.0

# Pages made from the code; a test fails when one is out of date.
docs: venv
	$(BIN)/python docs/make_commands.py

# Tools for packages, apart from .venv, so that they are no part of what they list.
TOOLS := build/tools/bin

$(TOOLS)/cyclonedx-py:
	python3 -m venv build/tools
	$(TOOLS)/pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0 uv==0.13.9

# Every package of the product's own installation, and setuptools, which builds it, with the hashes of its files.
lock: $(TOOLS)/cyclonedx-py
	echo "setuptools>=77" | $(TOOLS)/uv pip compile --quiet pyproject.toml - -c constraints.txt --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

# A bill of materials of what is installed in .venv, or in the environment of SBOM_PYTHON.
SBOM_PYTHON := $(BIN)/python

sbom: $(TOOLS)/cyclonedx-py
	$(TOOLS)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file build/sbom.json $(SBOM_PYTHON)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two processes: a test that starts a pipeline or a command mostly waits.
test: lint
	@command -v mvn > /dev/null && $(MAKE) flink || echo "*** NO MAVEN OR NO JARS: NOT TESTED ON FLINK ***"
	$(BIN)/pytest -n 2 -m "not slow"

test-all: lint flink prism stores
	$(BIN)/pytest -n 2

bench: venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks
