# Everything is installed into .venv in this checkout and nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test bench lint format clean

help:
	@echo 'make install   create $(VENV) and install the package with its development tools'
	@echo 'make demo      match a sound of the real plug-in and show truth beside prediction'
	@echo 'make test      run the tests (ARGS="-k midi" to choose)'
	@echo 'make lint      check style and types'
	@echo 'make bench     time the engine and the building of a collection'
	@echo 'make format    format the code'
	@echo 'make clean     remove $(VENV) and the tools'"'"' caches'

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/secret-sauce demo

test: $(STAMP)
	$(BIN)/python -m pytest $(ARGS)

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENV): a few minutes the first time.'
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group dev --editable '.[all]'
	@touch $@

# Debian keeps ensurepip, which a new environment needs, in a package of its own.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'This needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv; } \
		|| { echo '$(PYTHON) cannot make environments: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
