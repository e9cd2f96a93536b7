#!/bin/bash
# Builds the fuzz targets with libFuzzer and sanitizers and runs each for some seconds over its kept corpus.
#   tools/fuzz.sh BUILD_DIRECTORY SECONDS [TARGET...]
set -euo pipefail
build=$1 seconds=$2
shift 2
top=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -e "$build/build.ninja" ]; then
    # without fuzzer-no-link the code under test would not steer the fuzzer
    CC=clang meson setup "$build" "$top" -Dfuzz=true -Dc_args=-fsanitize=fuzzer-no-link -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
fi
ninja -C "$build" >/dev/null
if [ $# -eq 0 ]; then
    mapfile -t targets < <(find "$build/tests" -maxdepth 1 -name '*_fuzz' -type f | sort)
else
    targets=("${@/#/$build/tests/}")
fi
bad=0
for target in "${targets[@]}"; do
    name=$(basename "$target")
    found=$(mktemp -d)
    echo "== $name, $seconds s"
    if ! "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$build/" \
        "$found" "$top/tests/fuzz/$name" >"$build/$name.log" 2>&1; then
        bad=1
        tail -n 40 "$build/$name.log"
        echo "FAILED: $name"
    else
        grep -E 'number_of_executed_units' "$build/$name.log"
    fi
    rm -rf "$found"
done
exit $bad
