# The one door. `make` lists what it can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
# Node.js, wherever it comes from, and what package.json can do with it.
FRONT := $(RUN) labextension/toolchain.py
LINK := $(VENV)/share/jupyter/labextensions/@kachery

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-quick check front fix bench lab build clean

help: ## say what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Made anew when the dependencies change, not at every call.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	rm -rf $(LINK)  # pip would write through the link into this folder
	KACHERY_LABEXTENSION=skip $(BIN)/pip install --quiet --disable-pip-version-check --editable . --group check
	touch $@

$(VENV)/ready-bench: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check --group bench
	touch $@

setup: $(VENV)/ready ## make the virtual environment

demo: $(VENV)/ready ## the main job on real data: store here, load there
	$(RUN) -m notebooks.demo

test: $(VENV)/ready check front ## everything: checks, unit, integration, faults, notebooks, browser
	$(RUN) -m tests.browser.install
	$(RUN) -m pytest --numprocesses 2 --dist loadfile

test-quick: $(VENV)/ready ## tests that need no faults, no notebooks and no browser
	$(RUN) -m pytest -m "not faults and not notebook and not browser"

check: $(VENV)/ready ## format, lint, types, layers, lengths, documents
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(RUN) -m pytest --quiet tests/architecture

front: $(VENV)/ready ## the sidebar: lint, tests, build
	$(FRONT) lint test build link

fix: $(VENV)/ready ## format, and apply the fixes that are safe
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(FRONT) fix

bench: $(VENV)/ready-bench ## speed against the limits and the peers, side by side
	$(RUN) -m benchmarks

lab: $(VENV)/ready ## JupyterLab with an embedded node
	$(FRONT) build link
	$(BIN)/jupyter lab notebooks

build: $(VENV)/ready ## the wheel and the source package
	$(BIN)/pip install --quiet --disable-pip-version-check build
	KACHERY_LABEXTENSION=require $(RUN) -m build

clean: ## remove what was made here
	rm -rf labextension/node_modules labextension/lib labextension/*.tsbuildinfo kachery_jupyter/labextension
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
