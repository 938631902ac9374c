# Everything that a person does with this project. `make play` and `make test` need Python 3.11+ and nothing else.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: play run test torture lint setup bench-setup lock doctor

play: setup  ## try it: a little Discord, a little model, and the bot between them
	@$(BIN)/python -m playground $(if $(FRESH),--fresh)

run: setup  ## the bot on Discord, configured by the environment or .env
	@$(BIN)/python -m bot run

doctor: setup  ## check settings, database, model, tokenizer and token, a line each
	@$(BIN)/python -m bot doctor

test: setup lint  ## what CI runs
	@$(BIN)/python -m pytest --numprocesses 4 --dist loadfile

torture: setup  ## the long versions: kills, faults and load for an hour or two; SEED=... repeats a run
	@$(BIN)/python -m pytest --torture $(if $(SEED),--seed $(SEED)) $(TESTS)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

setup: .venv/installed

.venv/installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Mnemo needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@echo "Installing into .venv, once..." >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock >&2
	@touch .venv/installed

bench-setup: .venv-bench/installed  ## what the benchmarks compare us with, in .venv-bench: .venv-bench/bin/python -m bench.turn_overhead

.venv-bench/installed: bench/requirements.lock
	@echo "Installing into .venv-bench, once..." >&2
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement bench/requirements.lock >&2
	@touch .venv-bench/installed

COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet

lock: setup  ## renew requirements.lock and bench/requirements.lock from pyproject.toml
	@$(BIN)/$(COMPILE) --group play --group dev --output-file requirements.lock
	@$(BIN)/$(COMPILE) --group bench --constraint requirements.lock --output-file bench/requirements.lock
