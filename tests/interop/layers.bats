#!/usr/bin/env bats
# Layers that are written, by the original and by us: the same files are kept, and each reads what the other wrote.
load ../e2e/helpers

peer() { PEER_DIR=$SHARED "$APPTAINER_PEER" user "$@"; }

test_setup() {
    need_peer
    SHARED=$(mktemp -d "/tmp/apptainer-peer-layers.XXXXXX") # /tmp is the same on both sides
    chmod 755 "$SHARED"
    cp -r "${APPTAINER%/bin/apptainer}" "$SHARED/ours"
    cp "$(fixture_sif)" "$SHARED/image.sif"
    chmod -R a+rX "$SHARED"
    mkdir -m 1777 "$SHARED/work"
    cd "$SHARED/work" || return 1
}

teardown() { [ -z "${SHARED:-}" ] || rm -rf "$SHARED"; }

theirs() { peer apptainer -q exec "$@"; }
ours() { peer "$SHARED/ours/bin/apptainer" -q exec "$@"; }

# A layer's files with mode and content, without what is the layer's own.
kept() { (cd "$1/upper" && find . ! -name '.wh*' -printf '%P %M %y\n' | sort && find . -type f -exec cat {} +); }

@test "the same is kept of the same work" {
    local script='echo new >/new; mkdir -p /deep/er; echo more >>/etc/hosts.own; chmod 700 /opt; ln -s new /link; mv /deep/er /deep/moved'
    for who in theirs ours; do
        peer mkdir "$SHARED/work/$who"
        $who -o "$SHARED/work/$who" "$SHARED/image.sif" sh -c "$script"
        kept "$who" >"$TMP/$who"
    done
    [ -s "$TMP/ours" ]
    diff "$TMP/theirs" "$TMP/ours"
}

@test "each reads what the other wrote into a directory" {
    peer mkdir "$SHARED/work/a" "$SHARED/work/b"
    theirs -o "$SHARED/work/a" "$SHARED/image.sif" sh -c 'echo theirs >/file; rm -r /mnt'
    run ours -o "$SHARED/work/a:ro" "$SHARED/image.sif" sh -c 'cat /file; ls -d /mnt 2>&1'
    [[ "$output" == theirs*"No such file"* ]]
    ours -o "$SHARED/work/b" "$SHARED/image.sif" sh -c 'echo ours >/file; rm -r /mnt'
    run theirs -o "$SHARED/work/b:ro" "$SHARED/image.sif" sh -c 'cat /file; ls -d /mnt 2>&1'
    [[ "$output" == ours*"No such file"* ]]
}

# The user of the original's root, outside of that.
as_peer_user() { setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all "$@"; }

@test "each reads what the other wrote into our ext3 image, alone and within a SIF" {
    need_program mkfs.ext3
    local image=$SHARED/work/image.sif
    cp "$SHARED/image.sif" "$image"
    chown 1000:1000 "$image"
    as_peer_user "$SHARED/ours/bin/apptainer" overlay create "$SHARED/work/layer.img"
    as_peer_user "$SHARED/ours/bin/apptainer" -q overlay create "$image"
    theirs -o "$SHARED/work/layer.img" "$image" sh -c 'echo theirs >/file; rm -r /mnt'
    run ours -o "$SHARED/work/layer.img" "$image" sh -c 'cat /file; ls -d /mnt 2>&1; echo ours >/file'
    [[ "$output" == theirs*"No such file"* ]]
    eventually theirs -o "$SHARED/work/layer.img:ro" "$image" grep ours /file
    ours -w "$image" sh -c 'echo ours >/kept'
    eventually theirs "$image" grep ours /kept
}

@test "what is refused is refused by both" {
    local options
    peer mkdir "$SHARED/work/a" "$SHARED/work/b"
    for options in "-w" "-w -o $SHARED/work/a" "-o $SHARED/work/a,$SHARED/work/b" "-o $SHARED/work/a --writable-tmpfs" "-o /nowhere"; do
        # shellcheck disable=SC2086
        run theirs $options "$SHARED/image.sif" true
        local status_theirs=$status
        # shellcheck disable=SC2086
        run ours $options "$SHARED/image.sif" true
        echo "# $options: theirs $status_theirs, ours $status"
        [ "$status" = "$status_theirs" ]
    done
}
