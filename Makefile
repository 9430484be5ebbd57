# The two commands of the README are `make demo` and `make test`; the rest is for daily work.
PROFILE := --profile ci
BIN     := target/ci/groundwork

.PHONY: demo test check fix bench run build setup-demo setup-test

demo: setup-demo build
	$(BIN) demo examples

test: setup-test
	scripts/test.sh

build:
	cargo build $(PROFILE) --locked --workspace

check:
	cargo fmt --all --check
	cargo fmt --manifest-path bench/Cargo.toml --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy $(PROFILE) --locked --workspace --all-targets -- -D warnings

fix:
	cargo fmt --all
	cargo fmt --manifest-path bench/Cargo.toml
	cargo fmt --manifest-path fuzz/Cargo.toml
	cargo clippy $(PROFILE) --workspace --all-targets --fix --allow-dirty --allow-staged

# Wants a machine with nothing else to do. The first run makes a corpus of 100,000 chunks, which takes some minutes.
bench:
	cargo build --release --locked --workspace --bins
	cd bench && cargo build --release --locked --bins
	cd bench && taskset -c 0 target/release/search
	cd bench && taskset -c 0 target/release/filter
	cd bench && target/release/footprint ../target/release/groundwork target/search-corpus/100000
	cd bench && target/release/overhead ../target/release/groundwork

run: build
	$(BIN) serve

setup-demo setup-test: setup-%:
	@scripts/setup.sh $*
