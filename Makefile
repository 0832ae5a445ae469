# make run    the app with a demo item in it (without a display: renders the demo into demo-out/)
# make test   all tests but the longest
# make help   the rest
#
# Each command sets up what it needs: .venv, and Debian packages where it may install them.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
# mypy doesn't follow an editable install's import hook, so it is shown the same folders under their import names.
TYPE_TREE := build/typecheck
TYPE_TREE_MADE = mkdir -p $(TYPE_TREE)/lamina && for part in lamina/* dsp models plugin gui presets; do ln -sfn ../../../$$part $(TYPE_TREE)/lamina/; done

# Where the benchmarks look for held-out audio (speech/, music/ and noise/ with sound files) and for the rival Lyra V2's models.
HELDOUT ?= heldout
LYRA ?=
BENCH_ARGS ?=

# All tests run in one process more than there are cores, four at most: a third of the time windows and engines are waited
# for. Whole files go to each, since tests of a file share engines and servers, and in the order of tests/conftest.py.
# Who chooses some is answered sooner by one process, and means the long ones too.
WORKERS := $(shell n=$$(($$(nproc 2>/dev/null || echo 2) + 1)); echo $$((n > 4 ? 4 : n)))
IN_PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
ALL_BUT_LONG := $(if $(filter -k% tests/%,$(PYTEST_ARGS)),,$(IN_PARALLEL) -m "not long")

.PHONY: help run quick test test-long docs api check types docs-tables plugin plugin-install plugin-tables bench-quality bench-speed bench-desk bench-live bench-container bench-tones bench-loss bench-line bench-line-costs bench-plugin examples clean libraries-run libraries-test libraries-plugin
.DEFAULT_GOAL := help

help:
	@echo "make run            open the app with a demo item (no display: render the demo into demo-out/)"
	@echo "make test           set up and run all tests but the longest, on all cores (PYTEST_ARGS='-k latency' to choose, '-n0': one process)"
	@echo "make test-long      the longest tests, one after the other"
	@echo "make quick          the tests that take seconds, in under two minutes"
	@echo "make check          ruff (rules and format) and mypy"
	@echo "make plugin         the plugin for audio workstations (VST3, CLAP, LV2), into build/plugin/"
	@echo "make plugin-install the same, and puts it where your hosts look: ~/.vst3, ~/.clap, ~/.lv2"
	@echo "make plugin-tables  write the plugin's parameters and programs again, from where they are declared"
	@echo "make docs           the documentation as a site with an API reference, into site/"
	@echo "make api            write down what scripts may rely on, after a change that was meant (tests/fixtures/public-api.txt)"
	@echo "make bench-quality  quality of the shipped bundle beside Opus (and Lyra): HELDOUT=folder [LYRA=folder] [BENCH_ARGS=...]"
	@echo "                    (tables, targets, bench-out/quality.json and .png; scores are remembered in bench-out/scores.json)"
	@echo "make bench-speed    time per frame, rendering and start-up            [LYRA=folder] [BENCH_ARGS=...]"
	@echo "make bench-desk     time per frame of everything the code desk does, beside a neutral one"
	@echo "make bench-live     late blocks, round trip and start-up of live playing [BENCH_ARGS='--minutes 2']"
	@echo "make bench-container  sizes of .lamina files, plain and entropy coded  HELDOUT=folder"
	@echo "make bench-tones    what the model leaves of sines and of a glockenspiel  [BENCH_ARGS='--model A --model B']"
	@echo "make bench-loss     what lost frames cost speech          HELDOUT=folder  [BENCH_ARGS='--concealment hold']"
	@echo "make bench-line     speech over a line that loses packets, beside Opus with FEC  HELDOUT=folder"
	@echo "make bench-line-costs  what a line costs: bytes as counted, delay in its parts, processor time of both ends"
	@echo "make bench-plugin   what an instance of the plugin costs: processor time, loading, memory"
	@echo "make examples       render the sounds and pictures of the docs again, with the shipped model (docs/sounds, docs/pictures, docs/presets.md) [BENCH_ARGS='--only bend']"
	@echo "make docs-tables    write the docs' tables of parameters again, from where they are declared"
	@echo "make clean          remove everything the commands above made"

run: libraries-run $(VENV)/.for-run
	@$(BIN)/python -m lamina.cli.demo

test: libraries-test $(VENV)/.for-test
	$(BIN)/python -m pytest $(ALL_BUT_LONG) $(PYTEST_ARGS)

test-long: libraries-test $(VENV)/.for-test
	$(BIN)/python -m pytest -m long $(PYTEST_ARGS)

# The plugin holds the shipped model's weights, as one file.
SHIPPED := build/native/lamina-24k.weights
plugin: libraries-plugin $(VENV)/.for-run $(SHIPPED)
	@$(MAKE) --no-print-directory --silent -C native plugin
	@echo "lamina: the plugin is in build/plugin; docs/plugin.md tells how to use it, make plugin-install puts it where hosts look"

$(SHIPPED): models/weights/lamina-24k/model.json models/engines/weights_file.py $(wildcard core/*) | $(VENV)/.for-run
	@$(BIN)/lamina models weights lamina-24k $@

plugin-install: plugin
	@mkdir -p ~/.vst3 ~/.clap ~/.lv2
	@rm -rf ~/.vst3/Lamina.vst3 ~/.lv2/Lamina.lv2
	@cp -r build/plugin/Lamina.vst3 ~/.vst3/
	@cp build/plugin/Lamina.clap ~/.clap/
	@cp -r build/plugin/Lamina.lv2 ~/.lv2/
	@echo "lamina: installed in ~/.vst3, ~/.clap and ~/.lv2"

plugin-tables: $(VENV)/.for-run
	@$(BIN)/python native/make_parameters.py

# Rooms that are left out as a whole aren't even collected: their imports alone take ten seconds.
quick: $(VENV)/.for-test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --ignore=tests/gui --ignore=tests/live --ignore=tests/training \
		-m "not slow and not long and not gui and not audio and not torch and not install" $(PYTEST_ARGS)

docs: $(VENV)/.for-docs
	@$(TYPE_TREE_MADE)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "lamina: open site/index.html"

api: $(VENV)/.for-test
	$(BIN)/python tests/helpers/public_api.py > tests/fixtures/public-api.txt

check: $(VENV)/.for-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory types

types: $(VENV)/.for-test
	@$(TYPE_TREE_MADE)
	MYPYPATH=$(TYPE_TREE) $(BIN)/mypy -p lamina
	MYPYPATH=$(TYPE_TREE):bench $(BIN)/mypy $(wildcard bench/*.py) native/make_parameters.py tests/typed_parameters.py

bench-quality: $(VENV)/.for-bench
	$(BIN)/python bench/quality.py --heldout "$(HELDOUT)" $(if $(LYRA),--lyra "$(LYRA)") --musts --cache bench-out/scores.json \
		--picture bench-out/quality.png $(BENCH_ARGS)

bench-speed: libraries-test $(VENV)/.for-bench
	$(BIN)/python bench/speed.py $(if $(LYRA),--lyra "$(LYRA)") $(BENCH_ARGS)

bench-desk: $(VENV)/.for-bench
	$(BIN)/python bench/desk.py $(BENCH_ARGS)

bench-live: libraries-test $(VENV)/.for-bench
	$(BIN)/python bench/live.py $(BENCH_ARGS)

bench-container: $(VENV)/.for-bench
	$(BIN)/python bench/container.py --heldout "$(HELDOUT)" $(BENCH_ARGS)

bench-tones: $(VENV)/.for-bench
	$(BIN)/python bench/tones.py $(BENCH_ARGS)

bench-loss: $(VENV)/.for-bench
	$(BIN)/python bench/loss.py --heldout "$(HELDOUT)" $(BENCH_ARGS)

bench-line: $(VENV)/.for-bench
	$(BIN)/python bench/line.py --heldout "$(HELDOUT)" $(BENCH_ARGS)

bench-plugin: plugin $(VENV)/.for-bench
	$(BIN)/python bench/native_plugin.py $(BENCH_ARGS)

bench-line-costs: $(VENV)/.for-bench
	$(BIN)/python bench/line_costs.py $(BENCH_ARGS)

examples: $(VENV)/.for-bench
	$(BIN)/python bench/examples.py $(BENCH_ARGS)

docs-tables: $(VENV)/.for-run
	$(BIN)/python bench/docs_tables.py

clean:
	rm -rf $(VENV) build dist site demo-out bench-out lamina.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

libraries-run:
	@.ci/system-packages run

libraries-test:
	@.ci/system-packages test

libraries-plugin:
	@.ci/system-packages plugin

# One stamp for each set of requirements; touched only when its installation went well.
$(VENV)/.for-run: pyproject.toml .ci/constraints.txt $(wildcard core/*)
	@.ci/make-venv $(VENV)
	@.ci/system-packages build
	@echo "lamina: installing Lamina and what it needs into $(VENV)"
	@$(PIP) --editable '.[app]'
	@touch $@

$(VENV)/.for-test: $(VENV)/.for-run
	@echo "lamina: installing what training and the tests need into $(VENV)"
	@$(PIP) --editable '.[app,dev,shell,train]'
	@$(PIP) --editable '.[compare]' || echo "lamina: measures of quality can't be installed here; their tests will be skipped"
	@touch $@

$(VENV)/.for-docs: $(VENV)/.for-run
	@echo "lamina: installing what the documentation is made with into $(VENV)"
	@$(PIP) --editable '.[app,docs]'
	@touch $@

$(VENV)/.for-bench: $(VENV)/.for-run
	@echo "lamina: installing what the benchmarks need into $(VENV)"
	@$(PIP) --editable '.[app,bench]'
	@touch $@
