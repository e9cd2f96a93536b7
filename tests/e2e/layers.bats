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
    # shellcheck disable=SC2016
    run start --compat "$SANDBOX" sh -c 'touch /written && umask && echo $$ && pwd && ls -A /tmp && echo "[$OUTSIDE]"'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = 0022 ]
    [ "${lines[1]}" = 1 ]
    [ "${lines[-1]}" = "[]" ]
    [ ! -e "$SANDBOX/written" ]
}

# --- --overlay ---

# An ext3 image with upper/ and work/ of this user's, made by mkfs.ext3.
make_ext3() { # PATH
    need_program mkfs.ext3
    mkdir -p tree/upper tree/work
    echo 'from the overlay' >tree/upper/overlaid
    truncate -s 32M "$1"
    mkfs.ext3 -q -d tree -E "root_owner=$(id -u):$(id -g)" "$1"
}

# What ordinary users need for ext3: a server, and for writing another one.
need_ext3() {
    [ "$(id -u)" = 0 ] && return
    need_fuse
    need_program fuse2fs
}
need_ext3_writing() {
    need_ext3
    [ "$(id -u)" = 0 ] || need_program fuse-overlayfs
}

no_program_left() { ! pgrep -u "$(id -u)" -r R,S,D -x 'fuse2fs|fuse-overlayfs' >/dev/null; }

@test "--overlay DIRECTORY: what is written is kept there, what is deleted stays deleted" {
    mkdir layer
    run start -o layer "$SANDBOX" sh -c 'echo kept >/kept; rm -r /opt; rm -r /mnt; mkdir /mnt; chmod 700 /mnt'
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(cat layer/upper/kept)" = kept ]
    [ -d layer/work ]
    run start --overlay layer "$SANDBOX" sh -c 'cat /kept; ls -d /opt; stat -c %a /mnt'
    [ "${lines[0]}" = kept ]
    [[ "${lines[1]}" == *"/opt: No such file"* ]]
    [ "${lines[2]}" = 700 ]
    run env APPTAINER_OVERLAY=layer:ro "$APPTAINER" exec "$SANDBOX" sh -c 'cat /kept; touch /x'
    [[ "$output" == "kept"*"Read-only file system"* ]]
}

@test "--overlay DIRECTORY:ro without upper/ is a layer as it is" {
    mkdir layer
    echo plain >layer/plain
    run start -o layer:ro "$SANDBOX" cat /plain
    [ "$output" = plain ]
    [ ! -e layer/upper ]
}

@test "--overlay: mount points do not end up in what is written, and are there where it deleted them" {
    mkdir layer
    run start -o layer -B "$TMP/host:/new/place,$TMP/host/file:/one.conf" "$SANDBOX" sh -c 'cat /new/place/file /one.conf; rmdir /opt'
    [ "$output" = $'content\ncontent' ]
    [ ! -e layer/upper/new ]
    [ ! -e layer/upper/one.conf ]
    run start -o layer -B "$TMP/host:/opt" "$SANDBOX" cat /opt/file
    [ "$output" = content ]
}

@test "--overlay: targets are found by the overlay's own links" {
    mkdir -p layer/upper/elsewhere layer/work
    ln -s elsewhere layer/upper/link
    run start -o layer:ro -B "$TMP/host:/link/dir" "$SANDBOX" cat /elsewhere/dir/file
    [ "$output" = content ]
}

@test "--overlay: several, the last on top, below what is written" {
    need_program mksquashfs
    [ "$(id -u)" = 0 ] || need_fuse
    mkdir -p one two dir/upper
    echo one | tee one/a one/b one/c >/dev/null
    echo two | tee two/b two/c >/dev/null
    echo dir >dir/upper/c
    mksquashfs one one.sqfs -quiet -no-progress
    mksquashfs two two.sqfs -quiet -no-progress
    run start -o one.sqfs,two.sqfs -o dir:ro "$SANDBOX" cat /a /b /c
    [ "$output" = $'one\ntwo\ndir' ]
    run start -o dir:ro -o two.sqfs -o one.sqfs "$SANDBOX" cat /a /b /c
    [ "$output" = $'one\none\none' ]
    run start -p -o one.sqfs --writable-tmpfs "$(fixture_sif)" sh -c 'echo new >>/a && cat /a /b'
    [ "$output" = $'one\nnew\none' ]
    mkdir top
    run start -o top -o two.sqfs "$SANDBOX" sh -c 'echo more >>/b; cat /b'
    [ "$output" = $'two\nmore' ]
    [ "$(cat top/upper/b)" = $'two\nmore' ]
    eventually no_server
}

