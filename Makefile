# make demo: see it run.   make test: the whole suite.   make check: what CI runs.
# Everything that is missing is installed first, into this folder only.

PYTHON ?= python3
TOPOLOGY ?= gcp
MANIFESTS ?=
HOME_CLOUD ?= embedded
export UV_PROJECT_ENVIRONMENT := .venv

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin

.PHONY: demo test core check lint format types layers bench stage watcher-image up down clean install

demo: install
	@$(RUN)/python -m infra.demo --topology "$(TOPOLOGY)" --home "$(HOME_CLOUD)" $(if $(MANIFESTS),--manifests "$(MANIFESTS)")

test: core
	@$(RUN)/python -m tests

# Deciding is pure: its tables alone must take every branch of it, in the same way each time. The
# laws draw their cases by chance, so they are measured by nothing, and are faster for it.
core: install
	@$(RUN)/python -m pytest -q -m "not hypothesis" tests/domain tests/planning \
		--cov --cov-report=term-missing:skip-covered --cov-fail-under=100
	@$(RUN)/python -m pytest -q -n 2 -m hypothesis tests/domain tests/planning

check: lint types layers test

lint: install
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .

format: install
	@$(RUN)/ruff check --fix .
	@$(RUN)/ruff format .

types: install
	@$(RUN)/mypy

layers: install
	@$(RUN)/lint-imports --no-logo

# build/<home>/<function>/, each ready to be deployed on its own, with the digests of all.
stage: install
	@$(RUN)/python -m infra.stage

# build/<home>/watcher-image/, from which any builder makes the image of `fedingress-watcher`.
watcher-image: install
	@$(RUN)/python -m infra.watcher_image

bench: install
	@$(RUN)/python -m tests.bench

up: install
	@$(RUN)/fedingress local up

down: install
	@$(RUN)/fedingress local down

install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock infra/localcloud/pyproject.toml | $(UV)
	@$(UV) sync --quiet --frozen --all-extras --compile-bytecode
	@touch $@

# Only where there is no uv: one of our own, in a virtual environment.
.uv/bin/uv:
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check "uv>=0.9.17"

clean:
	@if [ -x $(RUN)/fedingress ]; then $(RUN)/fedingress local down || true; fi
	@rm -rf .venv .venv-* .uv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
