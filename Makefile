# One command for each job. `make` alone lists them. Needs make, git and Python 3.11 or newer with venv.
PYTHON ?= python3
UV ?= uv
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Each stands for an environment that has what its requirements file says.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint bench needs lab lock schemas docs-kinds docs-cli docs-demo docs-story docs-settings docs-metrics monitoring clean
# Half-written files are no results.
.DELETE_ON_ERROR:

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(DEV) ## everything for development, in .venv

demo: $(RUNTIME) ## the product at work on a made-up fleet, on this computer only
	$(BIN)/reconciler demo

test: $(DEV) needs lint ## all checks and tests; as root on Debian also those on real machines
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(DEV) ## style, types and architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV) ## all benchmarks, written to bench/RESULTS.md; as root on Linux also those over SSH (20 minutes)
	$(BIN)/python -m bench $(if $(QUICK),--quick)

needs:
	tests/lab/install-needs.sh

lab: $(DEV) needs ## four real machines to play with, until Ctrl-C (as root)
	$(BIN)/python -m tests.lab $(COUNT) $(if $(STATE),--state $(STATE))

lock: ## pin all dependencies anew (needs uv)
	@command -v $(UV) > /dev/null || { echo "make lock needs uv: python3 -m pip install uv, or UV=path" >&2; exit 1; }
	$(UV) lock --upgrade
	$(UV) export --frozen --format requirements-txt --no-emit-project --no-header --no-dev -o requirements/runtime.txt
	$(UV) export --frozen --format requirements-txt --no-emit-project --no-header --all-groups -o requirements/dev.txt
	@! grep -nE '://|^--' requirements/*.txt || { echo "a place outside this repository is named in requirements/" >&2; exit 1; }

schemas: $(DEV) ## JSON Schemas of all documents, for editors
	$(BIN)/reconciler schema --out schemas

docs-kinds: $(DEV) ## the reference of all resource kinds
	$(BIN)/reconciler schema --kinds-reference docs/kinds

docs-cli: $(DEV) ## the reference of all commands
	$(BIN)/python docs/commands.py

docs-demo: $(DEV) ## record the demo anew
	$(BIN)/python docs/record.py

docs-story: $(DEV) ## play the story anew, and take all pictures (needs Chromium)
	$(BIN)/python -m docs.story

docs-settings: $(DEV) ## the reference of all settings
	$(BIN)/reconciler schema --settings-reference docs/configuration.md

docs-metrics: $(DEV) ## the reference of all metrics
	$(BIN)/python -c 'from reconciler.adapters.metrics.catalogue import page; print(page(), end="")' > docs/metrics.md

monitoring: $(DEV) ## Grafana dashboards and Prometheus alerts
	$(BIN)/reconciler schema --monitoring packaging

clean: ## remove what the other commands made here
	rm -rf $(VENV) dist build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Reconciler needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) --version 2>&1`. Try: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	    echo "$(PYTHON) has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt
	$(PIP) install --quiet --no-deps -e .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
