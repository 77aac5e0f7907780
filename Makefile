# `make run` and `make test` set everything up by themselves, once.
SHELL := bash
PYTHON := .venv/bin/python
UV := python3 -m uv
WORKSPACE ?= workspace
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: run test fast lint figures figures-models figures-scale lock clean

.venv/.installed: requirements.lock setup.py
	@python3 -m uv --version >/dev/null 2>&1 || python3 -m pip install -q uv || { echo "install uv first: python3 -m pip install uv"; exit 1; }
	@python=$$(python3.10 -c 'import sys; print(sys.executable)' 2>/dev/null \
	  || ls $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.10.*/bin/python3.10 2>/dev/null | tail -1); \
	test -x $(PYTHON) || $(UV) venv -q --python $${python:-3.10} .venv \
	  || { echo "Python 3.10 is needed and could not be fetched: install it and put it on PATH"; exit 1; }
	$(UV) pip sync -q --python $(PYTHON) --compile-bytecode requirements.lock
	$(UV) pip install -q --python $(PYTHON) --no-deps --no-build-isolation -e .
	@touch $@

run: .venv/.installed
	.venv/bin/scenerank quickstart --workspace $(WORKSPACE)

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

fast: .venv/.installed
	$(PYTHON) -m pytest -n 2 --dist loadfile -m "not slow"

test: lint
	$(PYTHON) -m pytest -n 2 --dist loadfile --durations 12  # two cores, and most of a test is single-threaded set-up

figures: .venv/.installed
	$(PYTHON) -m tests.figures $(ONLY)

figures-models: .venv/.installed  # hours; what was measured before is not measured again, see docs/benchmarks
	$(PYTHON) -m tests.figures --of tests.figures_models $(ONLY)

figures-scale: .venv/.installed
	$(PYTHON) -m tests.figures --of tests.figures_scale $(ONLY)

lock:
	$(UV) pip compile --python-version 3.10 --exclude-newer 2025-06-30 --exclude-newer-package tensorflow-recommenders=2026-02-01 requirements.in -o requirements.lock -q --no-header

clean:
	rm -rf .venv build *.egg-info
