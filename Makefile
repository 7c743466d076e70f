# Every way to work with Outcry. OUTCRY_… variables of the environment, or of the command line, reach what is run.
# Needs Python 3.11 or 3.12, make and a shell; everything else is fetched into .venv by `make setup`.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
SOURCES := $(wildcard libs services cli sim deploy tests)
# Between them they take every branch of the pure core, and the same ones each time.
PURE := $(addprefix tests/,unit/events unit/book unit/matching golden oracle)

MAKEFLAGS += --no-print-directory
export OUTCRY_DATA_DIR OUTCRY_PORT OUTCRY_WORKERS OUTCRY_PARTITIONS OUTCRY_KAFKA OUTCRY_POSTGRES OUTCRY_REDIS

.PHONY: help setup demo up chaos servers test nightly simulate coverage mutants check format bench lock clean

help:
	@echo "make demo     set up, start the exchange and drive it with a recorded Bitcoin market"
	@echo "make up       start the exchange alone at http://127.0.0.1:8080 (OUTCRY_PORT), state in .outcry (OUTCRY_DATA_DIR)"
	@echo "make test     all checks, and all tests on real Kafka, PostgreSQL and Valkey"
	@echo "make nightly  a million commands of all kinds through the engine and its oracle"
	@echo "make chaos    an exchange on trial: ten minutes of real faults, and what became of every order"
	@echo "make simulate the whole exchange in virtual time, with faults, from seeds (SEEDS=20000; SEED=17 runs one again)"
	@echo "make coverage the tests of the pure core, which take every branch of it; a part of 'make test'"
	@echo "make mutants  libs/matching with one word changed at a time: what passes the tests of its rules is explained, or wrong"
	@echo "make check    format, lint, types, import contracts, house rules"
	@echo "make bench    measure throughput and latency, each beside its baseline"
	@echo "make setup    everything needed into .venv; skipped when up to date"
	@echo "make servers  Kafka, PostgreSQL and Valkey alone, to keep between test runs"
	@echo "make format   write the code as 'make check' wants it"
	@echo "make lock     resolve the dependencies of pyproject.toml anew"
	@echo "make clean    remove .venv, caches and the exchange's state"

setup:
ifeq ($(strip $(PYTHON)),)
	@echo "Python 3.11 or 3.12 is needed, and none is on the PATH." >&2; exit 1
else
	@$(PYTHON) deploy/setup.py
endif

demo: setup
	@exec $(BIN)/python -m deploy.local demo

up: setup
	@exec $(BIN)/python -m deploy.local up

chaos: setup
	@OUTCRY_DATA_DIR=$${OUTCRY_DATA_DIR:-.outcry/chaos} exec $(BIN)/python -m deploy.local chaos $(CHAOS)

servers: setup
	@OUTCRY_DATA_DIR=$${OUTCRY_DATA_DIR:-.outcry/servers} exec $(BIN)/python -m deploy.local servers

test: check coverage
	@exec $(BIN)/python -m pytest tests --durations=15 $(addprefix --ignore=,tests/tidy $(PURE))

coverage: setup
	@$(BIN)/python -m coverage run -m pytest --quiet $(PURE)
	@$(BIN)/python -m coverage report

mutants: setup
	@$(PYTHON) deploy/setup.py requirements-mutation.lock
	@exec $(BIN)/python -m tests.mutation $(MUTANTS)

nightly: setup
	@exec $(BIN)/python -m tests.property.nightly $(NIGHTLY)

simulate: setup
	@exec $(BIN)/python -m tests.simulation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST)) $(if $(SEED),--seed $(SEED))

check: setup
	@$(BIN)/ruff format --check --quiet $(SOURCES)
	@$(BIN)/ruff check --quiet $(SOURCES)
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --quiet tests/tidy

format: setup
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

bench: setup
	@exec $(BIN)/python -m tests.benchmarks

lock:
	uv pip compile --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
		--group pyproject.toml:dev --output-file requirements.lock
	echo "ob-analytics==0.1.0" | uv pip compile --no-deps --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --output-file requirements-recording.lock -
	echo "ccxt==4.5.90" | uv pip compile --no-deps --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --output-file requirements-conformance.lock -
	echo "mutmut==3.8.1" | uv pip compile --constraint requirements.lock --generate-hashes --no-emit-index-url --no-header \
		--no-annotate --python-version 3.11 --output-file requirements-mutation.lock -

clean:
	@rm -rf .venv .outcry .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +
