#!/usr/bin/env bash
# Runs the tests of groundwork-scan as an ARM processor would, so that its NEON kernel is compiled and compared with the plain loop: with
# Debian 12's own Rust, cross linker and emulator, unpacked into target/arm (about 230 MB are fetched). Nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD/target/arm
root=$here/root
target=aarch64-unknown-linux-gnu
mkdir -p "$here"/{lists,cache/archives,debs}/partial

apt=(-qq -o "Dir::State::Lists=$here/lists" -o "Dir::Cache=$here/cache" -o APT::Sandbox::User=root
  -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
if [ ! -x "$root/usr/bin/rustc" ]; then
  echo "test-arm: fetching Debian's Rust for two architectures, a linker and an emulator"
  apt-get "${apt[@]}" update
  rust=$(apt-cache "${apt[@]}" depends rustc-web:amd64 libstd-rust-web-dev:amd64 | sed -n 's/^ *Depends: \(libstd-rust-web-[0-9.]*\)$/\1/p' | head -n 1)
  llvm=$(apt-cache "${apt[@]}" depends "$rust:amd64" | sed -n 's/^ *Depends: \(libllvm[0-9]*\)$/\1/p' | head -n 1)
  (cd "$here/debs" && apt-get "${apt[@]}" download rustc-web:amd64 "$rust:amd64" "$llvm:amd64" libstd-rust-web-dev:{amd64,arm64} \
    qemu-user-static:amd64 gcc-12-aarch64-linux-gnu:amd64 binutils-aarch64-linux-gnu:amd64 \
    libgcc-12-dev-arm64-cross libc6-dev-arm64-cross libc6-arm64-cross libgcc-s1-arm64-cross)
  for package in "$here"/debs/*.deb; do dpkg -x "$package" "$root"; done
fi

cat >"$here/rustc" <<END
#!/bin/sh
exec env LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib $root/usr/bin/rustc "\$@"
END
cat >"$here/aarch64-cc" <<END
#!/bin/sh
exec env LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu $root/usr/bin/aarch64-linux-gnu-gcc-12 --sysroot=$root \
  -B$root/usr/bin/aarch64-linux-gnu- -B$root/usr/aarch64-linux-gnu/lib -L$root/usr/aarch64-linux-gnu/lib \
  -Wl,-rpath-link,$root/usr/aarch64-linux-gnu/lib "\$@"
END
chmod +x "$here/rustc" "$here/aarch64-cc"

export RUSTC=$here/rustc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$here/aarch64-cc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$root/usr/bin/qemu-aarch64-static -L $root/usr/aarch64-linux-gnu"
cargo test --profile ci --locked --lib -p groundwork-scan --target "$target" --target-dir "$here/build"
