#!/bin/bash
# Runs every test and ends with "N passed, N failed" (and ", N skipped").  Called by `make check`; as root the end-to-end and
# interop suites run both as root and as the unprivileged test user.
#
#   tests/run.sh BUILD_DIRECTORY [bats file...]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
export TEST_USER=${TEST_USER:-apptainer-test}
passed=0 failed=0 skipped=0
failures=()

stage=$(mktemp -d "${TMPDIR:-/tmp}/apptainer-check.XXXXXX")
trap 'chmod -R u+rwX "$stage" 2>/dev/null; rm -rf "$stage"' EXIT
chmod 755 "$stage"

count_tap() { # reads TAP on standard input, counts, prints failures and skips; a suite that ended early has failed
    local line planned=none results=0
    while IFS= read -r line; do
        case $line in
        "ok "* | "not ok "*) results=$((results + 1)) ;;
        esac
        case $line in
        1..*) planned=${line#1..} ;;
        "ok "*"# skip"*) skipped=$((skipped + 1)); echo "  skipped: ${line#ok }" ;;
        "ok "*) [ -z "${TEST_VERBOSE:-}" ] || echo "  $line"; passed=$((passed + 1)) ;;
        "not ok "*) failed=$((failed + 1)); failures+=("$1: ${line#not ok }"); echo "  FAILED: $1: ${line#not ok }" ;;
        "# "*) echo "    ${line}" ;;
        esac
    done
    if [ "$planned" != "$results" ]; then
        failed=$((failed + 1))
        failures+=("$1: $results results of $planned")
        echo "  FAILED: $1: $results results of $planned"
    fi
}

run_units() {
    local name result
    echo "== unit tests and fuzz corpora =="
    meson test -C "$build" --no-rebuild --print-errorlogs >"$stage/meson.log" 2>&1 || true
    while read -r name result; do
        case $result in
        OK) passed=$((passed + 1)) ;;
        SKIP) skipped=$((skipped + 1)); echo "  skipped: $name" ;;
        *) failed=$((failed + 1)); failures+=("$name: $result"); echo "  FAILED: $name: $result" ;;
        esac
    done < <(sed -nE 's/^ *[0-9]+\/[0-9]+ +(.* \/ )?([a-zA-Z0-9_.-]+) +(OK|FAIL|TIMEOUT|SKIP|ERROR)\b.*/\2 \3/p' "$stage/meson.log")
    if grep -qE '(FAIL|TIMEOUT|ERROR) ' "$stage/meson.log"; then sed -n '/^Summary of Failures/,$p' "$stage/meson.log"; fi
}

run_bats() { # WHO FILE...
    local who=$1 file fixtures
    shift
    fixtures=$stage/fixtures-$who
    mkdir -p "$fixtures" "$stage/tmp-$who"
    [ "$who" != user ] || chown "$TEST_USER" "$fixtures" "$stage/tmp-$who" 2>/dev/null
    chmod 755 "$fixtures"
    chmod 1777 "$stage/tmp-$who"
    for file; do
        echo "== ${file#"$stage"/} as $who =="
        local command=(env APPTAINER="$stage/usr/local/bin/apptainer" FIXTURES="$fixtures" TOOLS="$stage/tools"
            TMPDIR="$stage/tmp-$who" APPTAINER_PEER="${APPTAINER_PEER:-}" bats --tap "$file")
        if [ "$who" = user ] && [ "$(id -u)" = 0 ]; then
            command=(setpriv --reuid="$TEST_USER" --regid="$(id -g "$TEST_USER")" --init-groups --inh-caps=-all
                env -u XDG_RUNTIME_DIR HOME="$(getent passwd "$TEST_USER" | cut -d: -f6)" USER="$TEST_USER"
                LOGNAME="$TEST_USER" "${command[@]}")
        fi
        count_tap "$(basename "$file") as $who" < <(cd "$stage" && "${command[@]}" </dev/null 2>&1)
    done
}

DESTDIR=$stage meson install -C "$build" --no-rebuild >"$stage/install.log" 2>&1 || { cat "$stage/install.log"; exit 1; }
cp -r "$here/e2e" "$here/interop" "$stage/"
mkdir -p "$stage/tools"
find "$build/tests" -maxdepth 3 -type f -perm -u+x -path '*tools*' -exec cp {} "$stage/tools/" \;
[ ! -d "$build/tests/tools" ] || find "$build/tests/tools" -maxdepth 1 -type f -perm -u+x -exec cp {} "$stage/tools/" \;
cp "$here"/tools/*.sh "$stage/tools/" 2>/dev/null
chmod -R a+rX "$stage"

if [ $# -gt 0 ]; then
    files=()
    for f; do files+=("$stage/$(basename "$(dirname "$f")")/$(basename "$f")"); done
else
    run_units
    mapfile -t files < <(find "$stage/e2e" "$stage/interop" -name '*.bats' | sort)
fi
if [ ${#files[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        run_bats root "${files[@]}"
        run_bats user "${files[@]}"
    else
        run_bats user "${files[@]}"
    fi
fi
echo
if [ ${#failures[@]} -gt 0 ]; then
    echo "Failures:"
    printf '  %s\n' "${failures[@]}"
fi
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
