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
# Node and npm come as a Python package too: pinned, and nothing of them on the system.
clients=$PWD/target/clients
if ! cmp -s tests/clients/requirements.txt "$clients/installed.txt"; then
  python3 -m venv --clear "$clients"
  "$clients/bin/pip" install -q --disable-pip-version-check -r tests/clients/requirements.txt
  cp tests/clients/requirements.txt "$clients/installed.txt"
fi
export PATH=$clients/bin:$PATH
npm ci --prefix tests/clients/node --no-audit --no-fund --loglevel=error
pytest -q tests/clients
