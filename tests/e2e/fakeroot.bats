#!/usr/bin/env bats
# --fakeroot: root of a user namespace, with subordinate ids and without; and root of a namespace that was there before.

load helpers

test_setup() {
    need_user
    need_userns
    SANDBOX=$TMP/box
    cp -r "$(fixture_sandbox)" "$SANDBOX"
    IMAGES=("$SANDBOX")
    if { : <>/dev/fuse; } 2>/dev/null; then IMAGES+=("$(fixture_sif)" "$(fixture_squashfs)"); fi
}

need_subids() {
    need_program newuidmap newgidmap
    grep -q "^$(id -un):" /etc/subuid && grep -q "^$(id -un):" /etc/subgid || skip "$(id -un) has no subordinate ids"
}

@test "fakeroot: root inside, with owners that can be given and taken" {
    need_subids
    local image
    for image in "${IMAGES[@]}"; do
        run "$APPTAINER" exec -f "$image" sh -c 'id -u; id -g; echo $HOME; id -un; grep CapEff /proc/self/status; awk "{print \$1, \$3}" /proc/self/uid_map'
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = 0 ]
        [ "${lines[1]}" = 0 ]
        [ "${lines[2]}" = /root ]
        [ "${lines[3]}" = root ]
        [[ "${lines[4]}" == *ffffffff ]]
        [ "${lines[5]}" = "0 1" ]
        [[ "${lines[6]}" == "1 "* ]]
        run "$APPTAINER" exec -f -B "$TMP:/mnt" "$image" sh -c 'rm -f /mnt/given; echo x >/mnt/given && chown 5:6 /mnt/given && stat -c %u:%g /mnt/given && chown 0:0 /mnt/given'
        [ "$output" = 5:6 ]
        [ "$(stat -c %u given)" = "$(id -u)" ]
    done
}

@test "fakeroot: owners of an image are its own" {
    need_subids
    need_fuse
    run "$APPTAINER" -q exec -f "$(fixture_sif)" stat -c '%u:%g' /bin/busybox /etc/group
    [ "$status" -eq 0 ]
    run "$APPTAINER" -q exec -f --writable-tmpfs "$(fixture_sif)" sh -c 'chown 7:8 /bin/busybox && stat -c %u:%g /bin/busybox'
    [ "$output" = 7:8 ]
}

@test "fakeroot: a sandbox is written to as root" {
    need_subids
    run "$APPTAINER" exec -f -w "$SANDBOX" sh -c 'mkdir -p /opt/x && echo y >/opt/x/y && chown -R 33:33 /opt/x && echo newcomer:x:99:99::/:/bin/sh >>/etc/passwd && stat -c %u /opt/x/y'
    [ "$status" -eq 0 ]
    [ "${lines[${#lines[@]}-1]}" = 33 ]
    grep -q '^newcomer:' "$SANDBOX/etc/passwd"
    [ "$(stat -c %u "$SANDBOX/opt/x/y")" -ge 100000 ]
    # What belongs to subordinate ids goes away the same way.
    "$APPTAINER" exec -f -w "$SANDBOX" rm -rf /opt/x
    [ ! -e "$SANDBOX/opt/x" ]
}

@test "fakeroot: without subordinate ids there is one number, and it says so" {
    local image
    for image in "${IMAGES[@]}"; do
        run "$APPTAINER" exec -f --ignore-subuid "$image" sh -c 'id -u; echo $HOME; chown 5:5 /tmp 2>/dev/null && echo given'
        [[ "$output" == *"root-mapped namespace"* ]]
        [ "${lines[1]}" = 0 ]
        [ "${lines[2]}" = /root ]
        [[ "$output" != *given* ]]
    done
}

@test "fakeroot: exit status and signals are the program's, with --pid too; nothing is left" {
    local options
    for options in "-f" "-f --ignore-subuid" "-f --pid"; do
        # shellcheck disable=SC2086
        run "$APPTAINER" -q exec $options "${IMAGES[${#IMAGES[@]}-1]}" sh -c 'exit 37'
        [ "$status" -eq 37 ]
        # shellcheck disable=SC2086
        run "$APPTAINER" -q exec $options "${IMAGES[${#IMAGES[@]}-1]}" sh -c 'kill -TERM $$'
        [ "$status" -eq 143 ]
    done
    no_server() { ! pgrep -u "$(id -u)" -x imagefs | while read -r pid; do grep -qa "${IMAGES[${#IMAGES[@]}-1]}" "/proc/$pid/cmdline" && grep -qv "^ *$(id -u)" "/proc/$pid/uid_map" && echo "$pid"; done | grep -q .; }
    eventually no_server
}

@test "fakeroot: the caller's home is /root, and the working directory is kept" {
    mkdir home
    echo mine >home/file
    run "$APPTAINER" -q exec -f -H "$TMP/home:/root" "$SANDBOX" cat /root/file
    [ "$output" = mine ]
    run "$APPTAINER" -q exec -f "$SANDBOX" pwd
    [ "$output" = "$TMP" ]
    run "$APPTAINER" -q exec -f -c "$SANDBOX" sh -c 'ls -A /root | wc -l; echo $HOME'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = /root ]
}

@test "fakeroot: no newuidmap, site without user namespaces: said so, with the remedy" {
    need_subids
    mkdir empty
    run env PATH="$TMP/empty" "$APPTAINER" exec -f "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"newuidmap and newgidmap"*"not installed"*"--ignore-subuid"* ]]
    sed 's/^allow user ns = yes/allow user ns = no/' "$(dirname "$APPTAINER")/../etc/apptainer/apptainer.conf" >c.conf
    run "$APPTAINER" -c c.conf exec -f "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"allow user ns = no"* ]]
}

@test "fakeroot: APPTAINER_FAKEROOT asks for it, too" {
    run env APPTAINER_FAKEROOT=1 "$APPTAINER" -q exec "$SANDBOX" id -u
    [ "$output" = 0 ]
}

@test "root of a user namespace that was there before starts containers" {
    local image
    for image in "${IMAGES[@]}"; do
        run unshare -r "$APPTAINER" -q exec "$image" sh -c 'id -u; echo $HOME; echo x >/tmp/nested.$$ && rm /tmp/nested.$$ && echo done'
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = 0 ]
        [ "${lines[1]}" = /root ]
        [ "${lines[2]}" = done ]
        run unshare -r unshare -r "$APPTAINER" -q exec "$image" id -u
        [ "$output" = 0 ]
    done
    need_subids
    run unshare --map-root-user --map-auto "$APPTAINER" -q exec -B "$TMP:/mnt" "${IMAGES[0]}" sh -c 'touch /mnt/a && chown 9:9 /mnt/a && stat -c %u /mnt/a; rm /mnt/a'
    [ "$output" = 9 ]
}

@test "fakeroot: --net is a network of its own with nothing but lo, and says so" {
    run "$APPTAINER" exec -f --net "$SANDBOX" sh -c 'ls /sys/class/net 2>/dev/null; cat /proc/net/dev | tail -n +3 | cut -d: -f1'
    [ "$status" -eq 0 ]
    [[ "$output" == *"the network is none"* ]]
    [ "$(tr -d " " <<<"${lines[${#lines[@]}-1]}")" = lo ]
}
