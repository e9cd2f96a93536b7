#!/usr/bin/env bats
# SIF files of the original read and changed here, ours there; with the same words on the same file the same bytes come out.

load helpers

test_setup() { need_peer; }

sif() { "$APPTAINER" sif "$@"; }
peer() { PEER_DIR=$PWD "$APPTAINER_PEER" run "$@"; }
peer_user() { PEER_DIR=$PWD "$APPTAINER_PEER" user "$@"; }

# same COMMAND...: both programs print the same and end alike
same() {
    local status_ours=0 status_theirs=0
    "$APPTAINER" "$@" >out.ours 2>/dev/null || status_ours=$?
    peer apptainer "$@" >out.theirs 2>/dev/null </dev/null || status_theirs=$?
    if ! cmp -s out.ours out.theirs || [ "$status_ours" != "$status_theirs" ]; then
        echo "$*: ours ($status_ours), theirs ($status_theirs)"
        diff -a out.ours out.theirs | head -n 20
        return 1
    fi
}

same_image() { # FILE: everything that can be asked about it
    local id
    same sif header "$1"
    same sif list "$1"
    for id in $(sif list "$1" | tail -n +4 | cut -d' ' -f1); do
        same sif info "$id" "$1"
        same sif dump "$id" "$1"
    done
}

# Without ID and times an image stays so, and results can be compared byte for byte.
make_deterministic() {
    head -c 16 /dev/zero | dd of="$1" bs=1 seek=48 conv=notrunc status=none
    printf '\x00\x09\x6e\x88\xf1\xff\xff\xff\x00\x09\x6e\x88\xf1\xff\xff\xff' | dd of="$1" bs=1 seek=64 conv=notrunc status=none
}

make_tree() {
    need_program mksquashfs
    mkdir -p root/bin root/etc
    cp "$(command -v busybox)" root/bin/busybox
    ln -s busybox root/bin/sh
    ln -s busybox root/bin/echo
    : >root/etc/passwd
    : >root/etc/group
    mksquashfs root rootfs.sqfs -quiet -no-progress -noappend -all-root >/dev/null
}

@test "images that the original builds read the same here" {
    make_tree
    peer apptainer build theirs.sif root >/dev/null 2>&1
    chmod 777 .
    peer_user apptainer build theirs-squashfs.sif rootfs.sqfs >/dev/null 2>&1
    same_image theirs.sif
    same_image theirs-squashfs.sif
    [[ "$(sif header theirs.sif)" == 'Launch Script:        #!/usr/bin/env run-singularity'* ]]
    sif dump 3 theirs.sif >part.sqfs
    unsquashfs -quiet -no-progress -d out part.sqfs >/dev/null
    cmp out/bin/busybox root/bin/busybox
}

@test "the same commands make the same bytes, and each reads the other's" {
    make_tree
    printf hello >object
    : >nothing
    peer apptainer sif new base.sif
    make_deterministic base.sif
    cp base.sif ours.sif
    cp base.sif theirs.sif
    while read -r line; do
        # shellcheck disable=SC2086
        "$APPTAINER" sif ${line//IMAGE/ours.sif}
        # shellcheck disable=SC2086
        peer apptainer sif ${line//IMAGE/theirs.sif} </dev/null
        cmp ours.sif theirs.sif || { echo "after: $line"; return 1; }
    done <<'END'
add IMAGE object --datatype 1 --groupid 1
add IMAGE object --datatype 6 --groupid 1 --filename inspect-metadata.json
add IMAGE rootfs.sqfs --datatype 4 --partfs 1 --parttype 2 --partarch 2 --groupid 1
add IMAGE rootfs.sqfs --datatype 4 --partfs 1 --parttype 1 --partarch 4 --groupid 2
add IMAGE object --datatype 5 --signhash 1 --signentity 433FE984155206BD962725E20E8713472A879943 --link 4026531841
add IMAGE object --datatype 8 --link 3
add IMAGE object --datatype 9 --sbomformat spdx-tag-value
add IMAGE object --datatype 10
add IMAGE object --datatype 11 --filename blob
add IMAGE nothing --datatype 7
add IMAGE object --datatype 2 --alignment 512
add IMAGE object --datatype 3
setprim 4 IMAGE
setprim 4 IMAGE
del 12 IMAGE
del 11 IMAGE
add IMAGE nothing --datatype 7 --filename again
del 2 IMAGE
add IMAGE object --datatype 7
del 4 IMAGE
setprim 3 IMAGE
END
    same_image ours.sif
}

@test "both refuse the same" {
    printf x >object
    sif new image.sif
    sif add image.sif object --datatype 7
    sif add image.sif object --datatype 4 --partfs 4 --parttype 2 --partarch 2
    same sif info 99 image.sif
    same sif info x image.sif
    same sif del 0 image.sif
    same sif setprim 1 image.sif
    same sif list missing
    same sif list object
    same sif add image.sif object
    same sif add image.sif object --datatype 4
    same sif add image.sif object --datatype 4 --partfs 1 --parttype 2 --partarch 2
    same sif add image.sif object --datatype 9 --sbomformat nosuch
    same sif add image.sif object --datatype 5 --signhash 9
    same sif add image.sif missing --datatype 7
    same sif list a b
    same sif new missing/image.sif
}

@test "an image put together here starts there" {
    make_tree
    sif new ours.sif
    sif add ours.sif rootfs.sqfs --datatype 4 --partfs 1 --parttype 2 --partarch 2 --groupid 1
    same_image ours.sif
    chmod 755 . ours.sif
    peer apptainer build theirs.sif root >/dev/null 2>&1
    run peer_user apptainer exec theirs.sif /bin/echo it starts
    [[ "$output" == *'it starts'* ]] || skip "the original does not even start its own image here: ${output##*$'\n'}"
    run peer_user apptainer exec ours.sif /bin/echo it starts
    [ "$status" -eq 0 ]
    [[ "$output" == *'it starts'* ]]
}

@test "what the original calls broken is broken here" {
    sif new good.sif
    printf x >object
    sif add good.sif object --datatype 7
    local case offset value
    while read -r case offset value; do
        cp good.sif bad.sif
        printf "$value" | dd of=bad.sif bs=1 seek="$offset" conv=notrunc status=none
        run peer apptainer sif list bad.sif
        [ "$status" -ne 0 ] || { echo "$case: the original takes it"; return 1; }
        run sif list bad.sif
        [ "$status" -eq 1 ] || { echo "$case: status $status"; return 1; }
    done <<'END'
magic 32 X
version 43 2
total-huge 93 \x01
total-negative 88 \xff\xff\xff\xff\xff\xff\xff\xff
total-above-size 88 \x31
table-beyond-end 100 \x01
END
}
