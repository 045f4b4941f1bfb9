# Everything starts here. `make demo` and `make test` need only Python 3.11 or later, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-constraints
WORKERS ?= 2
# Tests that mostly wait for other processes leave room for more of them at a time than there are cores.
WAITING ?= 4
# The quick ones wait a little, too: two workers leave a third of two cores idle.
QUICK ?= 3
# COVERAGE=yes measures what the tests run, and fails below the thresholds: a third slower, and what CI does.
COVERAGE ?=
# The suite starts hundreds of Pythons. Where a shell forbids to keep what is compiled, each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE
TESTS := $(BIN)/python -m pytest -q --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help env demo test readers test-all faults faults-long explore explore-long check up lint types docs pictures wheel bench bench-short clean matrix

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

env: $(STAMP) ## Make .venv from constraints.txt (exact pins)

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) (once, a few minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## Read 24 sample photographs with real Airflow and a local API; no token needed
	@$(BIN)/python -m airflow_provider_platerec_ocr.demo run

up: $(STAMP) ## Start Airflow with its web UI, the local API and the example DAGs, ready to click
	@$(BIN)/python -m airflow_provider_platerec_ocr.demo up

test: $(STAMP) ## Run the tests, with a part of each search: no faults, no readers of other engines, no benchmarks (ten minutes on two cores)
ifneq ($(COVERAGE),)
	$(BIN)/python -m coverage erase
	$(TESTS) -n $(WAITING) -m "not faults and not readers and not no_cover" --cov --cov-report=
	$(TESTS) -n $(WORKERS) -m "no_cover and not faults and not readers"
	$(BIN)/python -m coverage report --fail-under=95
	$(BIN)/python -m coverage report --include='*/core/*' --fail-under=100
else
	$(TESTS) -n $(WAITING) -m "not faults and not readers"
endif

readers: $(STAMP) .cache/readers/.made ## Read the table with Polars, PySpark, delta-rs and pyiceberg (600 MB, once; needs Java 17)
	$(BIN)/python -m pytest -q -m readers tests/readers

.cache/readers/.made: .ci/readers.txt
	@echo "Installing the readers into .cache/readers (once, a few minutes) ..."
	@rm -rf .cache/readers
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --target .cache/readers -r .ci/readers.txt
	@touch $@

test-all: test explore explore-long readers faults faults-long ## Run all tests there are, searches and faults in full length (more than an hour)

faults: $(STAMP) ## Break everything under a real scheduler on PostgreSQL, hold the books, print both tables (13 minutes)
	$(BIN)/python -m pytest -q -m faults

explore: $(STAMP) ## Search every order of events for one that breaks the ledger's rules, and try each property ten times as often
	$(TESTS) -n $(WORKERS) --whole tests/explorer
	$(TESTS) -n $(WORKERS) --whole -m "hypothesis and not faults and not readers" --ignore tests/explorer tests

explore-long: $(STAMP) ## The deep searches of orders of events (half an hour)
	$(BIN)/python -m pytest -q -m long tests/explorer

faults-long: $(STAMP) ## The cases that wait for Airflow's and the ledger's own times
	$(BIN)/python -m pytest -q -m "faults and long"

matrix: ## Try every Airflow from 3.0.6 on, each in an environment of its own, and print one table (three quarters of an hour)
	$(PYTHON) .ci/matrix.py

bench: $(STAMP) ## Print the benchmarks' table, at the API's own latency (about 45 minutes)
	$(BIN)/python -m benchmarks

bench-short: $(STAMP) ## The same in under five minutes, with latency and sizes scaled down
	$(BIN)/python -m benchmarks --short

check: $(STAMP) lint types ## The quick loop: linters, types and the quick tests
	$(TESTS) -n $(QUICK) -m "not airflow and not ocr and not slow"

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

docs: $(STAMP) ## Build the documentation, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict -f .mkdocs.yml

pictures: $(STAMP) ## Take the documentation's pictures of the page anew (needs a Chromium)
	$(BIN)/python tests/support/screenshots.py

wheel: $(STAMP) ## Build the wheel
	rm -rf dist
	$(BIN)/python -m build --no-isolation --wheel --outdir dist .

clean: ## Remove what the commands above made, .venv included
	rm -rf $(VENV) .cache .demo .up dist build site .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
