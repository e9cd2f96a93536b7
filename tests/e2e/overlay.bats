#!/usr/bin/env bats
# overlay create: ext3 images to be written, alone and within a SIF.

load helpers

test_setup() {
    need_program mkfs.ext3 debugfs
    export APPTAINER_IMAGE_LINGER=1
}

create() { "$APPTAINER" overlay create "$@"; }

need_writing() {
    need_userns
    [ "$(id -u)" = 0 ] && return
    need_fuse
    need_program fuse2fs fuse-overlayfs
}

list() { debugfs -R "ls -l $2" "$1" 2>/dev/null | awk 'NF > 5 { print $NF, $2, $4 ":" $5 }'; } # NAME MODE OWNER of each entry

@test "overlay create: a new image, silent, the caller's alone, all of its size on disk" {
    run create layer.img
    [ "$status" -eq 0 ]
    [ -z "${output%%INFO*}" ]
    [ "$(stat -c '%a %s' layer.img)" = "600 $((64 << 20))" ]
    [ "$(stat -c %b layer.img)" -ge $((64 << 11)) ]
    e2fsck -fn layer.img
    [ "$(list layer.img / | grep -E '^(upper|work)' | sort)" = $'upper 40755 '"$(id -u):$(id -g)"$'\nwork 40755 '"$(id -u):$(id -g)" ]
    [ -z "$(find "$TMP" -name '*part*' -o -name '*.ext3')" ]
}

@test "overlay create --sparse takes what it needs, --size as asked" {
    create --sparse --size 1024 layer.img
    [ "$(stat -c %s layer.img)" = $((1024 << 20)) ]
    [ "$(stat -c %b layer.img)" -lt $((100 << 11)) ]
    e2fsck -fn layer.img
}

@test "overlay create --create-dir: below upper/, never out of it" {
    create --create-dir /data/deep --create-dir opt/a,b layer.img
    [ "$(list layer.img /upper | awk '$1 !~ /^\./ { print $1 }' | sort | tr '\n' ' ')" = "b data opt " ]
    list layer.img /upper/data | grep '^deep '
    run create --create-dir ../../outside other.img
    [ "$status" -eq 255 ]
    [[ "$output" == *"--create-dir ../../outside leads out of the overlay"* ]]
    [ ! -e other.img ]
}

@test "overlay create --fakeroot: all is root's" {
    need_userns
    create --fakeroot layer.img
    [ "$(list layer.img / | grep '^upper')" = "upper 40755 0:0" ]
}

@test "overlay create --fakeroot: written with --fakeroot, and refused with the reason without" {
    need_user
    need_writing
    create --fakeroot layer.img
    run "$APPTAINER" exec -f -o layer.img "$(fixture_sandbox)" sh -c 'echo kept >/kept && cat /kept'
    [ "$status" -eq 0 ]
    [[ "$output" == *kept ]]
    run "$APPTAINER" exec -o layer.img "$(fixture_sandbox)" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"overlay $TMP/layer.img: its upper/ belongs to another user"*--fakeroot* ]]
}

@test "overlay create: a container writes into it" {
    need_writing
    create layer.img
    local sandbox
    sandbox=$(fixture_sandbox)
    for _ in 1 2 3; do "$APPTAINER" exec -o layer.img "$sandbox" sh -c 'echo line >>/lines; rm -rf /opt; mkdir /opt'; done
    run "$APPTAINER" exec -o layer.img:ro "$sandbox" cat /lines
    [ "$output" = $'line\nline\nline' ]
}

@test "overlay create: within a SIF, which --writable writes and others read" {
    need_writing
    cp "$(fixture_sif)" image.sif
    create image.sif
    "$APPTAINER" sif list image.sif | grep 'FS (Ext3/Overlay/'
    [ "$(debugfs -R 'ls /' "image.sif?offset=$("$APPTAINER" sif list image.sif | sed -nE 's/.*\|([0-9]+)-[0-9]+ .*Overlay.*/\1/p')" 2>/dev/null | grep -c upper)" = 1 ]
    "$APPTAINER" exec --writable image.sif sh -c 'echo kept >/kept'
    run "$APPTAINER" exec image.sif sh -c 'cat /kept; touch /x'
    [[ "$output" == kept*"Read-only file system"* ]]
    run "$APPTAINER" exec --writable-tmpfs image.sif sh -c 'cat /kept; touch /x && ls /x'
    [ "$output" = $'kept\n/x' ]
    run "$APPTAINER" exec -o image.sif:ro "$(fixture_sandbox)" cat /kept
    [ "$output" = kept ]
    run create image.sif
    [ "$status" -eq 255 ]
    [[ "$output" == *"a writable overlay partition already exists in image.sif (ID: "*"apptainer sif del "* ]]
}

@test "overlay create: mistakes are named, and nothing is left" {
    run create --size 63 layer.img
    [ "$status" -eq 255 ]
    [[ "$output" == *"image size must be equal or greater than 64 MiB"* ]]
    run create --size 99999999999 layer.img
    [ "$status" -eq 255 ]
    echo text >file
    run create file
    [ "$status" -eq 255 ]
    [[ "$output" == *"file exists and is not a SIF image"* ]]
    [ "$(cat file)" = text ]
    run create nowhere/layer.img
    [ "$status" -eq 255 ]
    run env PATH=/nonexistent "$APPTAINER" overlay create /dev/null
    [ "$status" -eq 255 ]
    run "$APPTAINER" overlay
    [ "$status" -eq 1 ]
    [ "$(ls)" = file ]
}
