# make demo   train a small DeiT with and without a teacher, and compare
# make test   run the tests
# Each makes its virtual environment from pinned, tested versions.

# The first Python that is supported; override with make PYTHON=...
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' \
	2>/dev/null && echo $$p && break; done)

ifeq ($(strip $(PYTHON)),)
$(error mmdeit needs Python 3.10, 3.11 or 3.12: install one, or make PYTHON=...)
endif

# Newest supported versions; Python 3.10 gets the oldest, as numpy has left it.
SET ?= $(shell $(PYTHON) -c 'import sys; print("everyday" \
	if sys.version_info >= (3, 11) else "oldest")' 2>/dev/null)
VENV := .venv-$(SET)
CONSTRAINTS := requirements/$(SET).txt

.PHONY: help demo test lint
help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/done
	$(VENV)/bin/python tools/demo.py

test: $(VENV)/done
	$(VENV)/bin/python -m pytest

lint: $(VENV)/done
	$(VENV)/bin/ruff check .

$(VENV)/done: $(CONSTRAINTS) setup.py mmdeit/version.py
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install -c $(CONSTRAINTS) -e '.[lite,dev]'
	touch $@