@test "--overlay: an ext3 image is written, checked clean, and read-only with :ro" {
    need_ext3_writing
    make_ext3 layer.img
    for options in "" -p; do
        # shellcheck disable=SC2086
        run start $options -o layer.img "$SANDBOX" sh -c 'cat /overlaid; echo kept >>/kept; rm -r /opt; mkdir -p /opt; touch /bin/new'
        [ "$status" -eq 0 ]
        [ "$output" = 'from the overlay' ]
    done
    eventually no_program_left
    e2fsck -fn layer.img
    run start -o layer.img:ro "$SANDBOX" sh -c 'cat /kept; ls /bin/new; touch /x'
    [[ "$output" == $'kept\nkept\n/bin/new\n'*"Read-only file system"* ]]
    eventually no_program_left
    assert_nothing_left
}

@test "--overlay: killed, an ext3 image is whole and free" {
    need_ext3_writing
    make_ext3 layer.img
    "$APPTAINER" exec -o layer.img "$SANDBOX" sh -c 'echo written >/before; touch /ready; exec sleep 600' 3>&- &
    local program=$!
    sleep 1
    run start -o layer.img "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"can't open $TMP/layer.img for writing, currently in use by "* ]]
    [ "$(id -u)" = 0 ] || [[ "$output" == *" process "[0-9]* ]]
    run start -o layer.img:ro "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"for reading, currently in use for writing by "* ]]
    kill -KILL "$program"
    wait "$program" || true
    eventually start -o layer.img "$SANDBOX" cat /before
    eventually no_program_left
    e2fsck -fn layer.img
}

@test "--overlay: readers of an ext3 image share it, a writer waits its turn" {
    need_ext3
    make_ext3 layer.img
    "$APPTAINER" exec -o layer.img:ro "$SANDBOX" sleep 600 3>&- &
    local program=$!
    sleep 1
    run start -o layer.img:ro "$SANDBOX" cat /overlaid
    [ "$output" = 'from the overlay' ]
    run start -o layer.img "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"currently in use by "* ]]
    kill -KILL "$program"
    wait "$program" || true
    eventually no_program_left
}

@test "--overlay: an image that cannot be written is used read-only, with a warning" {
    need_user
    need_ext3
    make_ext3 layer.img
    chmod 400 layer.img
    run start -o layer.img "$SANDBOX" sh -c 'cat /overlaid; touch /x'
    [[ "$output" == *"WARNING: overlay $TMP/layer.img is not writable by you, it is used read-only"*"from the overlay"*"Read-only file system"* ]]
}

@test "--overlay: a broken ext3 image is named, with what to do" {
    need_ext3
    make_ext3 layer.img
    dd if=/dev/zero of=layer.img bs=1k seek=2 count=3000 conv=notrunc status=none
    run start -o layer.img "$SANDBOX" ls /
    [ "$status" -eq 255 ]
    [[ "$output" == *"layer.img"* ]]
}

@test "--overlay: mistakes are named" {
    mkdir one two
    run start -o one,two "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"$TMP/one and $TMP/two: only one overlay can be written"*"--overlay $TMP/one:ro"* ]]
    run start -o one --writable-tmpfs "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"--writable-tmpfs and the writable overlay $TMP/one exclude each other"* ]]
    run start -w -o one "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"cannot use --overlay in conjunction with --writable"* ]]
    run start -o nowhere "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"could not open image $TMP/nowhere: No such file"* ]]
    run start -o :ro "$SANDBOX" true
    [ "$status" -eq 255 ]
    run start -o "$(fixture_sif)" "$SANDBOX" true
    [ "$status" -eq 0 ]
    [[ "$output" == *"has no overlay partition, it is left out"* ]]
}

@test "an ext3 image is a root file system, too" {
    need_ext3
    need_program mkfs.ext3
    truncate -s 32M root.img
    mkfs.ext3 -q -d "$SANDBOX" -E "root_owner=$(id -u):$(id -g)" root.img
    run start root.img sh -c 'echo here; touch /x'
    [[ "$output" == here*"Read-only file system"* ]]
    run start root.img true
    eventually no_program_left
    run start --writable-tmpfs root.img sh -c 'touch /x && ls /x'
    [ "$output" = /x ]
}
