# `make help` lists what there is. Everything sets up first where that is not done.

export RAY_USAGE_STATS_ENABLED = 0
export MLFLOW_DISABLE_TELEMETRY = true

PY := .venv/bin/python
RUN := $(PY) -m search

.DEFAULT_GOAL := help
.PHONY: help setup search test test-slow cluster-test fuzz check bench bench-gpu docs dist clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv with the locked packages (PYTHON=… names the Python)
	@PYTHON="$(PYTHON)" scripts/setup.sh

search: setup  ## Search on the embedded corpus and export the best layout; safe to repeat
	@test -d data/grammar || $(RUN) data grammar --out data/grammar
	@if test -d studies/quickstart; then $(RUN) resume quickstart; \
		else $(RUN) run studies/quickstart.toml; fi
	@test -d studies/quickstart/export || $(RUN) export quickstart
	@echo "Compare the trials in MLflow: .venv/bin/reservoir-search ui quickstart"

test: setup  ## Run the tests, but for the slow ones and those for a GPU
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist loadfile

test-slow: setup  ## Run the slow tests
	@$(PY) -m pytest -n 2 --dist loadfile -m "slow and not cluster and not gpu" --timeout 1200 --durations 25

cluster-test: setup  ## Run the tests with several nodes, hosts, servers and many faults (as root)
	@$(PY) -m pytest -m "cluster and not gpu" --timeout 1800

fuzz: setup  ## Give each reader of foreign files 100,000 broken ones (two hours)
	@$(PY) -m tests.fuzz 100000

check: setup  ## Check format, lint, types, the arrows between the packages, the installed ones
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports
	@scripts/check_packages.sh

# Those that fit in 30 minutes on two cores, which should have nothing else to do.
BENCHMARKS := training reservoir_gain validation translation trial_overhead tracking orchestration early_stopping attention deletions paired_seeds

bench: setup  ## Measure the speed; the results go to benchmarks/results
	@for name in $(BENCHMARKS); do $(PY) -m benchmarks.$$name --out benchmarks/results || exit 1; done

# Name and seconds of the rounds; 40 seconds after them each is ended. Together under 9 minutes.
GPU_BENCHMARKS := training:175 reservoir_gain:85 validation:55 trial_overhead:60

bench-gpu: setup  ## Measure the speed on a GPU in at most 9 minutes; likewise
	@failed=0; for each in $(GPU_BENCHMARKS); do name=$${each%:*} seconds=$${each#*:}; \
		timeout --signal INT --kill-after 10 $$((seconds + 40)) \
			$(PY) -m benchmarks.$$name --device cuda --seconds $$seconds --out benchmarks/results || \
			{ echo "benchmarks.$$name gave no result" >&2; failed=1; }; done; exit $$failed

docs: setup  ## Write the documentation's pages to build/site
	@test -x build/docs/bin/mkdocs || { $(PY) -m venv --clear build/docs && \
		build/docs/bin/pip install -q --require-hashes --only-binary :all: -r requirements-docs.lock; }
	@build/docs/bin/mkdocs build --quiet --strict

dist: setup  ## Build the source package and, from it, the wheel into dist/
	@rm -rf dist
	@$(PY) -c "from setuptools import build_meta; build_meta.build_sdist('dist')" > /dev/null
	@$(PY) -m pip wheel -q --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz

clean:  ## Remove caches and .venv; data/ and studies/ stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache *.egg-info
	find spaces trainable search benchmarks tests -name __pycache__ -prune -exec rm -rf {} +
