#!/usr/bin/env bats
# doctor: what it says is so, and it leaves nothing.

load helpers

test_setup() {
    need_program jq
    export APPTAINER_TMPDIR=$TMP
}

state_of() { jq -r --arg code "$1" '[.findings[] | select(.code == $code) | .state] | first' found.json; }

@test "doctor: text and JSON tell the same, and nothing is left" {
    run "$APPTAINER" doctor
    [ "$status" -le 1 ]
    [ "$(grep -cE '^(ok|limited|missing) ' <<<"$output")" -ge 10 ]
    local n
    n=$(grep -cE '^(ok|limited|missing) ' <<<"$output")
    "$APPTAINER" doctor --json >found.json || [ $? -eq 1 ]
    [ "$(jq '.findings | length' found.json)" = "$n" ]
    [ "$(jq '[.findings[] | select(.state != "ok" and .consequence == "")] | length' found.json)" = 0 ]
    rm found.json
    [ -z "$(ls -A)" ]
}

@test "doctor: where containers start it says so, with exit status 0" {
    need_userns
    need_fuse
    "$APPTAINER" exec "$(fixture_sif)" true
    "$APPTAINER" doctor --json >found.json
    [ "$(jq -r .state found.json)" = ok ]
    [ "$(state_of USERNS)" = ok ]
    [ "$(state_of FUSE)" = ok ]
}

@test "doctor: no /dev/fuse, no user namespaces: missing, with the remedy, exit status 1" {
    need_root
    mknod fuse c 10 229
    chmod 600 fuse
    run unshare -m sh -c 'mount --bind fuse /dev/fuse && cd / && exec "$@"' sh setpriv --reuid="$TEST_USER" \
        --regid="$(id -g "$TEST_USER")" --clear-groups --inh-caps=-all env HOME=/ APPTAINER_TMPDIR=/tmp "$APPTAINER" doctor
    [ "$status" -eq 1 ]
    [[ "$output" == *"missing  FUSE"*"mode 0600"*"--unsquash"*"chmod 0666 /dev/fuse"* ]]
    local before
    before=$(cat /proc/sys/user/max_user_namespaces)
    run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$APPTAINER" doctor
    [ "$(cat /proc/sys/user/max_user_namespaces)" = "$before" ]
    [[ "$output" == *"USERNS"* ]]
}

@test "doctor: places in memory, noexec, full or forbidden" {
    need_root
    mkdir memory forbidden
    run unshare -m sh -c 'mount -t tmpfs -o size=1m,noexec none memory && APPTAINER_TMPDIR=memory exec "$@"' sh "$APPTAINER" doctor
    [[ "$output" == *"limited  PLACE"*"temporary directory: memory: tmpfs"*"noexec"*"APPTAINER_TMPDIR"* ]]
    chmod 755 "$TMP"
    run env APPTAINER_TMPDIR="$TMP/absent/below" "$APPTAINER" doctor
    [[ "$output" == *"temporary directory: $TMP/absent/below: "*"GiB free"* ]]
}

@test "doctor: killed at any moment it leaves nothing that the next does not sweep" {
    local i pid
    for i in 1 2 3 4 5 6; do
        "$APPTAINER" doctor >/dev/null 2>&1 &
        pid=$!
        sleep "0.00$i"
        kill -KILL $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    sleep 0.2
    "$APPTAINER" doctor >/dev/null || [ $? -eq 1 ]
    [ -z "$(ls -A)" ]
    ! pgrep -u "$(id -u)" -f "$APPTAINER doctor"
}

@test "doctor: takes no arguments" {
    run "$APPTAINER" doctor now
    [ "$status" -eq 1 ]
    run "$APPTAINER" doctor --help
    [ "$status" -eq 0 ]
    [[ "$output" == *"--json"* ]]
}
