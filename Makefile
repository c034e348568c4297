# Everything is installed into .venv, .venv-datasets36 and .venv-lowest in this checkout and nowhere else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
STAMP_BENCH := $(VENV)/.installed-bench
STAMP_FUZZ := $(VENV)/.installed-fuzz
# What runs apart from the other tests: what is seen in a browser or needed there, several machines, the documentation.
PAGES := tests/app/test_page.py tests/browser tests/hub/test_space.py tests/listening_test/test_listening_page.py \
	tests/modeling/test_exporting.py
CLUSTER := tests/data/test_cluster.py
# What is written is what happens; of the documentation only what `make docs` installs is needed besides.
DOCS := tests/test_docs.py tests/test_readme.py tests/test_snippet_types.py tests/hub/test_card_snippets.py \
	tests/outside tests/examples
# Machines on wires and plug-ins in hosts: JACK, amsynth, a screen that is none, a compiler.
MACHINES := tests/engines/test_recorder.py tests/engines/test_engine_plugin.py $(wildcard tests/engines/test_plugin_*.py) \
	tests/midi/test_vital_plugin.py $(addprefix tests/cli/,test_instrument_command.py test_playing.py test_recording.py \
	test_sending.py)
# Models that are trained, and instruments that are learned: seconds become minutes.
TRAINING := tests/training tests/modeling/test_gradients.py
# Faults of the world, processes that are killed or forked, and input that is hostile.
FAULTS := $(addprefix tests/,test_faults.py test_orphans.py test_claims.py test_mutants.py test_structured_input.py) \
	tests/modeling/test_forked.py tests/engines/test_kernel_cache.py \
	$(addprefix tests/hub/,test_endless_answers.py test_failing_downloads.py test_hostile_hub.py test_hub_faults.py test_odd_answers.py)
STAMP_DOCS := $(VENV)/.installed-docs
STAMP_AUDIT := $(VENV)/.installed-audit
# datasets 3.6 is the last version that loads scripts.
VENV36 := .venv-datasets36
STAMP36 := $(VENV36)/.installed
# transformers' own tests, which its wheel leaves out.
COMMON := .transformers-tests
STAMP_COMMON := $(COMMON)/.fetched
# onnxruntime-web, of which the tests of the page take two files.
WEB := .onnxruntime-web
STAMP_WEB := $(WEB)/.fetched
# Every dependency at the lower bound that pyproject.toml states.
VENVLOW := .venv-lowest
STAMPLOW := $(VENVLOW)/.installed
# What each dependency is needed for: loading, matching, training, the page, publishing.
LOWEST := tests/test_packaging.py \
	$(addprefix tests/modeling/test_pipeline.py::,TestRegistration::test_auto_classes \
		TestAnswers::test_lists_generators_datasets_and_batches TestAnswers::test_saving_and_loading_without_trust) \
	$(addprefix tests/data/test_own_dataset.py::,test_a_dataset_of_recordings test_folders_in_other_layouts \
		test_sounds_in_files test_a_dataset_on_the_hub) \
	$(addprefix tests/midi/test_midi.py::,test_a_file_of_one_preset test_tracks_are_merged_in_the_order_of_time \
		test_the_original_track_message_by_message) \
	$(addprefix tests/matching/,test_matching.py::test_a_match_agrees_with_itself \
		test_matching.py::test_saved_files_hold_the_match \
		test_strategies.py::test_every_strategy_comes_nearer_within_its_budget) \
	$(addprefix tests/cli/test_cli.py::,test_a_sound_that_cannot_be_read_is_one_line \
		test_midi_track_plays_every_row) \
	$(addprefix tests/training/test_training.py::,TestOptimizer TestTraining::test_from_fresh_sounds_to_a_checkpoint \
		TestTraining::test_from_the_train_rows_of_a_dataset) \
	$(addprefix tests/app/test_server.py::,TestAnswers::test_a_search_tells_how_far_it_is_and_ends_near_the_truth \
		TestTools::test_a_sound_in_a_preset_out_and_a_sound_again) \
	tests/hub/test_hub_server.py::test_datasets_push_load_and_stream \
	$(addprefix tests/hub/test_publishing.py::, \
		test_shards_card_and_picture_go_up_in_one_commit_under_the_version \
		test_rows_and_types_come_back_as_they_were test_pandas_reads_the_files_of_the_hub \
		test_takes_come_from_the_hub_by_name test_a_checkpoint_goes_up_with_its_code_and_its_evaluation \
		test_a_metric_goes_up_as_a_space_that_evaluate_loads)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help print-lowest install demo collections test test-datasets36 test-lowest bench fuzz docs test-docs test-faults test-machines test-training test-pages test-cluster lint format audit licences wheel clean

