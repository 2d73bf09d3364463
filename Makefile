# nbagents: one command for each thing to do. `make` alone lists them.
#
# Everything is installed inside the checkout: Python packages in .venv, node and npm too (from the package index), the
# front end's packages in labextension/node_modules. What a slim system lacks (libgomp1, python3-venv; Chromium for the
# browser tests) is installed with apt as root; without root the step says what is missing.
# A step that has nothing new to do costs nothing: its mark is younger than what it was made from.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.SECONDARY:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/.made
OLD_VENV := .venv-ipykernel6
GATEWAY_VENV := .venv-gateway
STEP := scripts/step
MODEL := qwen2.5-coder-1.5b
TEST_MODELS := smollm2-135m qwen2.5-coder-0.5b $(MODEL)

FRONT_SOURCES := $(shell find labextension/src labextension/style -type f 2>/dev/null) \
	labextension/package.json labextension/tsconfig.json labextension/tsconfig.widget.json
NODE_MODULES := labextension/node_modules/.package-lock.json
FRONT := labextension/dist/package.json
TEST_NODE_MODULES := tests/node/node_modules/.package-lock.json
SLOW_TESTS := browser docker executors headless kernel model packaging

export PATH := $(abspath $(BIN)):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The front end is built by its own step below, so the wheel's build hook need not do it again.
export HATCH_JUPYTER_BUILDER_SKIP_NPM := 1
# The kernels that tests/kernel runs against: today's ipykernel, and the oldest that is supported.
export NBAGENTS_TEST_KERNEL_PYTHONS := $(abspath $(BIN)/python):$(abspath $(OLD_VENV)/bin/python)
export NBAGENTS_TEST_GATEWAY := $(abspath $(GATEWAY_VENV)/bin/jupyter-enterprisegateway)
PIP := $(BIN)/python -m pip install --progress-bar off --no-build-isolation

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------------------------------------------------------- use

.PHONY: demo
demo: $(MADE)/runtime ## Install, fetch a small local model (about 1 GB, no account) and run the demo
	@scripts/libgomp $(BIN)/python
	@$(STEP) "Fetch the model $(MODEL)" nbagents model get $(MODEL)
	@$(STEP) "Run the demo" nbagents demo
	@printf '\nOpen it in the browser:  make lab\n'

.PHONY: lab
lab: $(MADE)/runtime ## Open the quickstart notebook in JupyterLab, on this machine only
	jupyter lab --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) notebooks/quickstart.ipynb

# ------------------------------------------------------------------------------------------------------------ develop

.PHONY: setup
setup: $(MADE)/dev ## Install everything that development needs into .venv
	@echo "Ready: $(BIN)/python, $(BIN)/jupyter, $(BIN)/nbagents"

.PHONY: check check-format check-lint check-types check-unit
check: $(MADE)/dev ## Format, lint, types and unit tests (under a minute)
	@$(MAKE) --no-print-directory --keep-going check-format check-lint check-types check-unit

check-format:
	ruff format --check --output-format concise .

check-lint:
	ruff check --output-format concise .

check-types:
	mypy

check-unit:
	pytest -q -n 2 tests $(addprefix --ignore=tests/,$(SLOW_TESTS))

.PHONY: test
test: test-needs ## Everything: check, kernels, wheel, browser, containers, real model, demo
	@$(BIN)/python scripts/run_tests.py

.PHONY: test-needs
test-needs: $(MADE)/dev $(MADE)/docs $(OLD_VENV)/.made $(GATEWAY_VENV)/.made chromium
	@scripts/libgomp $(BIN)/python
	@PYTHON=$(BIN)/python scripts/docker-engine install
	@for model in $(TEST_MODELS); do $(STEP) "Fetch the model $$model" nbagents model get $$model || exit 1; done

test-%: $(MADE)/dev $(OLD_VENV)/.made $(GATEWAY_VENV)/.made ## One part of it: test-kernel, test-headless, test-packaging, test-browser, test-docker, test-executors, test-docs, test-model, test-demo
	@$(BIN)/python scripts/run_tests.py $*

.PHONY: chromium
chromium: ## Find Chromium for the browser tests, or install it (apt, as root)
	@scripts/chromium

