# The only commands a contributor must know: demo, test, check, bench, docs.
.DELETE_ON_ERROR:
.PHONY: demo test check bench docs clean

VENV   := .venv
PYTHON := $(VENV)/bin/python
GANKIT := $(VENV)/bin/gankit
UV     := $(VENV)/bin/uv pip install --quiet --python $(PYTHON) --constraint constraints.txt
PROJECTS := pyproject.toml $(wildcard plugins/*/pyproject.toml) constraints.txt
# Python keeps what it compiles even where the environment forbids it: the tests start hundreds of
# processes, and compiling torch anew doubles the time that importing it takes.
export PYTHONDONTWRITEBYTECODE :=

# Train on the built-in digits, generate, evaluate: a first look in a few minutes.
demo: $(VENV)/.core
	$(GANKIT) train --plugin image --out runs/demo
	$(GANKIT) generate runs/demo -n 100 --out generated/demo --overwrite
	$(GANKIT) evaluate runs/demo
	@echo
	@echo "Look at  runs/demo/previews/     how the digits came to be (progress.gif is the film)"
	@echo "         generated/demo/         a hundred new ones, one folder a digit"
	@echo "         runs/demo/report.html   how good they are"

# Everything that must hold before a change lands.
test: $(VENV)/.tests
	@$(MAKE) --no-print-directory check
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n 2
	@$(MAKE) --no-print-directory docs

# The fast part: style and types.
check: $(VENV)/.tests
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy src/gankit $(wildcard plugins/*/src)

# Every claim of speed or quality that takes minutes, not hours. Results: benchmarks/RESULTS.md
bench: $(VENV)/.tests
	$(PYTHON) benchmarks/step.py
	$(PYTHON) benchmarks/toy.py

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
	@$(UV) -e ".[privacy]" -e plugins/gankit-toy -e "plugins/gankit-image[efficientnet]" \
	  -e "plugins/gankit-tabular[sql,excel]" -e plugins/gankit-audio \
	  -e "plugins/gankit-molecule[selfies]" \
	  -e plugins/gankit-tensorboard -e plugins/gankit-wandb -e plugins/gankit-mlflow \
	  --group test --group docs
	@touch $@
