# The one door. Python >= 3.11 and make are all that a machine needs; everything else comes into .venv and the cache.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
REVISION = $(shell git rev-parse HEAD)
IMAGE = tierway:$(VERSION)
BUILDER = docker
, := ,

.DEFAULT_GOAL := help
.PHONY: help demo demo-kubernetes test e2e check lint format crds chart-docs image monitoring lock clean

help:  ## what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: $(VENV)/.demo  ## the whole loop on a folder of YAML: no cluster, no root; about a minute, then it stays up (ONCE=1 ends it)
	@$(BIN)/python -m demo

demo-kubernetes: $(VENV)/.dev  ## the same on a real Kubernetes API with kubectl and helm (KUBECONFIG=… uses your cluster)
	@$(BIN)/python -m demo --kubernetes

test: lint  ## everything, on a real kube-apiserver and etcd too (built once, 5 to 7 minutes)
	@$(BIN)/python -m pytest

check: lint  ## format, lint, types, layers, and all tests that need no Kubernetes
	@$(BIN)/python -m pytest -m "not kubernetes"

e2e: $(VENV)/.dev  ## on real pods: image, chart, callers and a node of its own; Linux, root, packages of .ci/packages; 20 minutes
	@$(BIN)/python -m pytest tests/e2e -m e2e

lint: $(VENV)/.dev  ## format, lint, types and layers alone
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run 'make format'."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: $(VENV)/.dev  ## format the code and mend what the linter can
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

crds: $(VENV)/.dev  ## write deploy/crds and the chart's copy anew from the models
	@$(BIN)/python -m tierway_operator.crds deploy/crds
	@$(BIN)/python -m tierway_operator.crds deploy/helm/tierway/files/crds

chart-docs: $(VENV)/.dev  ## write the table of values in the chart's README anew from values.yaml
	@$(BIN)/python deploy/helm/values_table.py

image:  ## build the image (BUILDER=podman or buildah, IMAGE=name:tag, BASE=image, PIP_CONF=file)
	@$(BUILDER) build --file Containerfile --tag "$(IMAGE)" $(if $(BASE),--build-arg "BASE=$(BASE)") \
		--build-arg "VERSION=$(VERSION)" --build-arg "REVISION=$(REVISION)" \
		$(if $(PIP_CONF),--secret "id=pip$(,)src=$(PIP_CONF)") .

monitoring: $(VENV)/.dev  ## write the dashboard and the tables of metrics anew
	@$(BIN)/python -m monitoring

lock: $(VENV)/.dev  ## resolve requirements/*.txt anew, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group demo --group build -o requirements/demo.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --extra operator --extra calibrate --group dev -c requirements/demo.txt -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --extra operator -c requirements/dev.txt -o requirements/image.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group build -c requirements/dev.txt -o requirements/image-build.txt
	@echo 'uv>=0.9' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate - -o requirements/uv.txt

clean:  ## remove .venv and caches of this checkout (the built Kubernetes stays in your user cache)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tierway needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 …")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.%: requirements/%.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what $* needs into $(VENV) (once)…"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/$*.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
