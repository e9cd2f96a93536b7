#!/usr/bin/env bats
# Parts of image files bound as data: image-src= and id=.

load helpers

test_setup() {
    need_userns
    need_fuse
    need_program mksquashfs
    IMAGE=$(fixture_sif)
    SANDBOX=$(fixture_sandbox)
    mkdir -p tree/sub
    echo top >tree/file
    echo inner >tree/sub/file
    ln -s /sub tree/link
    ln -s ../../../etc tree/up
    mksquashfs tree data.sqfs -quiet -no-progress -all-root >/dev/null
    export APPTAINER_IMAGE_LINGER=1
}

teardown() {
    eventually no_server
    assert_nothing_left
}

start() { "$APPTAINER" exec "$@"; }

@test "a squashfs as data, next to every kind of root file system" {
    local image
    for image in "$IMAGE" "$SANDBOX"; do
        run --separate-stderr start -B "$TMP/data.sqfs:/data:image-src=/,ro" "$image" sh -c 'cat /data/file /data/sub/file; touch /data/x; stat -c %u /data/file'
        [ "${lines[*]}" = "top inner $(id -u)" ]
        [[ "$stderr" == *"Read-only file system"* ]]
    done
    run start --userns --pid -C -B "$TMP/data.sqfs:/data:image-src=/,ro" "$IMAGE" cat /data/file
    [ "$output" = top ]
}

@test "a directory or a file of it, by the image's own links" {
    run start -B "$TMP/data.sqfs:/new/dir:image-src=/link,ro" -B "$TMP/data.sqfs:/new/file:image-src=/link/file,ro" \
        --mount "type=bind,src=data.sqfs,dst=/opt,image-src=sub,ro" "$IMAGE" cat /new/dir/file /new/file /opt/file
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "inner inner inner" ]
    run start -B "$TMP/data.sqfs:/new/dir:image-src=/up,ro" "$IMAGE" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/up doesn't exist in image $TMP/data.sqfs"* ]]
}

@test "without ro: a warning, since nothing can be written" {
    run start -B "$TMP/data.sqfs:/data:image-src=/" "$IMAGE" cat /data/file
    [ "$status" -eq 0 ]
    [[ "$output" == *"WARNING: Data image $TMP/data.sqfs is not writable, proceeding with read-only"*top ]]
}

@test "partitions of a SIF: the first of data, or by id" {
    cp "$IMAGE" image.sif
    run start -B image.sif:/data:image-src=/bin,ro "$IMAGE" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"no data partition found in $TMP/image.sif"*"sif list"* ]]
    "$APPTAINER" sif add --datatype 4 --partarch 2 --partfs 1 --parttype 3 image.sif data.sqfs
    local id primary
    id=$("$APPTAINER" sif list image.sif | awk -F'|' '/Data/ { print $1 + 0 }')
    primary=$("$APPTAINER" sif list image.sif | awk -F'|' '/\*System/ { print $1 + 0 }')
    run start -B image.sif:/data:image-src=/,ro "$IMAGE" cat /data/file
    [ "$output" = top ]
    run start -B "image.sif:/data:id=$id,ro" -B "image.sif:/other:id=$primary,image-src=/bin,ro" "$IMAGE" sh -c 'cat /data/sub/file; test -e /other/busybox'
    [ "$status" -eq 0 ]
    [ "$output" = inner ]
    run start -B "image.sif:/data:id=1,ro" "$IMAGE" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"object 1 is no root, overlay or data partition"* ]]
}

@test "what is wrong is said" {
    local spec message
    while read -r spec message; do
        run start -B "$spec" "$IMAGE" true
        echo "# $spec: $output"
        [ "$status" -eq 255 ]
        [[ "$output" == *"$message"* ]]
        [ "$(grep -c FATAL <<<"$output")" = 1 ]
    done <<'CASES'
data.sqfs:/data:id=0 id number must be greater than 0
data.sqfs:/data:id=x id number "x" is not a number
tree:/data:image-src=/ not supported image format: it is a directory
/bin/sh:/data:image-src=/ image format not recognized
missing.sif:/data:image-src=/ missing.sif
data.sqfs:/data:image-src=/nothing,ro doesn't exist in image
CASES
}

@test "starts at the same time share one server of the data" {
    [ "$(id -u)" != 0 ] || skip "root mounts it by the kernel"
    local pids=() i
    for i in 1 2 3; do
        "$APPTAINER" exec -B "$TMP/data.sqfs:/data:image-src=/,ro" "$SANDBOX" sh -c "touch $TMP/up$i; sleep 30" 3>&- &
        pids+=($!)
    done
    for i in 1 2 3; do eventually test -e "up$i"; done
    [ "$(pgrep -u "$(id -u)" -x imagefs | wc -l)" = 1 ]
    kill -9 "${pids[@]}"
}

ext3_image() {
    need_program mke2fs
    [ "$(id -u)" = 0 ] || need_program fuse2fs
    chmod 777 tree tree/sub
    truncate -s 16M data.img
    mke2fs -q -t ext3 -d tree data.img
}

@test "an ext3 image: read, and written unless ro" {
    ext3_image
    run --separate-stderr start -B "$TMP/data.img:/data:image-src=/sub" "$IMAGE" sh -c 'cat /data/file; echo new >/data/new; cat /data/new'
    echo "# $output"
    if [ "$(id -u)" = 0 ]; then [ "${lines[*]}" = "inner new" ]; else [ "${lines[0]}" = inner ]; fi
    run start -B "$TMP/data.img:/data:image-src=/,ro" "$SANDBOX" sh -c 'cat /data/sub/file; touch /data/sub/x'
    [[ "$output" == inner*"Read-only file system"* ]]
    chmod 444 data.img
    [ "$(id -u)" = 0 ] || {
        run start -B "$TMP/data.img:/data:image-src=/" "$SANDBOX" cat /data/sub/file
        [[ "$output" == *"WARNING: Data image $TMP/data.img is not writable"*inner ]]
    }
}

@test "an ext3 image that somebody writes is not opened twice; readers share it" {
    ext3_image
    "$APPTAINER" exec -B "$TMP/data.img:/data:image-src=/" "$SANDBOX" sh -c "touch $TMP/up; sleep 60" 3>&- &
    local pid=$!
    eventually test -e up
    run start -B "$TMP/data.img:/data:image-src=/,ro" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"currently in use"* ]]
    kill -9 "$pid"
    eventually start -B "$TMP/data.img:/data:image-src=/" "$SANDBOX" true
    # What served the one before writes to the end, and then lets go.
    eventually start -B "$TMP/data.img:/data:image-src=/,ro" "$SANDBOX" true
    "$APPTAINER" exec -B "$TMP/data.img:/data:image-src=/,ro" "$SANDBOX" sh -c "touch $TMP/up2; sleep 60" 3>&- &
    pid=$!
    eventually test -e up2
    eventually start -B "$TMP/data.img:/data:image-src=/,ro" "$SANDBOX" cat /data/sub/file
    kill -9 "$pid"
}