help:
	@echo 'make install   create $(VENV) and install the package with its development tools'
	@echo 'make demo      match a sound of the real plug-in and show truth beside prediction'
	@echo 'make collections   build the twelve collections of our own engines into ./collections (ARGS="dx7" to choose)'
	@echo 'make test      run the tests (ARGS="-k midi" to choose)'
	@echo 'make test-cluster   run the tests of builds on a cluster'
	@echo 'make test-faults   run the tests of faults of the world and of hostile input'
	@echo 'make test-machines   run the tests of plug-ins, and of recording and playing what has a wire'
	@echo 'make test-training   run the tests of training, on one process and on several'
	@echo 'make test-pages   run the tests of the pages in a browser, and of what models need there'
	@echo 'make test-datasets36   run the tests of datasets and loading scripts with datasets 3.6'
	@echo 'make test-lowest   run the tests of loading, matching, training and publishing with the lowest versions'
	@echo 'make lint      check style, types and the order of the rooms'
	@echo 'make bench     time engines, builds and a prediction, beside other renderers (ARGS=--help)'
	@echo 'make fuzz      look for input that a reader does not take as it must (ARGS="--target midi --seconds 600")'
	@echo 'make docs      build the documentation into ./site, which needs no network to be read'
	@echo 'make test-docs   build it, check its links, and run all that it and the README show'
	@echo 'make format    format the code'
	@echo 'make audit     ask whether a dependency of constraints.txt has a known flaw'
	@echo 'make licences  write THIRD_PARTY.md again, from what is installed'
	@echo 'make wheel     build wheel and sdist into ./dist, the same bytes for everybody'
	@echo 'make clean     remove $(VENV), $(VENV36), $(VENVLOW), $(COMMON), $(WEB) and the tools'"'"' caches'

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/secret-sauce demo

collections: $(STAMP)
	$(BIN)/python examples/build_collections.py $(ARGS)

test: $(STAMP) $(STAMP_COMMON)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(PAGES) $(CLUSTER) $(DOCS) $(MACHINES) $(TRAINING) $(FAULTS)) $(ARGS)

# What does not follow from the version of datasets is left to the other tests.
test-datasets36: $(STAMP36)
	$(VENV36)/bin/python -m pytest tests/data/test_loading_scripts.py tests/data/test_collecting.py \
		-k 'not stopped and not killed and not ctrl_c' $(ARGS)

test-lowest: $(STAMPLOW)
	$(VENVLOW)/bin/python -m pytest $(LOWEST) $(ARGS)

# For tests/benchmarks/later_pythons.sh.
print-lowest:
	@echo $(LOWEST)

bench: $(STAMP_BENCH)
	$(BIN)/python tests/benchmarks/bench.py $(ARGS)

fuzz: $(STAMP_FUZZ)
	OMP_NUM_THREADS=1 $(BIN)/python tests/fuzz/fuzz.py $(ARGS)

docs: $(STAMP_DOCS)
	$(BIN)/python -m mkdocs build --strict $(ARGS)

test-pages: $(STAMP) $(STAMP_WEB)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(PAGES) $(ARGS)

test-cluster: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist load $(CLUSTER) $(ARGS)

