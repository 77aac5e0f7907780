# `make run` and `make test` set everything up by themselves, once. PLATFORM=py310 or py313 forces what tests/platforms/choose
# would choose: py313 is the newest TFX, py310 the last one for a glibc older than 2.39.
SHELL := bash
PYTHON := .venv/bin/python
WORKSPACE ?= workspace
export TF_CPP_MIN_LOG_LEVEL ?= 3

FITTING := $(shell tests/platforms/choose 2>/dev/null)
PLATFORM ?= $(FITTING)
INSTALLED := .venv/.installed-$(PLATFORM)
GOALS := run fast test essentials lint types docs reference figures figures-models figures-scale

# One of each kind, for the platform that does not run all tests.
ESSENTIALS := tests/test_house.py tests/schemas $(addprefix tests/components/test_,log_example_gen.py \
  log_example_gen_checks.py log_example_gen_history.py log_example_gen_rates.py parquet.py fairness_coefficient.py \
  transform.py trainer.py export.py) $(addprefix tests/pipeline/test_,predict.py kubeflow.py schedule.py)
CONFORMANCE := $(addprefix tests/models/test_,conformance.py conformance_training.py)
A_DAY := tests/pipeline/test_faults.py::test_a_run_that_quarantined_pushes_and_leaves_other_days
FAMILIES := sar_net or maria or sfpnet or musenet or hierrec or star or din

.PHONY: $(GOALS) install lock clean

ifeq ($(PLATFORM)-$(shell getconf GNU_LIBC_VERSION | awk '{ split($$2, v, "."); print (v[2] < 39 ? "old" : "new") }'),py313-old)
install $(GOALS):
	@tests/platforms/debian13 make $@ PLATFORM=py313 WORKSPACE=$(WORKSPACE) ONLY="$(ONLY)" TESTS="$(TESTS)"
else

install: $(INSTALLED)

$(INSTALLED): requirements-$(PLATFORM).lock setup.py
	@tests/platforms/choose >/dev/null
	@tests/platforms/install $(PLATFORM)

run: $(INSTALLED)
	.venv/bin/scenerank quickstart --workspace $(WORKSPACE)

lint: $(INSTALLED) types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(INSTALLED)
	mkdir -p build/typed/scenerank
	ln -sfn $(addprefix ../../../,schemas models components pipeline $(wildcard scenerank/*.py)) build/typed/scenerank
	.venv/bin/mypy

fast: $(INSTALLED)
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" --junitxml build/fast-$(PLATFORM).xml $(TESTS)

test: lint  # two cores, and most of a test is single-threaded set-up
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 12 --junitxml build/tests-$(PLATFORM).xml $(TESTS)

essentials: $(INSTALLED)
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" $(ESSENTIALS)
	$(PYTHON) -m pytest -n 2 --dist loadfile $(CONFORMANCE) -k "$(FAMILIES)"
	$(PYTHON) -m pytest $(A_DAY)

docs: $(INSTALLED)  # into build/site
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

reference: $(INSTALLED)  # what the pages say that the code knows
	$(PYTHON) -m scenerank.pipeline.reference

figures: $(INSTALLED)
	$(PYTHON) -m tests.benchmarks daily $(ONLY)

figures-models: $(INSTALLED)  # hours; what was measured before is not measured again, see docs/benchmarks
	$(PYTHON) -m tests.benchmarks models $(ONLY)

figures-scale: $(INSTALLED)
	$(PYTHON) -m tests.benchmarks scale $(ONLY)
endif

lock:
	python3 -m uv pip compile -q --no-header --upgrade requirements.in -o requirements-py310.lock \
	  --python-version 3.10 --python-platform x86_64-manylinux_2_31
	python3 -m uv pip compile -q --no-header --upgrade requirements.in -o requirements-py313.lock \
	  --python-version 3.13 --python-platform x86_64-manylinux_2_39

clean:
	rm -rf .venv .venv-debian13 build *.egg-info
