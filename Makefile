# Two commands set everything up by themselves: `make demo` and `make test`.
# They need Python 3.11 or newer and make; PYTHON=python3.13 picks another one.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := edgechain tests tools

.PHONY: demo test faults fleet aarch64 check format protos bench boards clean help
.DEFAULT_GOAL := help

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "edgechain needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) \
	  || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(RUN)/python install --quiet pip; } \
	  || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment; on Debian and Raspberry Pi OS: sudo apt install python3-venv" >&2; exit 2; }
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## a real model on three local nodes, frames in, results drawn
	@$(RUN)/python -m tools.demo.run $(ARGS)

test: $(STAMP)  ## every test, but those of `make fleet`
	$(RUN)/python -m pytest $(ARGS)

faults: $(STAMP)  ## break what can break, and show whether the promise held
	@$(RUN)/python -c 'import atheris' 2>/dev/null \
	  || $(RUN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@$(RUN)/python -m tests.faults $(ARGS)

fleet: $(STAMP)  ## boot and emulate boards: systemd, cards, arm64, FAT (root, Debian's tools)
	$(RUN)/python -m pytest --fleet -m fleet $(ARGS)

aarch64: $(STAMP)  ## flash an emulated Pi 4 and Pi 5 over SSH: Debian's tools, root
	$(RUN)/python -m pytest tests/deploy/flash_aarch64.py -n 0 -s $(ARGS)

check: $(STAMP)  ## format, lint, types, imports, generated code
	$(RUN)/ruff format --check $(SOURCES)
	$(RUN)/ruff check $(SOURCES)
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python tools/generate_protos.py --check

format: $(STAMP)  ## format and sort imports
	$(RUN)/ruff format $(SOURCES)
	$(RUN)/ruff check --fix $(SOURCES)

protos: $(STAMP)  ## generate edgechain/transport/_pb from protos/
	$(RUN)/python tools/generate_protos.py

bench: $(STAMP)  ## chains beside the whole model, a hop beside plain gRPC, memory, start-up
	$(RUN)/python -m tests.benchmarks $(ARGS)

boards: $(STAMP)  ## emulated boards: what the planner predicts beside what they measure (root)
	@$(RUN)/python -m tests.benchmarks.boards $(ARGS)

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
