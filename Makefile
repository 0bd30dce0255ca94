SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

export CARGO_BUILD_JOBS ?= $(shell nproc)
export CARGO_TERM_COLOR ?= auto

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Every target builds the whole workspace or the demo's packages. Both use one set of features for
# third-party crates (scripts/one-build.sh), so that these are compiled once.
ALL := --workspace --all-targets
TEST := $(if $(shell command -v cargo-nextest),cargo nextest run --workspace,cargo test --workspace)

DEMO := -p tilefleet-producer -p tilefleet-worker -p tilefleet-scenes -p tilefleet-tests

.PHONY: help setup build demo dist bench load test fmt lint unit doc e2e real terraform image image-check deny clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 13

setup: ## install GDAL, Python and the local AWS endpoint if they are missing
	@scripts/setup.sh

build: setup ## build everything for development
	cargo build $(ALL)

# The tests leave binaries with fault points in the same directory. This build puts those without
# in their place, and the check comes right after it.
demo: setup ## run a whole fleet on this machine: SCENE_SIZE=10980 SCENES=DIR WORKERS=N AGAIN=1 KEEP=1
	cargo build --bins $(DEMO)
	@scripts/no-faults.sh $(TARGET)/debug/producer $(TARGET)/debug/worker
	@exec $(TARGET)/debug/demo \
		$(if $(SCENES),--scenes "$(SCENES)") $(if $(SCENE_SIZE),--scene-size $(SCENE_SIZE)) \
		$(if $(WORKERS),--workers $(WORKERS)) $(if $(AGAIN),--again) $(if $(KEEP),--keep)

dist: setup ## pack producer, worker and documentation into target/dist/tilefleet-VERSION-ARCH.tar.gz
	cargo build --release --locked --bins -p tilefleet-producer -p tilefleet-worker
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	@scripts/dist.sh

bench: setup ## compare a cell with GDAL, rio-cogeo and the walk-through: ROUNDS=5 ONLY=cell,ndvi
	@scripts/bench-tools.sh
	cargo build --release --bins -p tilefleet-producer -p tilefleet-worker -p tilefleet-bench
	cargo build --release --example decode -p tilefleet-jpeg2000
	$(TARGET)/release/bench compare --docs docs $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))
	$(if $(ONLY),,$(TARGET)/release/bench queue --docs docs)

load: setup ## measure the fleet's own cost with tasks of 1,000 to 100,000 cells: CELLS=1000,10000 WORKERS=2
	cargo build --release --bins $(DEMO) -p tilefleet-bench
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	$(TARGET)/release/bench load --docs docs $(if $(CELLS),--cells $(CELLS)) $(if $(WORKERS),--workers $(WORKERS))

test: setup fmt lint unit doc e2e ## run every check that needs no external data: fmt, lint, unit, doc, e2e

fmt: ## check the formatting
	cargo fmt --all --check

lint: setup ## run clippy with warnings as errors; demo and tests share one build of dependencies
	cargo clippy $(ALL) -- -D warnings
	@scripts/one-build.sh

unit: setup ## run the unit tests, and check the structure of the source tree
	$(TEST) --lib --bins --test structure

doc: setup ## build the API documentation with warnings as errors, and run its examples
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	cargo test --workspace --doc

e2e: build ## run the integration and end-to-end tests against a local AWS endpoint
	@rm -rf $(TARGET)/e2e
	$(TEST) --test '*'

real: build ## run the fleet over real scenes: TILEFLEET_REAL_SCENES=DIR
	@test -d "$${TILEFLEET_REAL_SCENES:?must name the directory of the scenes}"
	$(TEST) --test '*' $(if $(findstring nextest,$(TEST)),--run-ignored only real_,-- --ignored real_)

terraform: ## check terraform/ without a cloud account: TERRAFORM_LANES=DIR
	@scripts/terraform-check.sh

image: ## build the worker image: IMAGE=NAME BUILDER=BASE
	@scripts/image.sh

image-check: setup image ## run the worker image against a local AWS endpoint
	cargo build --release --bins $(DEMO)
	@scripts/no-faults.sh $(TARGET)/release/producer $(TARGET)/release/worker
	@scripts/image-check.sh

deny: ## check licences and advisories of all dependencies
	@scripts/deny.sh

clean: ## remove the build output and the demo's output
	cargo clean
	rm -rf demo-output
