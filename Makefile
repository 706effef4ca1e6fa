# The commands for contributors: demo, test, check, bench, docs.
.DELETE_ON_ERROR:
.PHONY: demo test check bench docs clean

VENV   := .venv
PYTHON := $(VENV)/bin/python
GANKIT := $(VENV)/bin/gankit
UV     := $(VENV)/bin/uv pip install --quiet --python $(PYTHON) --constraint constraints.txt
PLUGINS := $(wildcard plugins/*)
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml) constraints.txt
# Python keeps what it compiles even where the environment forbids it: the tests start hundreds of
# processes, and compiling torch anew doubles the time that importing it takes.
export PYTHONDONTWRITEBYTECODE :=

# Train on the built-in digits, generate, evaluate: a first result in a few minutes.
demo: $(VENV)/.core
	$(GANKIT) train --plugin image --out runs/demo
	$(GANKIT) generate runs/demo -n 100 --out generated/demo --overwrite
	$(GANKIT) evaluate runs/demo
	@echo
	@echo "See  runs/demo/previews/     the digits during training (progress.gif is the film)"
	@echo "     generated/demo/         a hundred generated digits, one folder per class"
	@echo "     runs/demo/report.html   their scores"

# Everything that has to pass before a change lands.
test: $(VENV)/.tests $(VENV)/.browser
	@$(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2
	@$(MAKE) --no-print-directory docs

# The fast part: style and types.
check: $(VENV)/.tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy src/gankit $(PLUGINS:%=%/src)

# Every benchmark in a form for a CPU and minutes; writes benchmarks/RESULTS.md and its plots.
bench: $(VENV)/.bench
	$(PYTHON) benchmarks/run.py

docs: $(VENV)/.tests
	$(VENV)/bin/sphinx-build -W -q -b html docs docs/_build/html
	@echo "docs: docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build .pytest_cache .mypy_cache .ruff_cache

# --- Setting up ------------------------------------------------------------------------------

$(VENV)/.python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "gankit needs Python 3.11 or newer; python3 is $$(python3 --version)"; exit 2; }
	@python3 -m venv $(VENV) >/dev/null 2>&1 || sh tools/install-venv.sh $(VENV)
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.core: $(VENV)/.python $(PROJECTS)
	@echo "installing gankit and its image plugin (PyTorch is large: a minute or a few)"
	@$(UV) -e . -e plugins/gankit-image
	@touch $@

$(VENV)/.tests: $(VENV)/.core $(PROJECTS)
	@echo "installing what the tests need"
	@$(UV) -e ".[test]" $(PLUGINS:%=-e "%[test]") --group test --group docs
	@touch $@

# What the tests in a browser need: Playwright, and packages from npm. Without them, or without
# Chromium, those tests are skipped.
$(VENV)/.browser: $(VENV)/.tests tests/browser/package.json
	-@$(UV) --group browser
	-@if command -v npm >/dev/null 2>&1; then \
	  npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --loglevel=error; \
	else echo "no npm: tests that need its packages will be skipped"; fi
	@touch $@

$(VENV)/.bench: $(VENV)/.tests
	@$(UV) --group bench
	@touch $@
