# Two commands: `make figures` and `make test`. Everything lives in .venv; uv is used where it is installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= figures

.PHONY: help figures test test-slow check format bench clean

help:
	@echo "make figures    the pictures of the post and what they lead to, into $(OUT)/"
	@echo "make test       all tests but the slow lane (under ten minutes on two cores)"
	@echo "make test-slow  the slow lane"
	@echo "make check      format, lint and types"
	@echo "make format     rewrite the files as the formatter wants them"
	@echo "make bench      every benchmark question, and the table made from them"
	@echo "make clean      remove .venv and what was made"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mamlgrid needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@if command -v uv >/dev/null 2>&1; then uv venv --quiet --seed --python "$$(command -v $(PYTHON))" $(VENV); \
	else $(PYTHON) -m venv $(VENV); fi

# $(1): the extras to install.
define install
	@echo "installing mamlgrid[$(1)] into $(VENV)"
	@if command -v uv >/dev/null 2>&1; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[$(1)]"; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$(1)]"; fi
	@touch $@
endef

$(VENV)/.installed-interactive: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,interactive)

$(VENV)/.installed-all: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,all)

figures: $(VENV)/.installed-interactive
	@$(BIN)/mamlgrid figures --out $(OUT)

# Tests of one file share their compiled programs: they stay in one process.
test: $(VENV)/.installed-all
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

# Long tests share little: whoever is done takes from the other.
test-slow: $(VENV)/.installed-all
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

check: $(VENV)/.installed-all
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-all
	$(BIN)/python -m benchmarks all

clean:
	rm -rf $(VENV) $(OUT) .pytest_cache .ruff_cache .hypothesis build dist
