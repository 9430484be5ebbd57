#!/usr/bin/env bash
# Installs what `make demo` and `make test` need and the machine lacks: Debian or Ubuntu packages through apt, and a Rust toolchain through
# rustup where that can be reached. Says what it does; changes nothing else on the system. (`make test` keeps Node and the clients that it
# tests with in target/clients.)
set -euo pipefail
purpose=${1:-demo}
# As rust-version in Cargo.toml has it.
least=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$(dirname "$0")/../Cargo.toml")
fail() { echo "setup: $1" >&2; exit 1; }

packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
need cc gcc
need ld binutils
need python3 python3
[ -e /usr/include/stdio.h ] || packages+=(libc6-dev)
[ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates)
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
if [ "$purpose" = test ]; then
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
  need pdftotext poppler-utils
  need tesseract tesseract-ocr
fi

if [ ${#packages[@]} -gt 0 ]; then
  command -v apt-get >/dev/null 2>&1 \
    || fail "missing: ${packages[*]} (names of Debian packages). This script installs them on Debian and Ubuntu only; install them and run it again."
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "missing: ${packages[*]}, and there is no sudo. As root, run: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  echo "setup: installing ${packages[*]} through apt"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null 2>&1; then
  [ ! -x "$HOME/.cargo/bin/cargo" ] || fail "Rust is in $HOME/.cargo/bin, which is not on PATH: run '. $HOME/.cargo/env' and then make again."
  there_is_none="there is no Rust toolchain (cargo) and rustup cannot be reached. Install Rust $least or newer from https://rustup.rs and run this again."
  command -v curl >/dev/null 2>&1 || fail "$there_is_none"
  installer=$(mktemp)
  trap 'rm -f "$installer"' EXIT
  curl --proto '=https' --tlsv1.2 -sSf --max-time 20 https://sh.rustup.rs -o "$installer" 2>/dev/null || fail "$there_is_none"
  echo "setup: installing Rust through rustup into $HOME/.cargo"
  sh "$installer" -y --profile minimal -c rustfmt -c clippy
  fail "Rust is installed: run '. $HOME/.cargo/env' and then make again."
fi

have=$(rustc --version | cut -d ' ' -f 2)
oldest=$(printf '%s\n' "$least" "$have" | sort -V | head -n 1)
[ "$oldest" = "$least" ] || fail "Rust $have is older than $least: run 'rustup update', or install a newer one from https://rustup.rs."
if [ "$purpose" = test ]; then
  for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 || fail "cargo $tool is missing: run 'rustup component add rustfmt clippy'."
  done
fi
