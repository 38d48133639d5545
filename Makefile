# The two commands of a newcomer are `make demo` and `make test`; both set up what they need.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-slow lint format bench clean

demo: $(READY)
	$(BIN)/basin run large-batch --preset quick

test: $(READY_DEV)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: $(READY_DEV)
	$(BIN)/python -m pytest -n 2

lint: $(READY_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

format: $(READY_DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY_DEV) .venv-bench/.ready
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/runs.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $(READY)

$(READY_DEV): $(READY)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(READY_DEV)

.venv-bench/.ready: benchmarks/requirements.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --requirement benchmarks/requirements.txt
	touch .venv-bench/.ready

clean:
	rm -rf $(VENV) .venv-bench build dist .pytest_cache .ruff_cache .hypothesis
