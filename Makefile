# hccmeta: `make` prints this help.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
SHELL := /bin/sh

VENV  := .venv
PY    := $(VENV)/bin/python
UV    := $(VENV)/bin/uv
READY := $(VENV)/.ready
JOBS  ?= 2
SELECTION ?=
BASE  ?= HEAD
FILE  ?= NEWSTUDY.xlsx
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export PYTHONHASHSEED := 0
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help env report test lab check audit verify template import diff export export-check app bench browser-test lock clean

help: ## print this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  make report SELECTION=name   the whole report on selections/name.yaml, into reports/selections/name/"

env: $(READY) ## create or update the environment in .venv from uv.lock

$(READY): pyproject.toml uv.lock tools/bootstrap.sh
	@sh tools/bootstrap.sh $(VENV)
	@touch $@

report: $(READY) ## build everything that changed: tables, figures, notebooks, reports/index.html
	@$(PY) -m hccmeta report --jobs $(JOBS) $(if $(SELECTION),--selection $(SELECTION))

test: $(READY) ## run the tests
	@$(PY) -m pytest

lab: $(READY) ## open JupyterLab on the notebooks (127.0.0.1 only)
	@$(PY) -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/09_explore.ipynb

check: $(READY) ## check the tables in data/extracted against the schema and the rules
	@$(PY) -m hccmeta check

audit: $(READY) ## list what the papers print that cannot be right
	@$(PY) -m hccmeta audit

verify: $(READY) ## rebuild the report elsewhere and compare every file with reports/manifest.json
	@$(PY) -m hccmeta verify --jobs $(JOBS)

diff: $(READY) ## which headline results changed since BASE=<git ref>, and which rows caused it
	@$(PY) -m hccmeta diff --base $(BASE)

template: $(READY) ## write an empty form for a new study: FILE=NEWSTUDY.xlsx
	@$(PY) -m hccmeta template "$(FILE)"

import: $(READY) ## check a filled form and add its rows, all or none: FILE=NEWSTUDY.xlsx
	@$(PY) -m hccmeta import "$(FILE)"

export: $(READY) ## analyses for R and RevMan, references as RIS and BibTeX, into reports/export/
	@$(PY) -m hccmeta export

export-check: export ## recompute the exported analyses with metafor (needs Rscript, r-cran-metafor, r-cran-lme4)
	@command -v Rscript >/dev/null || { echo "Rscript is not installed: apt-get install r-base-core r-cran-metafor r-cran-lme4" >&2; exit 1; }
	@Rscript reports/export/recompute.R reports/export

app: $(READY) ## the explorer as a web page without code (Voila, 127.0.0.1 only)
	@VIRTUAL_ENV=$(VENV) $(UV) sync --quiet --locked --inexact --extra dev --extra app
	@$(PY) -m voila notebooks/09_explore.ipynb --Voila.ip=127.0.0.1

bench: $(READY) ## measure what docs/performance.md and docs/validation.md quote (ten minutes)
	@$(PY) -m benchmarks

validation: $(READY) ## compare with R again and write docs/validation.md
	@$(PY) -m benchmarks validation

browser-test: $(READY) ## browser tests: report page and JupyterLab in headless Chromium (needs chromium)
	@$(UV) sync --quiet --locked --inexact --extra dev --extra e2e
	@$(PY) -m pytest tests/browser

lock: $(READY) ## renew uv.lock and requirements.txt on purpose
	@$(UV) lock --upgrade
	@$(UV) export --quiet --locked --no-hashes --no-emit-project --no-annotate --no-header --output-file requirements.txt

clean: ## delete what can be rebuilt (not .venv, not the tracked tables)
	rm -rf reports/figures reports/notebooks reports/selections reports/interactive reports/.stamps reports/index.html reports/explorer.html .cache build dist
