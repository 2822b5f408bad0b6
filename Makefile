# make demo   train a small DeiT with and without a teacher, and compare
# make test   run the tests
# make lint   check the style
# Each makes its virtual environment from pinned, tested versions: the everyday
# set, with SET=oldest the oldest supported one, or with SET=dense the everyday
# one with mmdet and mmsegmentation. PYTHON=... chooses the Python.

# $(call find,CANDIDATES,LOWEST MINOR VERSION,HIGHEST)
find = $(shell for p in $(1); do \
	$$p -c 'import sys; sys.exit(not (3, $(2)) <= sys.version_info[:2] <= (3, $(3)))' \
	2>/dev/null && echo $$p && break; done)

# numpy and torch ask for these. A machine with Python 3.10 alone gets the oldest.
PYTHON_everyday := $(call find,python3 python3.12 python3.11,11,12)
PYTHON_dense := $(PYTHON_everyday)
PYTHON_oldest := $(call find,python3.10 python3 python3.11,10,11)
comma := ,
SET ?= $(if $(PYTHON_everyday),everyday,oldest)
PYTHON ?= $(PYTHON_$(SET))
ifeq ($(PYTHON),)
$(error mmdeit needs Python 3.11 or 3.12, or with SET=oldest 3.10 or 3.11)
endif

# Beside pycocotools, mmpretrain 1.2.0 cannot be imported with transformers 5.
EXTRAS := $(if $(filter dense,$(SET)),dense$(comma)test,lite$(comma)dev)
TESTS := $(if $(filter dense,$(SET)),tests/dense)
VENV := .venv-$(SET)
RUN := $(VENV)/bin/python

.PHONY: help demo test lint
help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

demo: $(VENV)/done
	$(RUN) tools/study.py configs/studies/demo.py --seeds 0

test: $(VENV)/done
	$(RUN) -m pytest $(TESTS)

lint: $(VENV)/done
	$(RUN) -m ruff check .

$(VENV)/done: requirements/$(SET).txt setup.py mmdeit/version.py
	$(PYTHON) -m venv --clear $(VENV)
ifeq ($(SET),dense)
# Where no ready build of mmcv is at hand it is compiled, in 10 to 15 minutes.
	$(RUN) -m pip install -c requirements/$(SET).txt torch 'setuptools<81' wheel ninja psutil
	MMCV_WITH_OPS=1 $(RUN) -m pip install -c requirements/$(SET).txt --no-build-isolation mmcv
endif
	$(RUN) -m pip install -c requirements/$(SET).txt -e '.[$(EXTRAS)]'
	touch $@
