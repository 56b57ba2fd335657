# Two commands are enough: `make run` and `make test`. Everything is installed into .venv/ at first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SECONDS := 60
HISTORIES := 5000
READY := $(VENV)/.ready
ASYNCAPI := tools/asyncapi/node_modules/.package-lock.json
VALIDATE_PROTO := build/third_party/buf/validate/validate.proto

.PHONY: run test check conformance faults simulation soak world docs generate format lock baseline clean help

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

run: $(READY)  ## start the service in the foreground, with a broker of its own
	@exec $(BIN)/allocation dev

test: $(READY)  ## run every test, with real servers
	@$(BIN)/python -m pytest

conformance: $(READY)  ## run the programs of five languages against a live service, and print a table
	@$(BIN)/python -m tests.conformance

faults: $(READY)  ## be cruel to the service in every way, or in one (FAULT=name), and print a table; SEED=n repeats
	@$(BIN)/python -m tests.faults $(if $(FAULT),--fault $(FAULT)) $(if $(SEED),--seed $(SEED))

simulation: $(READY)  ## live through 5,000 seeded histories on a virtual clock (HISTORIES=n, SEED=n)
	@$(BIN)/python -m tests.faults.simulation --histories $(HISTORIES) $(if $(SEED),--seed $(SEED))

soak: $(READY)  ## run a mixed load for an hour (SECONDS=n) and draw what it does to memory, files and connections
	@$(BIN)/python -m tests.soak --seconds $(if $(filter file,$(origin SECONDS)),3600,$(SECONDS))

world: $(READY)  ## run the whole company for a minute: a broker, the service and five programs
	@$(BIN)/python -m examples.world --seconds $(SECONDS)

check: $(READY) $(VALIDATE_PROTO)  ## lint, types, import directions, contract, generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint
	$(BIN)/buf format protos --diff --exit-code
	$(BIN)/buf build --output build/contract.binpb
	$(BIN)/buf breaking build/contract.binpb --against protos/released.binpb --config '{"version": "v2", "breaking": {"use": ["FILE"]}}'
	$(BIN)/python -m tools.constraints build/contract.binpb --against protos/released.binpb
	$(BIN)/python -m tools.generate --check

generate: $(READY)  ## rebuild from protos/ what is made of them: generated/, docs/reference.md, docs/asyncapi.yaml, tests/golden/
	$(BIN)/python -m tools.generate

docs: $(ASYNCAPI)  ## check docs/asyncapi.yaml with AsyncAPI's parser and render it as one page, build/asyncapi.html
	@mkdir -p build
	node tools/asyncapi/check.mjs
	node tools/asyncapi/render.mjs build/asyncapi.html

$(ASYNCAPI): tools/asyncapi/package-lock.json tools/asyncapi/.npmrc
	@command -v npm >/dev/null || { echo "npm is not installed: Node 20 or newer is needed"; exit 1; }
	@npm --prefix tools/asyncapi ci --silent

format: $(READY)  ## format Python and protos
	$(BIN)/ruff format .
	$(BIN)/buf format protos --write

lock: $(READY)  ## choose new versions of all packages, within pyproject.toml
	$(BIN)/python tools/lock.py

baseline: $(READY) $(VALIDATE_PROTO)  ## at a release: commit the contract that later ones are compared with
	$(BIN)/buf build --output protos/released.binpb

clean:  ## remove what was built; the service's data stays
	rm -rf $(VENV) build dist

$(VALIDATE_PROTO): $(READY)
	@$(BIN)/python -m tools.generate.third_party

$(READY): requirements-dev.txt pyproject.toml generated/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the allocation service needs Python 3.11 or newer; set PYTHON=...")'
	@echo "Setting up $(VENV)/ (once; takes about a minute) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make an environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable generated/python --editable .
	@touch $(READY)
