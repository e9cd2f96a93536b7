#!/usr/bin/env bats
# The image server, met through its client alone (tests/tools/imagefs_join.c): election, sharing, leases, the end.

load helpers

SERVER=$(dirname "$APPTAINER")/../libexec/apptainer/imagefs

test_setup() {
    need_userns
    need_fuse
    IMAGE=$TMP/image.sqfs
    cp "$(fixture_squashfs)" "$IMAGE"
    mkdir "$TMP/at"
}

teardown() {
    if [ -n "${SLEEPERS:-}" ]; then kill -KILL $SLEEPERS 2>/dev/null || true; fi
    local pid
    for pid in $(servers_of "$IMAGE"); do kill -KILL "$pid"; done
}

# join [-l LINGER] [-k] ... -- PROGRAM: runs it with $IMAGE on $TMP/at.
join() {
    local options=()
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    "$TOOLS/imagefs_join" "${options[@]}" "$SERVER" "$IMAGE" "$TMP/at" "$@"
}

# Process ids of the servers of an image; the dead that init has not buried are not meant.
servers_of() {
    local pid
    for pid in $(pgrep -x imagefs || true); do
        if grep -qa "$1" "/proc/$pid/cmdline" 2>/dev/null; then echo "$pid"; fi
    done
}

one_server() { [ "$(servers_of "$IMAGE" | wc -l)" = 1 ]; }
no_server_here() { [ -z "$(servers_of "$IMAGE")" ]; }
no_socket() { ! grep -q "@imagefs[0-9]*-$(printf '%s' "$(base36 "$(id -u)")")-" /proc/net/unix || [ -n "$(pgrep -u "$(id -u)" -x imagefs)" ]; }
base36() { python3 -c 'import sys; n=int(sys.argv[1]); d="0123456789abcdefghijklmnopqrstuvwxyz"; s=""
while True:
    s=d[n%36]+s; n//=36
    if not n: break
print(s)' "$1"; }

# A container that waits; its process id goes to $LAST and is killed at the end.
join_sleeper() {
    "$TOOLS/imagefs_join" "$@" "$SERVER" "$IMAGE" "$TMP/at" sleep 1000 &
    LAST=$!
    SLEEPERS="${SLEEPERS:-} $LAST"
}

# A container that runs shell code with the mount as $0 once $TMP/go is there; the result is in $TMP/result.
join_later() { # CODE OPTION...
    local code=$1
    shift
    "$TOOLS/imagefs_join" "$@" "$SERVER" "$IMAGE" "$TMP/at" sh -c "touch up; while [ ! -e go ]; do sleep 0.05; done; ($code) >result.new 2>&1; mv result.new result" "$TMP/at" &
    LAST=$!
    SLEEPERS="${SLEEPERS:-} $LAST"
    eventually test -e up
}

later() {
    touch go
    eventually test -e result
    cat result
}

container_up() { [ "$(cat "/proc/$1/comm")" = sleep ]; }

# A directory that other users can reach.
public_directory() {
    PUBLIC=$(mktemp -d "$FIXTURES/public.XXXXXX")
    chmod 755 "$PUBLIC"
    cp "$IMAGE" "$PUBLIC/image.sqfs"
    IMAGE=$PUBLIC/image.sqfs
    chmod 644 "$IMAGE"
    mkdir "$PUBLIC/at"
}

@test "a start reads from the image what is in it" {
    run join -- diff -r --no-dereference "$TMP/at" "$(fixture_sandbox)"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    run join -- sh -c 'readlink "$0/bin/ls"; stat -c "%a %F %u" "$0/tmp" "$0/bin/busybox"; ls "$0/absent"' "$TMP/at"
    [[ "$output" == *busybox* ]]
    [[ "$output" == *"1777 directory $(id -u)"* ]]
    [[ "$output" == *"No such file"* ]]
}

@test "files read in parts, in parallel and at random are what they are" {
    local sums sum
    mkdir tree
    head -c 3000000 /dev/urandom >tree/random
    yes 'a line of text' | head -c 5000000 >tree/text
    { head -c 300000 tree/text; head -c 400000 /dev/zero; head -c 10 tree/random; } >tree/sparse
    for i in $(seq 200); do head -c $((i * 13)) tree/random >"tree/small$i"; done
    rm "$IMAGE"
    mksquashfs tree "$IMAGE" -quiet -no-progress -comp zstd -b 64K
    sums=$(cd tree && md5sum -- * | sort)
    sum=$(join -- sh -c 'cd "$0" && md5sum -- * | sort' "$TMP/at")
    [ "$sum" = "$sums" ]
    # four at the same time over a server with nothing in its caches
    run join -l 1 -- sh -c 'cd "$0" && for i in 1 2 3 4; do (md5sum -- * | sort | md5sum) & done; wait' "$TMP/at"
    [ "$(sort -u <<<"$output" | wc -l)" = 1 ]
    [ "${lines[0]}" = "$(md5sum <<<"$sums")" ]
    # odd offsets
    run join -- sh -c 'for at in 1 65535 65536 131071 299999 2999990; do dd if="$0/random" bs=1 skip=$at count=9 2>/dev/null | od -An -tx1; done' "$TMP/at"
    [ "$output" = "$(for at in 1 65535 65536 131071 299999 2999990; do dd if=tree/random bs=1 skip=$at count=9 2>/dev/null | od -An -tx1; done)" ]
}

@test "a directory of 20,000 entries lists completely, also by small steps" {
    mkdir tree
    (cd tree && seq -f 'entry-%05g' 20000 | xargs touch)
    rm "$IMAGE"
    mksquashfs tree "$IMAGE" -quiet -no-progress
    run join -- sh -c 'ls "$0" | md5sum; ls -l "$0" | wc -l; ls "$0/entry-19999" "$0/entry-00001" >/dev/null && echo found' "$TMP/at"
    [ "${lines[0]}" = "$(ls tree | md5sum)" ]
    [ "${lines[1]}" = 20001 ]
    [ "${lines[2]}" = found ]
}

@test "64 starts at once share one server, and it goes with the last" {
    local i devices
    mkdir devices
    for i in $(seq 64); do
        join -l 1 -- sh -c 'cat "$0/bin/busybox" >/dev/null && stat -c %d "$0" >"$1"' "$TMP/at" "devices/$i" &
    done
    wait
    [ "$(ls devices | wc -l)" = 64 ]
    [ "$(cat devices/* | sort -u | wc -l)" = 1 ]
    eventually no_server_here
    assert_nothing_left
}

@test "the first start exits at once and the second goes on with the same server" {
    join -l 5 -- true
    local pid
    pid=$(servers_of "$IMAGE")
    [ -n "$pid" ]
    join_sleeper -l 5
    join -l 0 -- cmp "$TMP/at/bin/busybox" "$(fixture_sandbox)/bin/busybox"
    [ "$(servers_of "$IMAGE")" = "$pid" ]
    kill -KILL "$LAST"
}

@test "linger time 0: the server ends with its last container, whatever kills that" {
    join_sleeper
    eventually one_server
    eventually container_up "$LAST"
    sleep 0.3
    one_server
    kill -KILL "$LAST"
    eventually no_server_here
    assert_nothing_left
    no_socket
}

@test "the linger time starts when the last container has ended" {
    local start
    join -l 2 -- sleep 1
    start=$(date +%s%N)
    one_server
    eventually no_server_here
    [ $(($(date +%s%N) - start)) -gt 1500000000 ]
    [ $(($(date +%s%N) - start)) -lt 4000000000 ]
}

@test "a container of several processes keeps the server until the last of them" {
    join -- sh -c 'sleep 2 & exit 0'
    one_server
    eventually no_server_here
}

@test "an open connection is a lease too" {
    join -k -- sleep 1
    eventually no_server_here
}

@test "the server keeps nothing of its starter: descriptors, directory, environment, session" {
    local pid output start
    start=$SECONDS
    output=$(cd "$TMP" && SECRET=1 join -l 20 -- echo done)
    [ "$output" = done ] # and it does not wait for the end of the server, which would hold the pipe
    [ $((SECONDS - start)) -lt 10 ]
    pid=$(servers_of "$IMAGE")
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    [ "$(tr -d '\0' <"/proc/$pid/environ" | wc -c)" = 0 ]
    [ "$(ps -o sid= -p "$pid" | tr -d ' ')" = "$pid" ]
    for fd in 0 1 2; do [ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ]; done
    run ls -l "/proc/$pid/fd"
    [[ "$output" != *"$TMP/at"* ]]
    ! grep -q "$TMP" "/proc/$pid/mountinfo"
}

@test "SIGKILL of the server at random moments: errors but no hang, and the next start works" {
    local i pid
    for i in $(seq "${KILL_ROUNDS:-12}"); do
        timeout 20 "$TOOLS/imagefs_join" -l 5 "$SERVER" "$IMAGE" "$TMP/at" sh -c \
            'for i in $(seq 8); do find "$0" >/dev/null 2>&1; md5sum "$0/bin/busybox" >/dev/null 2>&1; done' "$TMP/at" &
        pid=$!
        sleep "0.$(printf '%03d' $((RANDOM % 60)))"
        for server in $(servers_of "$IMAGE"); do kill -KILL "$server" || true; done
        local code=0
        wait "$pid" || code=$?
        [ "$code" -ne 124 ]
        run timeout 20 "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$TMP/at" test -x "$TMP/at/bin/busybox"
        [ "$status" -eq 0 ]
    done
    eventually no_server_here
    assert_nothing_left
}

@test "16 starts race while servers are killed: all end, and at last one works" {
    local i round pids
    for round in 1 2 3; do
        pids=()
        for i in $(seq 16); do
            timeout 30 "$TOOLS/imagefs_join" -l 1 "$SERVER" "$IMAGE" "$TMP/at" true 2>/dev/null &
            pids+=($!)
        done
        for i in 1 2 3; do
            sleep 0.01
            for server in $(servers_of "$IMAGE"); do kill -KILL "$server" || true; done
        done
        for i in "${pids[@]}"; do
            local code=0
            wait "$i" || code=$?
            [ "$code" -ne 124 ]
        done
    done
    join -- true
}

@test "SIGTERM: running containers keep their files, new starts get a new server" {
    local first
    join_later 'cmp "$0/bin/busybox" '"$(fixture_sandbox)"'/bin/busybox && echo same' -l 100
    first=$(servers_of "$IMAGE")
    kill -TERM "$first"
    sleep 0.2
    [ -e "/proc/$first" ]
    join -- true
    [ -e "/proc/$first" ]
    [ "$(later)" = same ]
    eventually no_server_here
}

@test "an image replaced by rename: old containers keep the old, new starts see the new" {
    mkdir tree
    echo old >tree/version
    mksquashfs tree old.sqfs -quiet -no-progress
    echo new >tree/version
    mksquashfs tree new.sqfs -quiet -no-progress
    mv old.sqfs "$IMAGE"
    join_later 'cat "$0/version"' -l 5
    mv new.sqfs "$IMAGE"
    [ "$(join -- cat "$TMP/at/version")" = new ]
    [ "$(later)" = old ]
}

@test "an image changed in place is another image" {
    mkdir tree
    echo old >tree/version
    mksquashfs tree "$IMAGE" -quiet -no-progress -noappend
    [ "$(join -l 5 -- cat "$TMP/at/version")" = old ]
    echo new >tree/version
    mksquashfs tree new.sqfs -quiet -no-progress
    cat new.sqfs >"$IMAGE"
    touch -r new.sqfs "$IMAGE"
    [ "$(join -l 5 -- cat "$TMP/at/version")" = new ]
}

@test "an image that was removed serves on" {
    join_later 'cmp "$0/bin/busybox" '"$(fixture_sandbox)"'/bin/busybox && echo same' -l 5
    rm "$IMAGE"
    [ "$(later)" = same ]
}

@test "a name that another user sits on costs the sharing only" {
    need_root
    local name sitter
    public_directory
    as_test_user "$TOOLS/imagefs_join" -l 5 "$SERVER" "$IMAGE" "$PUBLIC/at" true
    name=$(grep -o '@imagefs[0-9]-[^ ]*' /proc/net/unix | grep -e "-$(base36 "$(id -u "$TEST_USER")")-.*-$(base36 "$(stat -c %i "$IMAGE")")-" | sort -u)
    [ "$(wc -l <<<"$name")" = 1 ]
    for pid in $(servers_of "$IMAGE"); do kill -KILL "$pid"; done
    eventually no_server_here
    python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\0" + sys.argv[1][1:])
s.listen(100)
print("sitting", flush=True)
time.sleep(60)' "$name" >sitting &
    sitter=$!
    SLEEPERS="${SLEEPERS:-} $sitter"
    sitting() { grep -q sitting sitting; }
    eventually sitting
    run as_test_user timeout 20 "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$PUBLIC/at" test -x "$PUBLIC/at/bin/busybox"
    [ "$status" -eq 0 ]
    eventually no_server_here # private servers end too
    kill "$sitter"
}

@test "a kernel without open_tree: starts join the mount namespace" {
    run "$TOOLS/deny" ENOSYS open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr,close_range,openat2,pidfd_open \
        "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$TMP/at" cmp "$TMP/at/bin/busybox" "$(fixture_sandbox)/bin/busybox"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    eventually no_server_here
    assert_nothing_left
}

@test "no inotify watches to be had: the server stays while the container does" {
    need_user
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_watches' || skip "user.max_inotify_watches cannot be set here"
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_inotify_watches; exec "$@"' sh \
        "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$TMP/at" sh -c 'sleep 1; exec cmp "$0/bin/busybox" "$1/bin/busybox"' "$TMP/at" "$(fixture_sandbox)"
    eventually no_server_here
}

@test "/dev/fuse that may not be opened is named, with the remedy" {
    need_root
    public_directory
    mknod fuse c 10 229
    chmod 600 fuse
    run unshare -m sh -c 'mount --bind fuse /dev/fuse && exec "$@"' sh setpriv --reuid="$TEST_USER" --clear-groups --inh-caps=-all \
        "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$PUBLIC/at" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/dev/fuse"*"cannot be opened: "* ]]
    [[ "$output" == *"chmod 0666 /dev/fuse"* ]]
    eventually no_server_here
}

@test "user namespaces used up: said so, with the remedy" {
    need_user
    unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces' || skip "user.max_user_namespaces cannot be set here"
    run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"' sh "$TOOLS/imagefs_join" "$SERVER" "$IMAGE" "$TMP/at" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"user namespace"* ]]
    [[ "$output" == *"user.max_user_namespaces"* ]]
    eventually no_server_here
}

@test "a file that is no squashfs, or a broken one: one clear message, no server left" {
    run join -o 17 -- true
    [ "$status" -eq 255 ]
    [[ "$output" == *"$IMAGE"*squashfs* ]]
    truncate -s 5000 "$IMAGE"
    run join -- true
    [ "$status" -eq 255 ]
    [[ "$output" == *truncated* ]]
    eventually no_server_here
    assert_nothing_left
}

@test "a server that cannot run is an error, not an endless loop" {
    SERVER=/bin/true run timeout 20 "$TOOLS/imagefs_join" /bin/true "$IMAGE" "$TMP/at" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/bin/true died"* ]]
    run timeout 20 "$TOOLS/imagefs_join" /nowhere/imagefs "$IMAGE" "$TMP/at" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/nowhere/imagefs: No such file"* ]]
}
