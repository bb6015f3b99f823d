# Everything a checkout needs. Set-up runs by itself before what depends on it, once, and only it needs a network.

SAMPLE := out/sample/synthetic_2000.csv
PYTHON := .venv/bin/python
BENCH := grid quality pipeline scale neighbours ingest layout

# The Spark of .venv, whatever other Spark, Java or notebook the shell is set up for.
unexport SPARK_HOME SPARK_CONF_DIR PYTHONPATH PYTHONHOME
unexport PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYSPARK_DRIVER_PYTHON_OPTS PYSPARK_SUBMIT_ARGS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# The steps of the set-up share one .venv, and Spark takes all cores by itself.
.NOTPARALLEL:
.PHONY: help setup demo notebook browser test check bench faults guards

help:   ## list the targets
	@sed -n 's/^\([a-z]*\): *[^#]*## */\1\t/p' Makefile | awk -F '\t' '{ printf "make %-8s %s\n", $$1, $$2 }'

setup: .venv/.delta   ## make .venv with all packages, find or install Java 17 or 21, fetch Delta's jars
	@tools/java.sh --install >/dev/null
	@echo "set-up is complete"

demo: setup $(SAMPLE)   ## the whole pipeline on 2,000 synthetic tracks, into out/demo/
	./spark-submit.sh jobs/run_pipeline.py --input $(SAMPLE) --output out/demo

# It makes no tables: it opens those that are there. ARGS go to JupyterLab, such as --no-browser.
notebook: .venv/.packages   ## JupyterLab on notebooks/, over out/demo; SEGUE_OUTPUT=out/mine reads another output
	PYTHONPATH="$(CURDIR)/lib" $(PYTHON) -m jupyterlab $(ARGS) notebooks

# Only tests need it. Where it cannot be had it says what to type; its tests are then left out, or fail where CI is set.
browser:   ## find or install Chromium, which the tests of the report drive
	@tools/chromium.sh --install >/dev/null || true

test: setup browser   ## every test; ARGS="-k word" picks some
	JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.packages   ## formatting, lint, types, import direction
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports

# This checkout's library comes first, whichever one .venv was made for.
bench: setup   ## speed and memory against peers, an hour or more; BENCH=grid ARGS="--tracks 100000" runs one of them
	@set -e; for name in $(BENCH); do \
	  echo "benchmarks/$$name.py $(ARGS)" >&2; \
	  JAVA_HOME="$$(tools/java.sh)" PYTHONPATH="$(CURDIR)/lib" $(PYTHON) "benchmarks/$$name.py" $(ARGS); \
	done

faults: setup   ## runs killed and pairs at once over four nights, an hour and more; what they leave is compared with an undisturbed run's
	JAVA_HOME="$$(tools/java.sh)" PYTHONPATH="$(CURDIR):$(CURDIR)/lib" $(PYTHON) -m tests.cluster.campaign $(ARGS)

guards: setup browser   ## one guard after the other taken out, to see its test fail, an hour; ARGS="signal" picks some
	JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m tests.project.guards $(ARGS)

$(SAMPLE): | setup
	./spark-submit.sh jobs/make_sample.py --tracks 2000 --to $@

# Java comes first: whether it can be had should be known before half a gigabyte is downloaded.
.venv/bin/python:
	@tools/java.sh --install >/dev/null
	@python="$$(tools/python.sh)" && echo "making .venv with $$python" && "$$python" -m venv --clear .venv

# The pinned setuptools builds, instead of whichever is newest on the day.
.venv/.packages: setup.py constraints.txt | .venv/bin/python
	@echo "installing the pinned packages into .venv (once, some 600 MB with Spark)"
	@$(PYTHON) -m pip install -q -c constraints.txt setuptools
	@$(PYTHON) -m pip install --no-build-isolation --use-pep517 -c constraints.txt -e '.[spark,notebook,picture,test]'
	@touch $@

.venv/.delta: .venv/.packages tools/delta_jars.sh
	@tools/delta_jars.sh
	@touch $@
