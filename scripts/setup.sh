#!/usr/bin/env bash
# Installs what `make demo` and `make test` need and the machine lacks: Debian or Ubuntu packages through apt, and a Rust toolchain through
# rustup where that can be reached. Says what it does; changes nothing else on the system.
set -euo pipefail
purpose=${1:-demo}

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
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: missing: ${packages[*]} (names of Debian packages). This script installs them on Debian and Ubuntu only; install them and run it again." >&2
    exit 1
  fi
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "setup: installing ${packages[*]} through apt"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null 2>&1; then
  if [ -x "$HOME/.cargo/bin/cargo" ]; then
    echo "setup: Rust is in $HOME/.cargo/bin, which is not on PATH: run '. $HOME/.cargo/env' and then make again." >&2
    exit 1
  fi
  if command -v curl >/dev/null 2>&1 && curl --proto '=https' --tlsv1.2 -sSf --max-time 20 https://sh.rustup.rs -o /tmp/rustup-init.sh 2>/dev/null; then
    echo "setup: installing Rust through rustup into $HOME/.cargo"
    sh /tmp/rustup-init.sh -y --profile minimal -c rustfmt -c clippy
    echo "setup: Rust is installed: run '. $HOME/.cargo/env' and then make again." >&2
  else
    echo "setup: there is no Rust toolchain (cargo) and rustup cannot be reached. Install Rust 1.95 or newer from https://rustup.rs and run this again." >&2
  fi
  exit 1
fi
