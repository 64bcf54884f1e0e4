# make demo: everything on a fresh machine, ends by naming the report.   make test: the whole test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEST ?= tests

.PHONY: demo test lint organisms clean

demo: $(VENV)/.installed
	$(BIN)/offmodel run demo --out runs/demo --store runs/store

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadgroup --durations 15 $(TEST)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) runs store
