# make demo | test | system-test | lint | torture | setup. Everything goes into .venv; no root, no npm,
# but for system-test: its browser is Debian's (apt, as root), the page's tools are npm's.
VENV := .venv
PARALLEL := -n auto --maxprocesses 4 --dist worksteal  # boards run on the real clock: not too many at once
PY := $(VENV)/bin/python
STAMP := $(VENV)/.ready
WEB := gateway/web
WEB_STAMP := $(WEB)/node_modules/.ready
SOURCES := boards gateway shared_protocol firmware tools tests

.PHONY: demo test system-test lint torture setup browser page old-hub ten-seeds clean

demo: setup
	@$(VENV)/bin/helio demo $(ARGS) || test $$? -eq 130  # Ctrl-C is how it ends

test: setup
	@echo "== tests on CPython and MicroPython"
	@$(PY) -m pytest $(PARALLEL) $(ARGS)

# Whole boards, a real browser, a real OpenID provider: what needs more than pip, or takes longer.
system-test: setup browser page old-hub
	@echo "== tests of whole boards, the page, the login"
	@$(PY) -m pytest -m system $(ARGS)

# The page's own tests, and whether what is committed is what its sources give.
page: $(WEB_STAMP)
	@echo "== the page's code"
	@cd $(WEB) && npm test --silent && npm run --silent check

# Debian's nats-server, 2.9.10, beside the one of PyPI. Unpacked only: nothing is installed or started.
OLD_HUB := .cache/nats-old
old-hub:
	@test -x $(OLD_HUB)/usr/sbin/nats-server || { echo "== fetching an old nats-server" && \
	  mkdir -p $(OLD_HUB) && apt-get update -qq && cd $(OLD_HUB) && \
	  apt-get download -qq nats-server && dpkg -x nats-server_*.deb .; } || \
	  echo "no old nats-server: its tests are left out"

browser:
	@command -v chromium >/dev/null || { echo "== installing Chromium" && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }

$(WEB_STAMP): $(WEB)/package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing (Node.js 20 or newer)"; exit 1; }
	@cd $(WEB) && npm ci --silent --no-audit --no-fund
	@touch $@

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
	rm -rf $(VENV) .cache build *.egg-info $(WEB)/node_modules
