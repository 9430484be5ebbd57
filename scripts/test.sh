#!/usr/bin/env bash
# All tests: format, lints, the Rust tests, and the real binary against the official clients and the example corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s\n' "$1"; }

step "format"
cargo fmt --all --check

step "Rust tests"
cargo test --profile ci --locked --workspace

step "lints"
cargo clippy --profile ci --locked --workspace --all-targets -- -D warnings

step "the main job on examples/"
cargo build --profile ci --locked -p groundwork-server
target/ci/groundwork demo examples </dev/null

step "official clients against the binary"
venv=target/clients
[ -x $venv/bin/pytest ] || { python3 -m venv $venv && $venv/bin/pip install -q --disable-pip-version-check -r tests/clients/requirements.txt; }
$venv/bin/pytest -q tests/clients