test-docs: $(STAMP_DOCS)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(DOCS) $(ARGS)

test-faults: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(FAULTS) $(ARGS)

test-machines: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(MACHINES) $(ARGS)

test-training: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TRAINING) $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What asks for flaws is of no use to the tests; it exits with 3 where nobody can be asked.
audit: $(STAMP_AUDIT)
	@$(BIN)/python tests/audit.py $(ARGS)

licences: $(STAMP)
	$(BIN)/python tests/licences.py $(ARGS)

wheel: $(STAMP)
	$(BIN)/python tests/packing.py $(ARGS)

clean:
	rm -rf $(VENV) $(VENV36) $(VENVLOW) $(COMMON) $(WEB) .pytest_cache .ruff_cache .mypy_cache .hypothesis build site *.egg-info

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENV): a few minutes the first time.'
	@# What an earlier one said would be found before what this one says.
	@rm -rf secret_sauce_hf.egg-info
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group dev --editable '.[all,dx7,vital,hosts]'
	@touch $@

# What the benchmarks compare with; nothing else uses it.
$(STAMP_BENCH): $(STAMP)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --no-deps --group bench
	@touch $@

# What looks for input that reaches new code; the tests do without.
$(STAMP_FUZZ): $(STAMP)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group fuzz
	@touch $@

# What builds the documentation; the test of it is skipped without.
$(STAMP_DOCS): $(STAMP)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group docs
	@touch $@

$(STAMP_AUDIT): $(STAMP)
	$(BIN)/python -m pip install --quiet --quiet --constraint constraints.txt --group audit
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

# The version and the digests of its files stand in browser/writing.py. Without npm the tests of the page are skipped.
$(STAMP_WEB): secret_sauce_hf/browser/writing.py | $(STAMP)
	rm -rf $(WEB)
	mkdir -p $(WEB)
	@echo '*' > $(WEB)/.gitignore
	@command -v npm >/dev/null || echo 'There is no npm: the tests of the page in a browser will be skipped.'
	command -v npm >/dev/null || exit 0; \
		version=$$($(BIN)/python -c 'from secret_sauce_hf.browser import RUNTIME_VERSION; print(RUNTIME_VERSION)') \
		&& npm pack --silent --pack-destination $(WEB) onnxruntime-web@$$version \
		&& tar --extract --gzip --file $(WEB)/*.tgz --directory $(WEB) --strip-components 1 --wildcards \
			'*/dist/ort.wasm.bundle.min.mjs' '*/dist/ort-wasm-simd-threaded.wasm' \
		&& rm $(WEB)/*.tgz \
		&& $(BIN)/python -c 'from pathlib import Path; from secret_sauce_hf.browser.writing import read_runtime; read_runtime(Path("$(WEB)/dist"))'
	@touch $@

$(STAMP36): pyproject.toml constraints-datasets36.txt | $(VENV36)/bin/python
	@echo '*' > $(VENV36)/.gitignore
	$(VENV36)/bin/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENV36): a minute the first time.'
	$(VENV36)/bin/python -m pip install --quiet --quiet --constraint constraints-datasets36.txt \
		--group datasets36 --editable '.[archives,dx7,vital]'
	@touch $@

$(STAMPLOW): pyproject.toml constraints-lowest.txt | $(VENVLOW)/bin/python
	@echo '*' > $(VENVLOW)/.gitignore
	$(VENVLOW)/bin/python -m pip install --quiet --quiet --upgrade 'pip>=25.1'
	@echo 'Installing into $(VENVLOW): a few minutes the first time.'
	$(VENVLOW)/bin/python -m pip install --quiet --quiet --constraint constraints-lowest.txt \
		--group datasets36 --editable '.[all,dx7,vital]'
	@touch $@

# Debian keeps ensurepip, which a new environment needs, in a package of its own.
$(BIN)/python $(VENV36)/bin/python $(VENVLOW)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'This needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv; } \
		|| { echo '$(PYTHON) cannot make environments: apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(@D:/bin=)
