# Everything is installed into .venv and .venv-datasets36 in this checkout and nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STAMP_BENCH := $(VENV)/.installed-bench
# datasets 3.6 is the last version that loads scripts.
VENV36 := .venv-datasets36
STAMP36 := $(VENV36)/.installed
# transformers' own tests, which its wheel leaves out.
COMMON := .transformers-tests
STAMP_COMMON := $(COMMON)/.fetched

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo collections test test-datasets36 bench lint format clean

help:
	@echo 'make install   create $(VENV) and install the package with its development tools'
	@echo 'make demo      match a sound of the real plug-in and show truth beside prediction'
	@echo 'make collections   build all five collections into ./collections'
	@echo 'make test      run the tests (ARGS="-k midi" to choose)'
	@echo 'make test-datasets36   run the tests of datasets and loading scripts with datasets 3.6'
	@echo 'make lint      check style, types and the order of the rooms'
	@echo 'make bench     time engines, builds and a prediction, beside other renderers (ARGS=--help)'
	@echo 'make format    format the code'
	@echo 'make clean     remove $(VENV), $(VENV36), $(COMMON) and the tools'"'"' caches'

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/secret-sauce demo

collections: $(STAMP)
	$(BIN)/python examples/build_collections.py $(ARGS)

test: $(STAMP) $(STAMP_COMMON)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# What does not follow from the version of datasets is left to the other tests.
test-datasets36: $(STAMP36)
	$(VENV36)/bin/python -m pytest tests/data/test_loading_scripts.py tests/data/test_collecting.py \
		-k 'not stopped and not killed and not ctrl_c' $(ARGS)

bench: $(STAMP_BENCH)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(VENV36) $(COMMON) .pytest_cache .ruff_cache .mypy_cache .hypothesis build *.egg-info

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENV): a few minutes the first time.'
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group dev --editable '.[all]'
	@touch $@

# What the benchmarks compare with; nothing else uses it.
$(STAMP_BENCH): $(STAMP)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --no-deps --group bench
	@touch $@

# pip checks the hash; of the archive only the tests are kept.
$(STAMP_COMMON): .ci/transformers-tests.txt | $(STAMP)
	rm -rf $(COMMON)
	mkdir -p $(COMMON)/archive
	@echo '*' > $(COMMON)/.gitignore
	$(BIN)/python -m pip download --quiet --no-deps --no-binary transformers --require-hashes \
		--dest $(COMMON)/archive --requirement .ci/transformers-tests.txt
	tar --extract --gzip --file $(COMMON)/archive/*.tar.gz --directory $(COMMON) --strip-components 1 --wildcards '*/tests/*.py'
	rm -r $(COMMON)/archive
	@touch $(COMMON)/tests/__init__.py $@

$(STAMP36): pyproject.toml constraints-datasets36.txt | $(VENV36)/bin/python
	@echo '*' > $(VENV36)/.gitignore
	$(VENV36)/bin/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENV36): a minute the first time.'
	$(VENV36)/bin/python -m pip install --quiet --quiet --constraint constraints-datasets36.txt \
		--group datasets36 --editable '.[archives]'
	@touch $@

# Debian keeps ensurepip, which a new environment needs, in a package of its own.
$(BIN)/python $(VENV36)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'This needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv; } \
		|| { echo '$(PYTHON) cannot make environments: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(@D:/bin=)
