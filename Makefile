# Every check and every command of the project is one target here; CI calls the same ones.
.DEFAULT_GOAL := help
.PHONY: help setup stubs build check test demo bench torture fuzz lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Reads the run-time dependencies out of pyproject.toml.
DEPENDENCIES := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"])
FUZZ_SECONDS ?= 60
PROTOS := $(wildcard proto/zmey/v1/*.proto)
INTERNAL_PROTOS := $(wildcard proto/zmey/internal/v1/*.proto)
STORAGE_PROTOS := $(wildcard proto/zmey/storage/v1/*.proto)
export PYO3_PYTHON := $(abspath $(BIN)/python)
export ZMEY_PHONENUMBERS_PYTHON := $(PYO3_PYTHON)
# Whatever environment the caller is in, maturin installs into ours.
export VIRTUAL_ENV := $(abspath $(VENV))
unexport CONDA_PREFIX

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## make the virtual environment with everything locked

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --upgrade --constraint constraints.txt pip
	$(PIP) install --quiet --constraint constraints.txt --group build --group test --group bench \
		$$($(BIN)/python -c '$(DEPENDENCIES)')
	touch $@

stubs: $(VENV)/.stubs ## generate Python stubs from proto/

$(VENV)/.stubs: $(VENV)/.installed $(PROTOS) $(INTERNAL_PROTOS) $(STORAGE_PROTOS)
	rm -rf server/zmey/v1 server/zmey/internal server/zmey/proto tests/generated
	mkdir -p server/zmey/proto/zmey/v1 tests/generated
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m grpc_tools.protoc --proto_path=proto \
		--python_out=server --pyi_out=server --grpc_python_out=server --mypy_grpc_out=server \
		$(PROTOS)
	$(BIN)/python -m grpc_tools.protoc --proto_path=proto \
		--python_out=server --pyi_out=server $(INTERNAL_PROTOS)
	$(BIN)/python -m grpc_tools.protoc --proto_path=proto \
		--python_out=tests/generated --pyi_out=tests/generated $(STORAGE_PROTOS)
	touch server/zmey/v1/__init__.py server/zmey/internal/__init__.py \
		server/zmey/internal/v1/__init__.py
	cp $(PROTOS) server/zmey/proto/zmey/v1/
	touch $@

build: $(VENV)/.stubs ## build the core and install zmey into the virtual environment
	PIP_CONSTRAINT=$(abspath constraints.txt) \
		$(BIN)/maturin develop --release --quiet --manifest-path native/Cargo.toml

check: build ## lints, formats, types, contract: everything but tests
	$(BIN)/buf lint proto
	$(BIN)/ruff check server tests benchmarks
	$(BIN)/ruff format --check server tests benchmarks
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest zmey._native --ignore-disjoint-bases
	cargo fmt --check
	cargo clippy --all-targets --quiet -- --deny warnings
	$(BIN)/pytest tests/test_tidy.py

demo: build ## see zmey at work: import, resolve, a killed server, nothing lost; 20 s
	PYTHONPATH=tests $(BIN)/python -m demo

test: check ## everything a change must pass
	cargo test --quiet
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile

fuzz: $(VENV)/.installed ## run each fuzz target for FUZZ_SECONDS=60; needs a nightly toolchain
	@cargo +nightly --version > /dev/null 2>&1 || { echo >&2 \
		"make fuzz needs a nightly toolchain: rustup toolchain install nightly"; exit 1; }
	@cargo +nightly fuzz --version > /dev/null 2>&1 || { echo >&2 \
		"make fuzz needs cargo-fuzz: cargo install --locked cargo-fuzz"; exit 1; }
	cargo +nightly run --quiet --manifest-path native/fuzz/Cargo.toml --example seeds -- \
		native/fuzz/corpus
	cd native && for target in $$(cargo +nightly fuzz list); do \
		cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-verbosity=1 || exit 1; \
	done

torture: build ## the long forms of the promises, about an hour; needs strace
	$(BIN)/pytest -m torture

bench: build ## compare with the peers, about an hour; QUICK=1 for a short run
	QUICK=$(QUICK) $(BIN)/python benchmarks

lock: ## pin the newest allowed versions of every Python package into constraints.txt
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-lock/bin/python -m pip install --quiet --group build --group test --group bench \
		$$($(VENV)-lock/bin/python -c '$(DEPENDENCIES)')
	$(VENV)-lock/bin/python -m pip freeze --all | grep -v '^setuptools' > constraints.txt
	rm -rf $(VENV)-lock

clean: ## remove everything that is built
	rm -rf $(VENV) target dist server/zmey/v1 server/zmey/internal server/zmey/proto tests/generated
	find server -name '*.so' -delete
