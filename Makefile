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
	cargo clippy $(PROFILE) --locked --workspace --all-targets -- -D warnings

fix:
	cargo fmt --all
	cargo clippy $(PROFILE) --workspace --all-targets --fix --allow-dirty --allow-staged

bench:
	cd bench && cargo run --release -- $(ARGS)

run: build
	$(BIN) serve

setup-demo setup-test: setup-%:
	@scripts/setup.sh $*
