# Everything that people and CI run. `make` alone lists it.
#
# Needed beforehand: Python 3.11, make; Java 17 and Maven for what starts a real Kafka, Cassandra, Flink or Spark; for the tests curl, openssl,
# ps and PostgreSQL 15's server programs.
# All else is installed by the first target that needs it, and never again until the lock file changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
PYTHON     ?= $(shell command -v python3.11 || command -v python3)
CACHE      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/instream
UV         := $(CACHE)/uv-$(UV_VERSION)/bin/uv
BIN        := .venv/bin
READY      := .venv/ready
FLINK      := .venv-flink
SPARK      := .venv-spark
ENGINES    := $(FLINK)/ready $(SPARK)/ready

export UV_PYTHON_DOWNLOADS := never

.PHONY: help setup engines demo demo-kafka demo-cassandra demo-flink demo-spark test test-engines check soak bench bench-engines lint docs image messages lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Install uv and the locked environment (.venv); instant the second time

$(UV):
	@echo "instream: uv $(UV_VERSION) into $(CACHE)"
	@mkdir -p $(CACHE)
	@$(PYTHON) -m venv --clear $(CACHE)/uv-$(UV_VERSION)
	@$(CACHE)/uv-$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): requirements.lock pyproject.toml | $(UV)
	@echo "instream: the locked environment into .venv"
	@[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(FLINK)/ready $(SPARK)/ready: .venv-%/ready: requirements-%.lock pyproject.toml | $(UV)
	@echo "instream: the locked environment with $* into .venv-$*"
	@[ -x .venv-$*/bin/python ] || $(UV) venv --quiet --python $(PYTHON) .venv-$*
	@$(UV) pip sync --quiet --python .venv-$*/bin/python --require-hashes requirements-$*.lock
	@$(UV) pip install --quiet --python .venv-$*/bin/python --no-deps --editable .
	@.venv-$*/bin/instream engine setup $*
	@touch $@

engines: $(ENGINES) ## The environments of Flink and Spark (.venv-flink, .venv-spark), which cannot share one

demo: $(READY) ## Models on real flights, changed in mid-stream, by three strategies; no JVM; two minutes
	@$(BIN)/python -m examples.flights.demo

demo-kafka: $(READY) ## The same between two topics of a real Kafka broker, which it starts
	@$(BIN)/python -m examples.flights.demo --kafka

demo-cassandra: $(READY) ## The same, with the models in a real Cassandra, which it starts as well
	@$(BIN)/python -m examples.flights.demo --cassandra

demo-flink: $(FLINK)/ready ## Flights between two topics on Flink, with a swap and a killed task in mid-stream
	@$(FLINK)/bin/python -m examples.flights.on_engine flink

demo-spark: $(SPARK)/ready ## The same on Spark
	@$(SPARK)/bin/python -m examples.flights.on_engine spark

lint: $(READY) ## Format, lint, types, import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## The inner loop: lint and the quick tests; under a minute
	$(BIN)/pytest -q -m "not slow" --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Tests run beside each other. What fails so runs once more with nothing beside it, and then has to pass: that a machine is busy
# is no fault of the code, and a fault of the code does not go away.
define tested
CI=true $(1)/bin/pytest -q --durations=10 --dist loadfile --no-loadscope-reorder $(2) || \
  { echo "instream: what failed, once more, with nothing beside it"; \
    CI=true $(1)/bin/pytest -q --last-failed --last-failed-no-failures none $(2) --numprocesses 0; }
endef

test: lint test-engines ## Real Kafka, databases, engines, clients, the image; under 40 minutes on two cores
	$(call tested,.venv,-m "not alone" --numprocesses 3 --ignore tests/image)
	CI=true $(BIN)/pytest -q -m alone --ignore tests/image
	@if $(BIN)/python -m instream.testing.image; then $(MAKE) --no-print-directory image; else echo "tests/image: LEFT OUT, see above"; fi

test-engines: $(ENGINES) ## Flink and Spark alone, each in its environment; fifteen minutes on two cores
	$(call tested,$(FLINK),--numprocesses 3 tests/flink)
	$(call tested,$(SPARK),--numprocesses 3 tests/spark)

image: $(READY) ## Build the server's image with buildah and ask it; Debian as root, three minutes the first time
	CI=true $(BIN)/pytest -q tests/image

soak: $(READY) ## The fault tests over many seeds; SEEDS=20 by default, hours
	INSTREAM_SEEDS=$(or $(SEEDS),20) $(BIN)/pytest -q -m slow tests/crash tests/server/test_under_pipelines.py

bench: $(READY) ## Pipelines, strategies, the model server, an overload, a model for each key; three quarters of an hour or more
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks strategies
	$(BIN)/python -m benchmarks serve
	$(BIN)/python -m benchmarks overload
	$(BIN)/python -m benchmarks keyed

bench-engines: $(READY) $(ENGINES) ## Flink and Spark against jobs by hand, Flink in Java and our own workers; half an hour
	$(BIN)/python -m benchmarks engines

docs: $(READY) ## Run every command and Python block of the README
	$(BIN)/pytest -q tests/docs

messages: $(READY) ## Compile the gRPC messages again, after a change in src/instream/wire/messages/*.proto
	$(BIN)/python -m grpc_tools.protoc -I src/instream/wire/messages --descriptor_set_out=src/instream/wire/messages/compiled.binpb \
	  open_inference.proto health.proto

lock: $(UV) ## Resolve the dependencies again, after a change in pyproject.toml
	$(UV) pip compile pyproject.toml --extra all --group dev --group demo --universal --generate-hashes --no-header \
	  -o requirements.lock --python-version 3.11
	for engine in flink spark; do $(UV) pip compile pyproject.toml --extra $$engine --extra all --group engines --group demo \
	  --generate-hashes --no-header -q -o requirements-$$engine.lock --python-version 3.11; done

clean: ## Remove the environment and what tools left behind; caches outside the checkout stay
	rm -rf .venv .venv-flink .venv-spark .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build
