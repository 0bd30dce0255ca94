SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

export CARGO_BUILD_JOBS ?= $(shell nproc)
export CARGO_TERM_COLOR ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),target)
# All of the workspace in one go, so that every target below finds the same dependencies built with the same features.
ALL := --workspace --all-targets
TEST := $(if $(shell command -v cargo-nextest),cargo nextest run --workspace,cargo test --workspace)

.PHONY: help setup build demo bench load test fmt lint unit doc e2e real terraform image image-check deny clean

help: ## what there is to make
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 13

setup: ## install GDAL, Python and the local AWS endpoint, where they are missing
	@scripts/setup.sh

build: setup ## build everything for development
	cargo build $(ALL)

demo: setup ## run a whole fleet here: SCENE_SIZE=10980 SCENES=DIR WORKERS=N AGAIN=1 KEEP=1
	cargo build --release --bins -p tilefleet-producer -p tilefleet-worker -p tilefleet-scenes -p tilefleet-tests
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	@exec $(TARGET)/release/demo \
		$(if $(SCENES),--scenes "$(SCENES)") $(if $(SCENE_SIZE),--scene-size $(SCENE_SIZE)) \
		$(if $(WORKERS),--workers $(WORKERS)) $(if $(AGAIN),--again) $(if $(KEEP),--keep)

bench: setup ## time a cell against GDAL, rio-cogeo and the walk-through: ROUNDS=5 ONLY=cell,decode
	@scripts/bench-tools.sh
	cargo build --release --bins -p tilefleet-producer -p tilefleet-worker -p tilefleet-bench
	cargo build --release --example decode -p tilefleet-jpeg2000
	$(TARGET)/release/bench compare --docs docs $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))
	$(if $(ONLY),,$(TARGET)/release/bench queue --docs docs)

load: setup ## tasks of 1,000 to 100,000 cells that cost nothing but the fleet: CELLS=1000,10000 WORKERS=2
	cargo build --release --bins -p tilefleet-producer -p tilefleet-worker -p tilefleet-bench -p tilefleet-scenes -p tilefleet-tests
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	$(TARGET)/release/bench load --docs docs $(if $(CELLS),--cells $(CELLS)) $(if $(WORKERS),--workers $(WORKERS))

test: setup fmt lint unit doc e2e ## everything below that needs no data from elsewhere

fmt: ## check the formatting
	cargo fmt --all --check

lint: setup ## clippy, with warnings as errors; demo and tests share one build of dependencies
	cargo clippy $(ALL) -- -D warnings
	@scripts/one-build.sh

unit: setup ## unit tests, and the structure of the source tree
	$(TEST) --lib --bins --test structure

doc: setup ## documentation and its tests, with warnings as errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo test --workspace --doc

e2e: build ## the built binaries against a local AWS endpoint
	@rm -rf $(TARGET)/e2e
	$(TEST) --test '*'

real: build ## the fleet over real scenes: TILEFLEET_REAL_SCENES=DIR
	@test -d "$${TILEFLEET_REAL_SCENES:?names the directory of the scenes}"
	$(TEST) --test '*' $(if $(findstring nextest,$(TEST)),--run-ignored only real_,-- --ignored real_)

terraform: ## terraform/, as far as that goes without a cloud: TERRAFORM_LANES=DIR
	@scripts/terraform-check.sh

image: ## build the worker's image: IMAGE=NAME BUILDER=BASE
	@scripts/image.sh

image-check: setup image ## run the image against a local AWS endpoint, as the fleet does
	cargo build --release --bins -p tilefleet-producer -p tilefleet-worker -p tilefleet-scenes -p tilefleet-tests
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	@scripts/image-check.sh

deny: ## licences and advisories of all dependencies
	@scripts/deny.sh

clean: ## remove what was built and what the demo left
	cargo clean
	rm -rf demo-output
