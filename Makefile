# The commands of a checkout. Targets that need the set-up run it first. It downloads packages, and runs only once;
# browser, s3 and stores download what some tests need.

SAMPLE := out/sample/synthetic_2000.csv
PYTHON := .venv/bin/python
BENCH := grid quality pipeline scale neighbours ingest layout

# Use the Spark and the Python of .venv, not those that the shell is configured for.
unexport SPARK_HOME SPARK_CONF_DIR PYTHONPATH PYTHONHOME
unexport PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYSPARK_DRIVER_PYTHON_OPTS PYSPARK_SUBMIT_ARGS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One target at a time, also with -j: the steps of the set-up share one .venv, and Spark itself uses all cores.
.NOTPARALLEL:
.PHONY: help setup demo classes notebook browser s3 stores test test-fast check docs pages pictures bench faults guards

help:   ## list the targets
	@sed -n 's/^\([a-z0-9-]*\): *[^#]*## */\1\t/p' Makefile | awk -F '\t' '{ printf "make %-10s %s\n", $$1, $$2 }'

setup: .venv/.delta   ## make .venv with all packages, find or install Java 17 or 21, download Delta's jars
	@tools/java.sh --install >/dev/null
	@echo "set-up is complete"

demo: setup $(SAMPLE)   ## the whole pipeline on 2,000 synthetic tracks, into out/demo/
	./spark-submit.sh jobs/run_pipeline.py --input $(SAMPLE) --output out/demo
	@tools/class_archive.sh

classes: setup   ## archive Java's classes, so that jobs on this machine start faster (210 MB); part of demo and test
	@tools/class_archive.sh

# ARGS are passed to JupyterLab, such as --no-browser.
notebook: setup   ## JupyterLab on notebooks/, which read out/demo; SEGUE_OUTPUT=out/mine reads another output
	JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" PYTHONPATH="$(CURDIR)/lib" $(PYTHON) -m jupyterlab $(ARGS) notebooks

# Without Chromium the browser tests are skipped, or fail if CI is set.
browser:   ## find or install Chromium for the browser tests of the report
	@tools/chromium.sh --install >/dev/null || true

s3: setup   ## download the jars that Spark needs for s3a:// paths into .venv (13 MB)
	@tools/s3_jars.sh

# Without the servers the tests of S3, HDFS and YARN are skipped, or fail if CI is set.
stores: s3   ## find or build an S3 server (with Go, some minutes), download a small Hadoop cluster, for the tests of stores
	@tools/versitygw.sh --install >/dev/null || true
	@tools/hadoop_jars.sh --install >/dev/null || true

test: setup browser stores classes   ## all tests; ARGS="-k word" selects some
	JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

pages: setup   ## run every command of the tutorials and how-to pages, and compare what it prints; ten minutes
	SEGUE_ALL_PAGES=1 JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m pytest tests/project/test_pages.py

test-fast: .venv/.packages   ## the tests that start no JVM, in a minute; ARGS="-k word" selects some
	PYTHONPATH="$(CURDIR)/lib" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m pytest -n 2 --dist loadfile -m unit $(ARGS)

check: .venv/.packages docs   ## formatting, lint, types, imports between packages, words of the style, documentation
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(PYTHON) tools/check_words.py

# A page that is not read again repeats no warning: after a failure nothing may be left of the cache.
docs: .venv/.packages   ## build the documentation into build/docs; warnings and broken links are errors
	@$(PYTHON) -m sphinx -b html -n -W --keep-going -q -j auto -d build/docs_cache docs build/docs || { rm -rf build/docs_cache; exit 1; }
	@echo "documentation: build/docs/index.html"

pictures: demo browser   ## draw the pictures of the documentation from out/demo again
	JAVA_HOME="$$(tools/java.sh)" $(PYTHON) tools/pictures.py

# PYTHONPATH is set because .venv may have an editable install of another checkout.
bench: setup   ## measure speed and memory, an hour or more; BENCH=grid ARGS="--tracks 100000" runs one benchmark
	@set -e; for name in $(BENCH); do \
	  echo "benchmarks/$$name.py $(ARGS)" >&2; \
	  JAVA_HOME="$$(tools/java.sh)" PYTHONPATH="$(CURDIR)/lib" $(PYTHON) "benchmarks/$$name.py" $(ARGS); \
	done

faults: setup   ## kill runs and start pairs of runs, then compare the tables with those of undisturbed runs, an hour or more
	JAVA_HOME="$$(tools/java.sh)" PYTHONPATH="$(CURDIR):$(CURDIR)/lib" $(PYTHON) -m tests.cluster.campaign $(ARGS)

guards: setup browser   ## remove one guard after another, and check that its test fails, an hour or more; ARGS="signal" selects some
	JAVA_HOME="$$(tools/java.sh)" PYSPARK_PYTHON="$(CURDIR)/$(PYTHON)" $(PYTHON) -m tests.project.guards $(ARGS)

$(SAMPLE): | setup
	./spark-submit.sh jobs/make_sample.py --tracks 2000 --to $@

# Java is installed first: if that fails, nothing else is downloaded.
.venv/bin/python:
	@tools/java.sh --install >/dev/null
	@python="$$(tools/python.sh)" && echo "making .venv with $$python" && "$$python" -m venv --clear .venv

# --no-build-isolation builds segue with the pinned setuptools. pip's output, some 400 lines, goes to a file, and is
# printed if pip fails.
.venv/.packages: setup.py constraints.txt | .venv/bin/python
	@echo "installing the pinned packages into .venv (once, some 600 MB with Spark)"
	@{ $(PYTHON) -m pip install -c constraints.txt setuptools && \
	  $(PYTHON) -m pip install --no-build-isolation --use-pep517 -c constraints.txt -e '.[spark,notebook,picture,excel,test,docs]'; \
	  } >.venv/pip.log 2>&1 || { cat .venv/pip.log >&2; echo "error: pip failed; its output is above and in .venv/pip.log" >&2; exit 1; }
	@touch $@

# Downloads Delta's jars, and compiles segue's log store for Delta on S3 (lib/java).
.venv/.delta: .venv/.packages tools/delta_jars.sh tools/log_store_jar.py lib/java/segue/ConditionalLogStore.java
	@tools/delta_jars.sh
	@JAVA_HOME="$$(tools/java.sh)" $(PYTHON) tools/log_store_jar.py >.venv/log_store_jar.log 2>&1 || { cat .venv/log_store_jar.log >&2; exit 1; }
	@touch $@
