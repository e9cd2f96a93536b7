#!/usr/bin/env bats
# Where a container can write: --writable-tmpfs, --writable, --compat, --overlay.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    mkdir -p host/dir
    echo content >host/file
    export APPTAINER_IMAGE_LINGER=1
}

start() { "$APPTAINER" exec "$@"; }

own_sandbox() { cp -r "$SANDBOX" sandbox; }

# --- --writable-tmpfs ---

@test "--writable-tmpfs: new, changed and deleted files, gone afterwards" {
    find "$SANDBOX" | sort >before
    run start --writable-tmpfs "$SANDBOX" sh -c 'echo new >/new && echo more >>/etc/passwd.own && rm -r /opt && mkdir /opt /usr/deep &&
        mv /bin/ls /bin/moved && cat /new && /bin/busybox ls -A /opt && /bin/busybox ls /usr /bin/moved'
    [ "$status" -eq 0 ]
    [[ "$output" == new*deep* ]]
    find "$SANDBOX" | sort | diff before -
    run start --writable-tmpfs "$SANDBOX" ls -d /new /opt /usr/deep
    [[ "$output" == *"/new: No such file"* ]]
}

@test "--writable-tmpfs on an image file, and with --pid" {
    [ "$(id -u)" = 0 ] || need_fuse
    for options in "" -p; do
        # shellcheck disable=SC2086
        run start --writable-tmpfs $options "$(fixture_sif)" sh -c 'echo 1 >/a && echo 2 >>/bin/new && cat /a /bin/new'
        [ "$status" -eq 0 ]
        [ "$output" = $'1\n2' ]
    done
}

@test "--writable-tmpfs is as large as half of the memory that is left, and -v says so" {
    run start --writable-tmpfs "$SANDBOX" df -m /
    local size
    size=$(awk '$NF == "/" { print $2 }' <<<"$output")
    [ "$size" -ge 64 ]
    run "$APPTAINER" -v exec --writable-tmpfs "$SANDBOX" true
    [[ "$output" == *"the writable layer in memory takes up to "*" MiB"* ]]
}

@test "--writable-tmpfs: mount points are still made beside, and binds are binds" {
    run start --writable-tmpfs -B "$TMP/host:/new/deep/dir,$TMP/host/file:/etc/new.conf" "$SANDBOX" \
        sh -c 'cat /new/deep/dir/file /etc/new.conf; echo changed >/new/deep/dir/other; echo here >/new/here; cat /new/here'
    [ "$output" = $'content\ncontent\nhere' ]
    [ "$(cat host/other)" = changed ]
}

@test "--writable-tmpfs: root inside edits /etc/passwd itself" {
    need_root
    run start --writable-tmpfs "$SANDBOX" sh -c 'mv /etc/passwd /etc/p && mv /etc/p /etc/passwd && cat /etc/passwd'
    [ "$status" -eq 0 ]
    [ "$output" = "$(cat "$SANDBOX/etc/passwd")" ]
}

@test "--writable-tmpfs is refused where the site has no overlays" {
    need_root
    echo 'enable overlay = no' >site.conf
    run "$APPTAINER" --config site.conf exec --writable-tmpfs "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"overlays are switched off by the site: 'enable overlay = no'"* ]]
}

# --- --writable ---

@test "--writable: the directory itself is written" {
    own_sandbox
    run start -w sandbox sh -c 'echo stays >/stays; rm -r /opt; pwd'
    [ "$status" -eq 0 ]
    [ "$(cat sandbox/stays)" = stays ]
    [ ! -e sandbox/opt ]
    run start sandbox sh -c 'cat /stays; touch /x'
    [[ "$output" == "stays"*"Read-only file system"* ]]
}

@test "--writable makes no mount points: of the site's they are left out with a warning, of the user's refused" {
    own_sandbox
    rm -r sandbox/etc/hosts
    find sandbox -type d | sort >before
    run start -w sandbox true
    [ "$status" -eq 0 ]
    [[ "$output" == *"WARNING: Skipping mount /etc/hosts: the image has no /etc/hosts"* ]]
    run start -w -B "$TMP/host:/nowhere" sandbox true
    [ "$status" -eq 255 ]
    [[ "$output" == *"the image has no /nowhere, and --writable makes no mount points"* ]]
    find sandbox -type d | sort | diff before -
    run start -w -B "$TMP/host:/mnt" sandbox cat /mnt/file
    [ "${lines[-1]}" = content ]
}

@test "--writable: home is there" {
    own_sandbox
    run start -w sandbox sh -c 'cd ~ && pwd && ls -di .'
    [ "$status" -eq 0 ]
    [ "$(awk '{ print $1 }' <<<"${lines[-1]}")" = "$(stat -c %i "$(getent passwd "$(id -u)" | cut -d: -f6)")" ]
}

@test "--writable with --writable-tmpfs warns, with --overlay is refused" {
    own_sandbox
    run start -w --writable-tmpfs sandbox touch /kept
    [ "$status" -eq 0 ]
    [[ "$output" == *"WARNING: Disabling --writable-tmpfs"* ]]
    [ -e sandbox/kept ]
}

@test "--writable is refused for what cannot be written, with what to do" {
    run start -w "$(fixture_squashfs)" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"could not use "*" for writing: squashfs is a read-only file system"* ]]
    run start -w "$(fixture_sif)" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"no SIF writable overlay partition found in "*--writable-tmpfs* ]]
}

@test "--writable of somebody else's directory is refused" {
    need_user
    run start -w /usr true
    [ "$status" -eq 255 ]
    [[ "$output" == *"could not use /usr for writing, you don't have write permissions"* ]]
}

# --- --compat ---

@test "--compat: contained, writable, process 1, umask 0022" {
    umask 077
    run start --compat "$SANDBOX" sh -c 'touch /written && umask && echo $$ && pwd && ls -A /tmp && echo "[$OUTSIDE]"'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0022 ]
    [ "${lines[1]}" = 1 ]
    [ "${lines[-1]}" = "[]" ]
    [ ! -e "$SANDBOX/written" ]
}
