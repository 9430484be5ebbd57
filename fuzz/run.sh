#!/usr/bin/env bash
# Runs fuzz targets for some seconds each and keeps, of what they found, the smallest corpus that covers as much.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-180}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
# With a target named, the flags of .cargo/config.toml leave build scripts and macros alone.
host=$(rustc -vV | sed -n "s/^host: //p")
cargo build --release --bins --target "$host"
for target in "${targets[@]}"; do
  echo "== $target, $seconds s"
  found=$(mktemp -d)
  mkdir -p "corpus/$target" artifacts
  "target/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -artifact_prefix="artifacts/$target-" \
    -print_final_stats=1 "$found" "corpus/$target" 2>&1 | grep -E "^(==|stat::number|stat::new|SUMMARY|Done|#[0-9]+.*DONE)" || { echo "$target failed: see artifacts/" >&2; exit 1; }
  kept=$(mktemp -d)
  "target/$host/release/$target" -merge=1 "$kept" "corpus/$target" "$found" 2>/dev/null
  rm -rf "corpus/$target" "$found"
  mv "$kept" "corpus/$target"
done