.PHONY: build
build: $(FRONT) ## Build the wheel into dist/
	@$(STEP) "Build the wheel" $(BIN)/python -m pip wheel --no-deps --no-build-isolation -w dist .
	@ls -l dist/*.whl

.PHONY: docs
docs: $(MADE)/docs ## Build the documentation into dist/docs; a warning fails it
	@$(STEP) "Build the documentation" sphinx-build -W --keep-going -q -b html -d dist/doctrees docs dist/docs

.PHONY: images
images: $(MADE)/dev chromium ## Make the pictures of the documentation anew, in docs/images
	@$(STEP) "Take the pictures" env NBAGENTS_ARTIFACTS=docs/images pytest -q tests/browser/test_pictures.py

.PHONY: lock
lock: $(MADE)/tools ## Bring the package-lock.json files up to date (BEFORE=2026-10-01 for the state of that day)
	@cd labextension && $(abspath $(STEP)) "Lock the front end's packages" \
		npm install --package-lock-only $(if $(BEFORE),--before=$(BEFORE))
	@cd tests/node && npm install --package-lock-only $(if $(BEFORE),--before=$(BEFORE))
	@! grep -n '"resolved"' labextension/package-lock.json tests/node/package-lock.json \
		|| { echo "a lock file names a registry host"; exit 1; }

.PHONY: clean
clean: ## Remove what was built, keep what was installed
	rm -rf dist build artifacts .mypy_cache .pytest_cache .ruff_cache labextension/dist labextension/lib
	rm -f nbagents/widgets/static/run.js nbagents/widgets/static/run.css
	find nbagents tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove what was installed as well
	rm -rf $(VENV) $(OLD_VENV) $(GATEWAY_VENV) labextension/node_modules tests/node/node_modules

# ------------------------------------------------------------------------------------------- the steps of the set-up

$(BIN)/python:
	@$(STEP) "Create $(VENV)" scripts/make-venv $(VENV)

# What pyproject.toml's [build-system] asks for; it brings node and npm along.
$(MADE)/tools: pyproject.toml | $(BIN)/python
	@$(STEP) "Install the build tools" scripts/install-build-tools $(BIN)/python
	@mkdir -p $(MADE) && touch $@

$(NODE_MODULES): labextension/package-lock.json labextension/.npmrc | $(MADE)/tools
	@cd labextension && $(abspath $(STEP)) "Install the front end's packages (about 400, 470 MB)" npm ci
	@touch $@

$(FRONT): $(FRONT_SOURCES) $(NODE_MODULES)
	@cd labextension && $(abspath $(STEP)) "Build the front end" npm run --silent build
	@touch $@

$(MADE)/runtime: pyproject.toml $(FRONT) $(MADE)/tools
	@$(STEP) "Install nbagents, JupyterLab and the local model engine" $(PIP) -e '.[demo]'
	@touch $@

$(TEST_NODE_MODULES): tests/node/package-lock.json tests/node/.npmrc | $(MADE)/tools
	@cd tests/node && $(abspath $(STEP)) "Install the mock of model servers (1 package, 12 MB)" npm ci
	@touch $@

$(MADE)/dev: pyproject.toml $(TEST_NODE_MODULES) | $(MADE)/runtime
	@$(STEP) "Install what development needs" $(PIP) -e '.[dev]'
	@touch $@

$(MADE)/docs: pyproject.toml | $(MADE)/runtime
	@$(STEP) "Install what the documentation needs" $(PIP) -e '.[docs]'
	@touch $@

$(OLD_VENV)/.made: pyproject.toml | $(MADE)/runtime
	@$(STEP) "Create $(OLD_VENV) for the oldest supported kernel" scripts/make-venv $(OLD_VENV)
	@scripts/install-build-tools $(OLD_VENV)/bin/python
	@$(STEP) "Install nbagents beside ipykernel 6.29.5" $(OLD_VENV)/bin/python -m pip install --progress-bar off \
		--no-build-isolation -e '.[openai]' ipykernel==6.29.5 matplotlib pandas
	@touch $@

GATEWAY_PINS := tests/executors/enterprise-gateway.txt
$(GATEWAY_VENV)/.made: $(GATEWAY_PINS)
	@$(STEP) "Create $(GATEWAY_VENV) for an Enterprise Gateway" scripts/make-venv $(GATEWAY_VENV)
	@$(STEP) "Install what an Enterprise Gateway needs" $(GATEWAY_VENV)/bin/python -m pip install --progress-bar off \
		-r $(GATEWAY_PINS)
	@$(STEP) "Install the Enterprise Gateway" $(GATEWAY_VENV)/bin/python -m pip install --progress-bar off \
		--no-deps jupyter_enterprise_gateway==3.3.0
	@touch $@
