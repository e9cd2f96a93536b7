#!/bin/bash
# Everything that reads the code without running it.
#   tools/lint.sh BUILD_DIRECTORY
set -uo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.." || exit 1
bad=0
mapfile -t sources < <(git ls-files 'src/*.c' 'tests/*.c')
mapfile -t all < <(git ls-files '*.[ch]')

echo "== clang-format"
clang-format --dry-run --Werror "${all[@]}" || bad=1

echo "== arrows point down"
tools/check-floors.sh || bad=1

echo "== shellcheck"
mapfile -t scripts < <(git ls-files '*.sh' '.ci/run' ':!src/image/scripts')
shellcheck -S warning "${scripts[@]}" || bad=1

echo "== cppcheck"
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem --suppressions-list=tools/cppcheck-suppressions -D_GNU_SOURCE \
    -Isrc -I"$build" -j 2 src tests || bad=1

echo "== clang-tidy"
printf '%s\n' "${sources[@]}" | xargs -P 2 -n 8 clang-tidy --quiet -p "$build" --warnings-as-errors='*' 2>/dev/null || bad=1
exit $bad
