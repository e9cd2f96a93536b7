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
