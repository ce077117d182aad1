# Everything runs from .venv, which `setup` builds; it is there in an instant when nothing has changed.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup up demo test check bench clean

help: ## Show what there is
	@awk 'BEGIN {FS = ":.*## "; print "make …\n"} /^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make this machine ready: Python packages into .venv, and a Chromium
	@$(PYTHON) -m infra.setup

up: setup ## Start the whole stack on this machine, and keep it running until Ctrl+C
	@$(BIN)/fleet up

demo: setup ## Send one job to the sample directories and print every outcome
	@$(BIN)/fleet demo

test: setup ## Run all tests
	@$(BIN)/pytest $(ARGS)

check: setup ## Check style, types, floors and secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

bench: setup ## Measure, and write the table to benchmarks/results
	@$(BIN)/python -m benchmarks

clean: ## Remove .venv, caches and the local stack's data
	rm -rf .venv .fleet .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
