# k8sdocs. `make run` serves the site, `make test` checks it; each installs what it needs first, once.
#   make install | run [PORT=8000] [HOST=127.0.0.1] | test | lint | bench | fidelity | clean

SHELL := /bin/sh
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
VENV := .venv
BIN := $(VENV)/bin
STAMPS := var/stamps
WORKERS ?= 2

RUN_PACKAGES := python3-venv graphviz librsvg2-bin fontconfig fonts-noto-cjk ca-certificates
TEST_PACKAGES := chromium redis-server postgresql iproute2 iptables nftables ipset conntrack bird2

# Graphviz measures labels with the faces the pages use.
export FONTCONFIG_FILE := $(CURDIR)/var/fonts/fonts.conf
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install run test lint bench fidelity clean assets
.DEFAULT_GOAL := help

help:
	@sed -n "1,2s,^# *,,p" Makefile

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/system: deploy/system-packages Makefile | $(STAMPS)
	@deploy/system-packages $(RUN_PACKAGES)
	@touch $@

$(STAMPS)/system-test: deploy/system-packages Makefile | $(STAMPS)
	@deploy/system-packages $(TEST_PACKAGES)
	@touch $@

$(BIN)/python: | $(STAMPS)/system
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/python: requirements.txt $(STAMPS)/system | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(STAMPS)/python-dev: requirements-dev.txt requirements.txt $(STAMPS)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Both look for themselves whether there is anything to do.
assets: $(STAMPS)/python
	@$(BIN)/python -m k8sdocs.assets
	@$(BIN)/python -m k8sdocs.messages

install: assets
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python -m k8sdocs.collect

run: install
	@echo "k8sdocs: http://$(HOST):$(PORT)/"
	@exec $(BIN)/python -m daphne -b $(HOST) -p $(PORT) --access-log /dev/null k8sdocs.asgi:application

lint: $(STAMPS)/python-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

# A kubectl of long ago beside the one on PATH: Debian's, unpacked into a folder of its own.
$(STAMPS)/old-kubectl: deploy/unpacked-package $(STAMPS)/system-test
	@deploy/unpacked-package kubernetes-client var/kubernetes-client
	@[ ! -d var/kubernetes-client/usr ] || touch $@

# Browser tests apart: Playwright keeps an event loop running in its process, which asyncio's own tests cannot share.
# One that fails is tried once more, and named: on two busy cores a browser may miss a deadline.
test: $(STAMPS)/system-test $(STAMPS)/old-kubectl assets lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not browser"
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m browser --reruns 1

bench: $(STAMPS)/python-dev assets
	$(BIN)/python -m bench

fidelity: $(STAMPS)/python-dev
	$(BIN)/python -m tests.fidelity

clean:
	rm -rf var/static $(STAMPS)
