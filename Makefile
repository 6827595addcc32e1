# `make demo` and `make test` are each the only command a fresh machine needs: they make a virtual
# environment in .venv, install what is missing there, build what has changed, and run.
# Needs python3 (3.11 or newer, with venv), make and a C++17 compiler.
# VENV= and PYTHON= choose another folder and interpreter.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
SOURCES := $(shell find csrc kernels engine/penstock/protos -name '*.cc' -o -name '*.h' -o -name '*.proto')
# Prints the requirements that pyproject.toml lists under the keys given.
REQUIRES := import sys, tomllib, functools, operator; \
  table = tomllib.load(open('pyproject.toml', 'rb')); \
  print(*functools.reduce(operator.getitem, sys.argv[1:], table), sep='\n')

.PHONY: demo test lint clean

demo: $(VENV)/built
	$(RUN) -m penstock demo

test: $(VENV)/built
	$(RUN) -m pytest -n auto

lint: $(VENV)/linters
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	git ls-files '*.cc' '*.h' '*.cu' | xargs $(VENV)/bin/clang-format --dry-run --Werror
	$(RUN) -m mypy -p penstock -p benchmarks

clean:
	rm -rf .venv build dist engine/penstock/_libs engine/*.egg-info
	find engine -name '*_pb2.py*' -delete -o -name '_native*.so' -delete

# The build requirements are installed too, so that building again needs no network and no isolated
# environment with other paths, which would compile everything again.
$(VENV)/installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(RUN) -c "$(REQUIRES)" build-system requires > $(VENV)/build.txt
	$(RUN) -m pip install --quiet --requirement $(VENV)/build.txt
	$(RUN) -m pip install --quiet --no-build-isolation --editable '.[test]'
	touch $@

# Modules are compiled here, so that imports are quick where PYTHONDONTWRITEBYTECODE is set.
$(VENV)/built: $(VENV)/installed $(SOURCES)
	$(RUN) setup.py --quiet build_protos build_ext --inplace
	$(RUN) -m compileall -q engine/penstock
	touch $@

$(VENV)/linters: $(VENV)/built
	$(RUN) -c "$(REQUIRES)" project optional-dependencies lint > $(VENV)/lint.txt
	$(RUN) -m pip install --quiet --requirement $(VENV)/lint.txt
	touch $@
