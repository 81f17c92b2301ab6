# SPDX-License-Identifier: Apache-2.0
# The verbs of the project. `make help` lists them.

PYTHON ?= python3
JOBS ?= 4
TESTS ?=

BIN := .venv/bin
INSTALL := -m pip --disable-pip-version-check -qq install --progress-bar off --no-compile
SIDE_BY_SIDE := @$(MAKE) --no-print-directory --jobs 2
CHECKS := $(addprefix check-,pyright mypy firmware imports style)
# Twice as many processes as a small machine has cores: half of a journey's time is waiting.
PYTEST := $(BIN)/pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo check test soak fuzz stalls simulate image clean $(CHECKS)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "PYTHON=python3.12 chooses the Python for .venv (3.11 or newer), TESTS=tests/band a part of the tests."

setup: ## .venv with the command `opaska`, and what the tests need
	$(SIDE_BY_SIDE) --silent .venv/project.stamp .venv-oracle/stamp firmware/typings/stamp

demo: .venv/project.stamp ## watch a pressed button reach the monitoring centre
	@$(BIN)/opaska demo

check: setup ## style, types and import directions
	$(SIDE_BY_SIDE) --keep-going $(CHECKS)

check-pyright: # the longest first
	$(BIN)/basedpyright --warnings

check-mypy:
	$(BIN)/mypy --no-error-summary

check-firmware:
	$(BIN)/basedpyright --warnings --project firmware

check-imports:
	PYTHONPATH=firmware $(BIN)/lint-imports --no-logo

check-style:
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

test: check ## check, then every test
	$(PYTEST) $(TESTS)

soak: setup ## the kill and cut tests, ten times as often
	$(PYTEST) -m soak --effort 10 --timeout 3600 $(TESTS)

fuzz: setup ## the random input tests, ten times as long
	$(PYTEST) -m fuzz --effort 10 --timeout 3600 $(TESTS)

stalls: setup ## every test on a machine that freezes now and then
	$(PYTEST) --stalls --timeout 900 $(TESTS)

simulate: .venv/project.stamp ## a simulated band to press by hand
	@$(BIN)/opaska simulate

image: .venv/project.stamp ## the band's code, for `mpremote romfs deploy`
	@cp "$$($(BIN)/python -m opaska_tools.firmware_build)" .build/band.romfs
	@echo .build/band.romfs

clean: ## remove what make made; data in ./var stays
	rm -rf .build .venv .venv-oracle firmware/typings .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .hypothesis

# --- set-up: each stamp says that its step was done after the files it depends on ---

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Opaska needs Python 3.11 or newer. Name one: make setup PYTHON=python3.12"; exit 1; }
	@echo "setup: .venv, an environment of its own for $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/requirements.stamp: requirements/run.txt requirements/dev.txt | .venv/python.stamp
	@echo "setup: the pinned packages, about a minute"
	@$(BIN)/python $(INSTALL) --require-hashes -r requirements/run.txt -r requirements/dev.txt
	@touch $@

.venv/project.stamp: pyproject.toml .venv/requirements.stamp
	@echo "setup: the command .venv/bin/opaska"
	@$(BIN)/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check --quiet
	@touch $@

.venv-oracle/stamp: requirements/oracle.txt | .venv/python.stamp
	@echo "setup: .venv-oracle, libraries of other people to compare ours with"
	@$(PYTHON) -m venv --clear .venv-oracle
	@.venv-oracle/bin/python $(INSTALL) --require-hashes -r requirements/oracle.txt
	@touch $@

firmware/typings/stamp: requirements/typings.txt | .venv/requirements.stamp
	@echo "setup: firmware/typings, MicroPython's types for pyright"
	@rm -rf firmware/typings
	@$(BIN)/python $(INSTALL) --require-hashes --no-deps --target firmware/typings -r requirements/typings.txt
	@touch $@
