# Everything lives in .venv, pinned by the lock files in requirements/. `make` alone lists the commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/python -m uv
# With byte code: otherwise the first call of each command compiles for seconds, and every call where it cannot write.
INSTALL := $(UV) pip install --python $(BIN)/python --quiet --compile-bytecode
# Runs what follows it; on a terminal with a dot every second, since some of it takes half a minute.
DOTS := dots() { if [ -t 2 ]; then while sleep 1; do printf . >&2; done & fi; "$$@"; code=$$?; \
	if [ -t 2 ]; then kill $$!; echo >&2; fi; return $$code; }; dots
UI ?= 1
ARGS ?=
# Tests mostly wait for the servers that they talk to: more workers than two cores.
WORKERS ?= 4

# The machine's Python, never one that uv fetches; its cache here where there is no home to keep it in.
export UV_PYTHON_DOWNLOADS := never
ifeq ($(UV_CACHE_DIR)$(shell test -n "$$HOME" -a -w "$$HOME" && echo home),)
export UV_CACHE_DIR := $(CURDIR)/$(VENV)/.uv-cache
endif

# A company's own certificate authority is in the machine's certificates, not in uv's; a bare container has only uv's.
CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem)
export UV_SYSTEM_CERTS ?= $(if $(CERTIFICATES),true,false)

.DEFAULT_GOAL := help
.PHONY: help install demo dev test test-fast check faults soak cluster ui docs screenshots bench big lowest newest lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.dev ## Install everything into .venv, as pinned in requirements/

demo: $(VENV)/.runtime ## Run the platform on made-up data, without a subscription (UI=0: end after the table; PORT=3001)
	@$(BIN)/polygon-assets demo $(if $(filter 0,$(UI)),--no-ui) $(if $(PORT),--port $(PORT)) $(ARGS)

dev: $(VENV)/.runtime ## Serve the platform on the vendor's bucket (set POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY)
	@$(BIN)/polygon-assets dev $(if $(PORT),--port $(PORT)) $(ARGS)

test: $(VENV)/.dev ## Run the tests (ARGS="-k sensor" for some of them)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

test-fast: $(VENV)/.dev ## Run the tests that need no server and no store: half a minute
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not integration" $(ARGS)

check: $(VENV)/.dev ## Lint, check formatting, types and lock files
	@$(BIN)/python tools/lock.py --check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

faults: $(VENV)/.dev ## Run the suite of misbehaving servers and print the scorecard
	@$(BIN)/python -m polygon_assets_tests.faults.scorecard $(ARGS)

soak: $(VENV)/.dev ## Run thousands of days with faults, readers and kills, for minutes; writes its part of docs/reliability.md
	@$(BIN)/python -m polygon_assets_tests.soak $(ARGS)

cluster: $(VENV)/.dev ## Run the suite of many machines (needs Debian's packages postgresql, redis-server and nginx)
	@$(BIN)/python -m pytest polygon_assets_tests/cluster $(ARGS)

ui: $(VENV)/.dev ## Run the suite of the web interface in a browser (needs Debian's package chromium)
	@$(BIN)/python -m pytest polygon_assets_tests/ui $(ARGS)

docs: $(VENV)/.docs ## Make the documentation as a site, dist/site; a warning or a dead link is an error (SERVE=1: read it)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs $(if $(SERVE),serve,build --quiet) --strict
	@$(if $(SERVE),,echo "Made dist/site. To read it: make docs SERVE=1")

screenshots: $(VENV)/.dev ## Take the pictures in docs/images/ anew, of what the demo serves (needs chromium, too)
	@$(BIN)/python -m polygon_assets_tests.ui.screenshots $(ARGS)

bench: $(VENV)/.dev ## Measure, side by side with peers
	@$(BIN)/python -m benchmarks $(ARGS)

big: $(VENV)/.dev ## Bring a made-up file of 2 GB through, and measure it (ARGS="--gigabytes 0.1" for a smaller one)
	@$(BIN)/python -m benchmarks.big $(ARGS)

lowest: $(VENV)/.dev ## Run the tests that lean on others' versions on the lowest ones allowed (ARGS="-k sensor")
	@$(BIN)/python tools/lowest.py $(if $(ARGS),-- $(ARGS))

newest: $(VENV)/.dev ## The same on the newest ones, which the lock files may not have yet
	@$(BIN)/python tools/lowest.py --newest $(if $(ARGS),-- $(ARGS))

lock: $(VENV)/.uv ## Write the lock files anew with the newest versions (KEEP=1: only what pyproject.toml asks for)
	@$(BIN)/python tools/lock.py $(if $(KEEP),--keep)

clean: ## Remove .venv, .demo and caches; data/ and .dagster/ stay
	rm -rf $(VENV) .demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps, written last, so that an installation that was interrupted goes on where it stopped.
# Where .venv has lost its Python (moved, or upgraded away) they mean nothing.
$(shell test -x $(BIN)/python || rm -f $(VENV)/.uv $(VENV)/.runtime $(VENV)/.dev $(VENV)/.docs)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or newer is needed; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)." \
	"To use another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) …"
	@$(DOTS) $(PYTHON) -m venv --clear $(VENV)

$(VENV)/.uv: requirements/uv.txt $(BIN)/python
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(DOTS) $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

KERNEL := polygon_assets/flatfile/kernel.c tools/build_kernel.py

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml $(KERNEL) $(VENV)/.uv
	@echo "Installing what the platform needs …"
	@$(DOTS) $(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(INSTALL) --no-deps --no-index --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q polygon_assets
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@echo "Installing what development needs …"
	@$(DOTS) $(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.dev
	@echo "Installing what the site needs …"
	@$(INSTALL) --require-hashes -r requirements/docs.txt
	@touch $@
