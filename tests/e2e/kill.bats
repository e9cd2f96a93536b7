#!/usr/bin/env bats
# SIGKILL of any one process at any moment leaves nothing: no mount, process, loop device, temporary file, half-written target.

load helpers

ROUNDS=${KILL_ROUNDS:-25}

random_pause() { # up to $1 milliseconds
    sleep "$(printf '0.%03d' $((RANDOM % $1)))"
}

@test "a build killed at random points leaves no file, or a whole one, and the next build sweeps" {
    local sandbox i
    sandbox=$(fixture_sandbox)
    mkdir out
    for i in $(seq "$ROUNDS"); do
        setsid "$APPTAINER" build --force out/t.sif "$sandbox" >/dev/null 2>&1 &
        local pid=$!
        random_pause 150
        kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
        if [ -e out/t.sif ]; then
            "$APPTAINER" sif list out/t.sif >/dev/null # whole
        fi
    done
    "$APPTAINER" build --force out/t.sif "$sandbox"
    [ "$(ls -A out)" = t.sif ]
}

@test "a sandbox build killed at random points: the next build sweeps what was left" {
    local image i
    image=$(fixture_sif)
    mkdir out
    for i in $(seq "$((ROUNDS / 2))"); do
        setsid "$APPTAINER" build --force --sandbox out/box "$image" >/dev/null 2>&1 &
        local pid=$!
        random_pause 120
        kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    "$APPTAINER" build --force --sandbox out/box "$image"
    [ "$(ls -A out)" = box ]
    [ -x out/box/bin/busybox ]
}

@test "a start killed at random points leaves nothing, and the next start works" {
    need_userns
    need_fuse
    local image i
    image=$(fixture_sif)
    for i in $(seq "$ROUNDS"); do
        APPTAINER_IMAGE_LINGER=1 setsid "$APPTAINER" exec "$image" sleep 0.2 >/dev/null 2>&1 &
        local pid=$!
        random_pause 40
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    run "$APPTAINER" exec "$image" echo alive
    [ "$status" -eq 0 ]
    [[ "$output" == *alive ]]
    assert_nothing_left
    eventually no_server
}

@test "a start with --pid killed at random points takes its container with it" {
    need_userns
    need_fuse
    local image i
    image=$(fixture_sif)
    for i in $(seq "$((ROUNDS / 2))"); do
        APPTAINER_IMAGE_LINGER=1 setsid "$APPTAINER" exec --pid "$image" sleep 4711 >/dev/null 2>&1 &
        local pid=$!
        random_pause 60
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    no_sleeper() { ! pgrep -u "$(id -u)" -f 'sleep 4711' >/dev/null; }
    eventually no_sleeper
    assert_nothing_left
    eventually no_server
}

@test "a killed image server: running programs get errors, never a hang, and the next start works" {
    need_user
    need_userns
    need_fuse
    local image i
    image=$(fixture_sif)
    for i in $(seq "$((ROUNDS / 3))"); do
        timeout 60 "$APPTAINER" exec "$image" sh -c 'i=0; while [ $i -lt 5 ]; do ls -R / >/dev/null 2>&1; i=$((i+1)); done' >/dev/null 2>&1 &
        local pid=$!
        random_pause 100
        pkill -KILL -u "$(id -u)" -x imagefs || true
        local code=0
        wait "$pid" || code=$?
        [ "$code" -ne 124 ] # no hang
        run timeout 60 "$APPTAINER" exec "$image" true
        [ "$status" -eq 0 ]
    done
    assert_nothing_left
    pkill -KILL -u "$(id -u)" -x imagefs || true
}
