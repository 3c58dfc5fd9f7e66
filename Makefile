# Orderwire: the commands of the house. `make` alone lists them.
#
# PORT and DATA are read by `make demo` (PORT=8081 make demo, or make demo PORT=8081).
# PYTHON chooses the interpreter of the virtual environment (make test PYTHON=python3.12).
# ARGS goes to pytest (make test ARGS='tests/tidy -k sizes') and to the benchmark.
# KILLS and SEED are read by `make torture`.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo test torture lint format bench requirements clean

BIN := .venv/bin
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | while IFS='	' read -r name what; do \
		printf '  make %-13s %s\n' "$$name" "$$what"; done

demo: ## install what is needed, then serve every contract with demo data (PORT=, DATA=)
	@sh tools/setup.sh runtime
	@exec $(BIN)/orderwire demo --end-with-parent $${PORT:+--port "$$PORT"} $${DATA:+--data "$$DATA"}

test: ## run every test, the tidy tests of the tree included (ARGS=)
	@sh tools/setup.sh test
	@exec $(BIN)/python -m pytest $(ARGS)

torture: ## kill the service at random instants under load, on each engine (KILLS=100, SEED=, ARGS=)
	@sh tools/setup.sh test
	@ORDERWIRE_TEST_KILLS=$${KILLS:-100} ORDERWIRE_TEST_SEED=$${SEED:-20141220} \
		ORDERWIRE_TEST_FAULTS=all \
		$(BIN)/python -m pytest -s tests/proofs/test_torture.py tests/proofs/test_cluster.py $(ARGS)

lint: ## ruff, mypy --strict and the import contracts
	@sh tools/setup.sh test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src
	$(BIN)/mypy tests
	$(BIN)/lint-imports --no-cache --no-logo

format: ## let ruff format the tree and repair what it safely can
	@sh tools/setup.sh test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## measure (ARGS=)
	@sh tools/setup.sh runtime
	@exec $(BIN)/python -m bench $(ARGS)

# Needs `uv` on the PATH; nothing else here does. --upgrade is for you to add: make requirements UPGRADE=--upgrade
requirements: ## compile requirements/*.in to pinned, hashed *.txt
	$(COMPILE) $(UPGRADE) requirements/runtime.in -o requirements/runtime.txt
	$(COMPILE) $(UPGRADE) -c requirements/runtime.txt requirements/test.in -o requirements/test.txt

clean: ## remove the virtual environment and every cache
	rm -rf .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find src -name '*.egg-info' -type d -prune -exec rm -rf {} +
