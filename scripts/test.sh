#!/usr/bin/env bash
# All tests: format, lints, the Rust tests, and the real binary against the official clients and the example corpus. Everything is built
# with --workspace, so that nothing is built twice with other features.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$1"; }

step "format"
cargo fmt --all --check
cargo fmt --manifest-path bench/Cargo.toml --check
cargo fmt --manifest-path fuzz/Cargo.toml --check

step "Rust tests"
cargo test --profile ci --locked --workspace

step "lints"
cargo clippy --profile ci --locked --workspace --all-targets -- -D warnings

step "benchmarks and fuzz targets still fit"
cargo check --locked --manifest-path bench/Cargo.toml --target-dir target/aside
cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir target/aside --no-default-features

step "the main job on examples/"
cargo build --profile ci --locked --workspace
target/ci/groundwork demo examples </dev/null

step "official clients against the binary, and the figures of the example corpus"
clients=$PWD/target/clients
if ! cmp -s tests/clients/requirements.txt "$clients/installed.txt"; then
  python3 -m venv --clear "$clients"
  "$clients/bin/pip" install -q --disable-pip-version-check -r tests/clients/requirements.txt
  cp tests/clients/requirements.txt "$clients/installed.txt"
fi
# Node and npm are a Python package too, pinned: the same on every machine, and nothing of them on the system.
export PATH=$clients/bin:$PATH
npm ci --prefix tests/clients/node --no-audit --no-fund --loglevel=error
pytest -q tests/clients tests/quality
