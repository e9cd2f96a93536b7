#!/usr/bin/env bats
# Starting from an unpacked copy: --unsquash, and machines without FUSE.

load helpers

test_setup() {
    need_userns
    IMAGE=$TMP/image.sif
    cp "$(fixture_sif)" "$IMAGE"
    PLACE=$(mktemp -d "/tmp/unpack-test.XXXXXX")
    chmod 1777 "$PLACE"
    export APPTAINER_TMPDIR=$PLACE APPTAINER_IMAGE_LINGER=0
}

teardown() {
    local pid
    for pid in $(pgrep -x imagefs || true); do
        if grep -qa "$PLACE" "/proc/$pid/cmdline" 2>/dev/null; then kill -KILL "$pid"; fi
    done
    rm -rf "$PLACE" "$PLACE".*
}

nothing_left() { [ -z "$(ls -A "$PLACE")" ]; }
copies() { ls -d "$PLACE"/apptainer-unpacked-* 2>/dev/null | wc -l; }

# Without /dev/fuse, as the unprivileged user; from root's run only.
without_fuse() {
    cp "$IMAGE" "$PLACE.sif" && chmod 644 "$PLACE.sif"
    mknod "$PLACE.fuse" c 10 229
    chmod 600 "$PLACE.fuse"
    (cd / && unshare -m sh -c 'mount --bind "$0" /dev/fuse && exec "$@"' "$PLACE.fuse" setpriv --reuid="$TEST_USER" \
        --regid="$(id -g "$TEST_USER")" --clear-groups --inh-caps=-all env HOME=/ "$@")
}

@test "--unsquash: the program runs from a copy, which is gone with it" {
    run "$APPTAINER" exec --unsquash "$IMAGE" sh -c "stat -f -c %T /bin; cat /etc/passwd | wc -l; ls $PLACE"
    [ "$status" -eq 0 ]
    [[ "$output" == *"Converting SIF file to temporary sandbox..."* ]]
    [[ "$output" == *"apptainer-unpacked-$(id -u)-"* ]]
    eventually nothing_left
}

@test "--unsquash: the tree is that of the served image" {
    local list='cd / && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./var/tmp \) -prune -o -print |
        sort | while read -r f; do stat -c "%n %F %a %u %g %Y" "$f"; [ ! -f "$f" ] || md5sum <"$f"; done'
    "$APPTAINER" -q exec --contain --no-home --userns "$IMAGE" sh -c "$list" | grep -vE '^\./(etc|etc/group|etc/passwd) |^\. ' >served
    "$APPTAINER" -q exec --contain --no-home --userns --unsquash "$IMAGE" sh -c "$list" | grep -vE '^\./(etc|etc/group|etc/passwd) |^\. ' >copied
    [ "$(wc -l <served)" -gt 400 ]
    diff served copied
}

@test "--unsquash: exit status and signals are the program's own; several starts share one copy" {
    run "$APPTAINER" -q exec --unsquash "$IMAGE" sh -c 'exit 37'
    [ "$status" -eq 37 ]
    local i pids=()
    mkfifo gate
    for i in 1 2 3 4 5 6; do
        "$APPTAINER" -q exec --unsquash -B "$TMP" "$IMAGE" sh -c "echo up >>$TMP/up; read x <$TMP/gate" &
        pids+=($!)
    done
    all_up() { [ -e up ] && [ "$(wc -l <up)" = 6 ]; }
    eventually all_up
    [ "$(copies)" = 1 ]
    kill -KILL "${pids[@]}"
    wait "${pids[@]}" 2>/dev/null || true
    eventually nothing_left
}

@test "--unsquash: APPTAINER_UNSQUASH asks for it, too; it means nothing for a directory" {
    APPTAINER_UNSQUASH=1 run "$APPTAINER" exec "$IMAGE" ls "$PLACE"
    [ "$status" -eq 0 ]
    [[ "$output" == *apptainer-unpacked-* ]]
    run "$APPTAINER" exec --unsquash "$(fixture_sandbox)" echo inside
    [ "$output" = inside ]
    eventually nothing_left
}

@test "--unsquash: what a killed server left is swept by the next start" {
    "$APPTAINER" -q exec --unsquash "$IMAGE" sleep 60 &
    local start=$!
    there() { [ "$(copies)" = 1 ] && grep -qs sleep "/proc/$start/comm"; }
    eventually there
    pkill -KILL -f "imagefs.*$PLACE"
    kill -KILL $start
    wait $start 2>/dev/null || true
    [ "$(copies)" = 1 ]
    "$APPTAINER" -q exec --unsquash "$IMAGE" true
    eventually nothing_left
}

@test "--unsquash: no room, no such directory, noexec: one message each, and nothing left" {
    run env APPTAINER_TMPDIR=/nowhere "$APPTAINER" exec --unsquash "$IMAGE" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/nowhere"*"APPTAINER_TMPDIR"* ]]
    need_root
    local options
    for options in size=300k noexec; do
        run unshare -m sh -c 'mount -t tmpfs -o mode=1777,'$options' small "$1" && "$2" exec --unsquash "$3" true; r=$?; ls -A "$1"; exit $r' \
            sh "$PLACE" "$APPTAINER" "$IMAGE"
        [ "$status" -eq 255 ]
        [[ "$output" == *"APPTAINER_TMPDIR"* ]]
        [ "$(tail -n 1 <<<"$output")" != apptainer-unpacked-* ]
    done
}

@test "a machine without FUSE: what is missing and the remedy; a copy only when asked for or configured" {
    need_root
    run without_fuse "$APPTAINER" exec "$PLACE.sif" echo inside
    [ "$status" -eq 255 ]
    [[ "$output" == *"/dev/fuse"*"chmod 0666 /dev/fuse"*"--unsquash"* ]]
    nothing_left
    rm -f "$PLACE.fuse"
    run without_fuse "$APPTAINER" -q exec --unsquash "$PLACE.sif" echo inside
    [ "$output" = inside ]
    rm -f "$PLACE.fuse"
    sed 's/^unpack without fuse = no/unpack without fuse = yes/' "$(dirname "$APPTAINER")/../etc/apptainer/apptainer.conf" >"$PLACE.conf"
    chmod 644 "$PLACE.conf"
    run without_fuse "$APPTAINER" -v -c "$PLACE.conf" exec "$PLACE.sif" echo inside
    [ "$status" -eq 0 ]
    [[ "$output" == *"/dev/fuse cannot be used"* ]]
    eventually nothing_left
}
