# make demo | test | system-test | lint | torture | setup. Everything goes into .venv; no root, no npm.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
SOURCES := boards gateway shared_protocol firmware tools tests

.PHONY: demo test system-test lint torture setup ten-seeds clean

demo: setup
	@$(VENV)/bin/helio demo $(ARGS) || test $$? -eq 130  # Ctrl-C is how it ends

test: setup
	@echo "== tests on CPython and MicroPython"
	@$(PY) -m pytest $(ARGS)

# Boards flashed, updated and inspected end to end: what would make the tests above too long.
system-test: setup
	@echo "== tests of whole boards"
	@$(PY) -m pytest -m system $(ARGS)

lint: setup
	@$(PY) -m ruff check $(SOURCES)
	@$(PY) -m ruff format --check $(SOURCES)
	@$(PY) -m mypy
	@$(PY) -m codespell_lib -q 3 README.md ARCHITECTURE.md docs shared_protocol $(SOURCES)
	@echo "lint: clean"

# The long form of the flash store's tests: every power cut, every bit; about eight minutes.
torture: setup
	@$(PY) -m tools.flash_torture

# The long form of a test: 20 kB through 30 % loss with ten seeds, a few minutes.
ten-seeds: setup
	@for seed in 1 2 3 4 5 6 7 8 9 10; do \
	  $(VENV)/bin/helio demo --once --loss 0.3 --size 20000 --seed $$seed --json || exit 1; done

setup: $(STAMP)

$(STAMP): pyproject.toml
	@command -v python3 >/dev/null || { echo "python3 (3.11 or newer) is missing"; exit 1; }
	@echo "== setting up $(VENV) (once; about a minute)"
	@test -x $(PY) || python3 -m venv $(VENV) || \
	  { echo "python3-venv is missing: apt install python3-venv"; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .cache build *.egg-info
