#!/usr/bin/env bats
# --fusemount: FUSE file systems served by programs in the container or on the host.

load helpers
load clients

test_setup() {
    need_userns
    need_fuse
    need_program squashfuse mksquashfs
    BOX=$(fixture fuse-box make_fuse_box)
    SANDBOX=$(fixture_sandbox)
    mkdir -p tree/sub
    echo top >tree/file
    echo inner >tree/sub/file
    mksquashfs tree data.sqfs -quiet -no-progress >/dev/null
    export APPTAINER_IMAGE_LINGER=1
}

make_fuse_box() {
    cp -a "$(fixture_nested sandbox make_sandbox)" "$1"
    copy_program "$1" squashfuse
}

teardown() {
    eventually no_program
    assert_nothing_left
}

# Zombies do not count: who reaps them is this machine's business.
no_program() { ! pgrep -u "$(id -u)" -x squashfuse --runstates R,S,D >/dev/null; }

start() { "$APPTAINER" exec "$@"; }

@test "served from the host, served from inside, each also in the background" {
    local kind image
    for kind in host host-daemon container container-daemon; do
        image=$BOX
        [[ $kind != host* ]] || image=$SANDBOX
        run start --fusemount "$kind:squashfuse $TMP/data.sqfs /data" "$image" sh -c 'cat /data/file /data/sub/file; exit 7'
        echo "# $kind: $output"
        [ "$status" -eq 7 ]
        [ "$output" = $'top\ninner' ]
        eventually no_program
    done
}

@test "several, at places that the image does not have; a pid namespace is implied" {
    APPTAINER_FUSESPEC="host:squashfuse $TMP/data.sqfs /var" run start "$SANDBOX" cat /var/file
    [ "$output" = top ]
    run start --fusemount "host:squashfuse  $TMP/data.sqfs	/new/one" --fusemount "container:squashfuse $TMP/data.sqfs /new/two" \
        "$BOX" sh -c 'cat /new/one/file /new/two/sub/file; cat /proc/1/comm'
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "top inner appinit" ]
}

@test "the working directory may be in it" {
    run start --fusemount "container:squashfuse $TMP/data.sqfs /data" --pwd /data/sub "$BOX" sh -c 'pwd; cat file'
    [ "${lines[*]}" = "/data/sub inner" ]
    mkdir here
    cd here
    run start --fusemount "container:squashfuse $TMP/data.sqfs $TMP/here" "$BOX" cat file
    [ "$output" = top ]
}

@test "the program inside has no rights and no variables; it does not see standard input, nor write to standard output" {
    cp -a "$BOX" box
    printf '#!/bin/sh\n{ env; cat; grep -E "^(CapEff|NoNewPrivs)" /proc/self/status; pwd; } >%s/seen\necho noise\nexec squashfuse "$@"\n' "$TMP" >box/bin/serve
    chmod 755 box/bin/serve
    run --separate-stderr start --bind "$TMP" --env X=1 --fusemount "container:serve $TMP/data.sqfs /data" box sh -c 'cat /data/file; cat' <<<"for the program"
    [ "$output" = $'top\nfor the program' ]
    [[ "$stderr" == *noise* ]]
    ! grep -q -e '^X=' -e 'for the program' seen
    grep -q '^PATH=' seen
    [ "$(tail -1 seen)" = / ]
    if [ "$(id -u)" != 0 ]; then grep -q 'CapEff:.0000000000000000' seen; fi
}

@test "the container ends, or is killed: so do the programs" {
    local kind pid
    for kind in host host-daemon container container-daemon; do
        rm -f up
        "$APPTAINER" exec --fusemount "$kind:squashfuse $TMP/data.sqfs /data" -B "$TMP" "$BOX" sh -c "cat /data/file >$TMP/up; sleep 60" 3>&- &
        pid=$!
        eventually test -s up
        ! no_program
        kill -9 "$pid"
        wait "$pid" || true
        eventually no_program
    done
}

@test "^C reaches the program, not those who serve its files" {
    need_program setsid
    setsid env --default-signal=INT "$APPTAINER" exec --fusemount "host:squashfuse $TMP/data.sqfs /data" -B "$TMP" "$SANDBOX" \
        sh -c "trap 'cat /data/sub/file >$TMP/after; exit 3' INT; cat /data/file >$TMP/up; while :; do sleep 0.1; done" 3>&- &
    local pid=$!
    eventually test -s up
    kill -INT -- "-$pid"
    run wait "$pid"
    eventually test -s after
    [ "$(cat after)" = inner ]
}

@test "a program that dies leaves errors, not hanging processes" {
    run timeout 20 "$APPTAINER" exec --fusemount "container:/bin/false /data" "$SANDBOX" ls /data
    [ "$status" -ne 0 ]
    [ "$status" -ne 124 ]
    [[ "$output" == *"not connected"* ]]
}

@test "what is wrong is said" {
    local spec message
    while IFS='|' read -r spec message; do
        run start --fusemount "$spec" "$SANDBOX" true
        echo "# $spec: $output"
        [ "$status" -eq 255 ]
        [[ "$output" == *"$message"* ]]
        [ "$(grep -c FATAL <<<"$output")" = 1 ]
    done <<'CASES'
bogus:squashfuse x /mnt|begins with an unknown prefix
squashfuse x /mnt|begins with an unknown prefix
container:squashfuse|a program and a mount point are needed
container:|a program and a mount point are needed
container:squashfuse mnt|must be an absolute path
container:squashfuse /|nothing can be mounted on "/"
container:no-such-program /mnt|could not start program no-such-program
host:/no/such/program /mnt|could not start program /no/such/program: No such file or directory
CASES
    run start --fusemount "host:squashfuse x /mnt" -B "$TMP:/mnt" "$SANDBOX" true
    [ "$status" -eq 255 ]
    run start --fusemount "host:squashfuse x /mnt" -B "$TMP:/mnt/below" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/mnt/below: nothing can be mounted in a file system of --fusemount"* ]]
    printf 'enable fusemount = no\n' >site.conf
    if [ "$(id -u)" = 0 ]; then
        run "$APPTAINER" --config site.conf exec --fusemount "host:squashfuse x /mnt" "$SANDBOX" true
        [ "$status" -eq 255 ]
        [[ "$output" == *"enable fusemount = no"* ]]
    fi
}
