#!/usr/bin/env bats
# What is said about an image that is none, or a broken one: one clear error that names the file and what is wrong, at once.

load helpers

bytes() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# refused FILE TEXT: exec, run and shell end with 255 and one FATAL line
refused() {
    local command
    for command in exec run; do
        run --separate-stderr timeout 20 "$APPTAINER" "$command" "$1" true
        [ "$status" -eq 255 ] || { echo "status $status, $stderr"; return 1; }
        [[ "$stderr" == "FATAL:   could not open image "*"$1: "*"$2"* ]] || { echo "said: $stderr"; return 1; }
        [ "$(grep -c FATAL <<<"$stderr")" -eq 1 ]
        [ -z "$output" ]
    done
}

# A SIF of which the third record is the primary partition, a squashfs.
make_sif() {
    need_program mksquashfs
    mkdir -p root
    echo content >root/file
    mksquashfs root rootfs.sqfs -quiet -no-progress -noappend -all-root >/dev/null
    printf '{}' >json
    "$APPTAINER" sif new good.sif
    "$APPTAINER" sif add good.sif json --datatype 1 --groupid 1
    "$APPTAINER" sif add good.sif json --datatype 6 --groupid 1 --filename inspect-metadata.json
    "$APPTAINER" sif add good.sif rootfs.sqfs --datatype 4 --partfs 1 --parttype 2 --partarch "$(arch_number)" --groupid 1
}

arch_number() {
    case $(uname -m) in
    x86_64) echo 2 ;;
    aarch64) echo 4 ;;
    *) skip "this test does not know the SIF number of $(uname -m)" ;;
    esac
}

RECORD=$((4096 + 2 * 585)) # of the partition

damaged() { # OFFSET ESCAPES: bad.sif
    cp good.sif bad.sif
    bytes bad.sif "$1" "$2"
}

@test "image: what is no file or directory, nothing, and unknown things" {
    refused missing 'No such file or directory'
    : >empty
    refused empty 'image format not recognized: the file is empty'
    head -c 100 /dev/zero >short
    refused short 'image format not recognized'
    head -c 8192 /dev/zero >zeros
    refused zeros 'image format not recognized'
    head -c 8192 /dev/urandom >random
    refused random 'image format not recognized'
    mkfifo pipe
    refused pipe 'image format not recognized: it is a named pipe'
    ln -s loop loop
    refused loop 'Too many levels of symbolic links'
    refused /dev/null 'image format not recognized: it is a character device'
    cp zeros text
    bytes text 100 'SIF_MAGIC'
    refused text 'image format not recognized'
}

@test "image: things that people mistake for images are named" {
    printf '<!DOCTYPE html><html></html>' >page.sif
    refused page.sif 'it is an HTML page'
    printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' >lfs.sif
    refused lfs.sif 'it is a Git LFS pointer'
    mkdir tree
    tar cf image.tar tree
    refused image.tar 'it is a tar archive'
    gzip image.tar
    refused image.tar.gz 'it is gzip data'
    [[ "$stderr" == *docker-archive* ]]
}

@test "image: unreadable, and / as sandbox" {
    need_user
    echo x >unreadable
    chmod 0 unreadable
    refused unreadable 'is not readable by the current user, check permissions'
    refused / '/ as sandbox is not authorized'
}

@test "image: ext2 and ext4" {
    need_program mke2fs
    mke2fs -q -t ext4 e4.img 2M 2>/dev/null
    refused e4.img 'file is not a valid ext3 image'
    mke2fs -q -t ext2 e2.img 2M 2>/dev/null
    refused e2.img 'file is not a valid ext3 image'
}

@test "image: a damaged or cut squashfs" {
    make_sif
    cp rootfs.sqfs bad.sqfs
    bytes bad.sqfs 20 '\x09'
    refused bad.sqfs 'unknown compression algorithm value 9'
    head -c 200 rootfs.sqfs >cut.img
    refused cut.img 'truncated image: the squashfs has'
    (printf '#!/usr/bin/env run-singularity\n'; head -c 200 rootfs.sqfs) >old.img
    refused old.img 'truncated image: the squashfs has'
    (printf '#!/usr/bin/env run-singularity\n\0'; cat rootfs.sqfs) >stray.img
    refused stray.img 'image format not recognized'
}

@test "image: a cut SIF tells how long it should be" {
    make_sif
    local size
    size=$(stat -c %s good.sif)
    local cut
    for cut in $((size - 1)) 33000 32500; do
        head -c "$cut" good.sif >cut.sif
        refused cut.sif "truncated image: object 3 (FS) ends at byte $size, the file has $cut bytes"
    done
    head -c 30000 good.sif >cut.sif
    refused cut.sif 'truncated image: the descriptor table ends at byte 32176, the file has 30000 bytes'
    head -c 127 good.sif >cut.sif
    refused cut.sif 'image format not recognized'
}

@test "image: a SIF whose header lies" {
    make_sif
    damaged 41 x
    refused bad.sif 'invalid SIF magic'
    damaged 42 '02'
    refused bad.sif 'incompatible SIF version: "02"'
    damaged 93 '\x01'
    refused bad.sif '1099511627824 descriptors'
    damaged 88 '\xff\xff\xff\xff\xff\xff\xff\xff'
    refused bad.sif 'corrupted image: -1 descriptors'
    damaged 88 '\x31'
    refused bad.sif 'do not fit'
    damaged 96 '\xff\xff\xff\xff\xff\xff\xff\xff'
    refused bad.sif 'descriptor table is said to be at -1'
    damaged 100 '\x01'
    refused bad.sif 'truncated image: the descriptor table'
    damaged 88 '\0'
    refused bad.sif 'no root filesystem found'
}

@test "image: a SIF whose partition lies" {
    make_sif
    damaged $((RECORD + 17)) '\xff\xff\xff\xff\xff\xff\xff\xff'
    refused bad.sif 'object 3 is said to be at -1'
    damaged $((RECORD + 21)) '\x01'
    refused bad.sif 'truncated image: object 3'
    damaged $((RECORD + 17)) '\0\0'
    refused bad.sif 'overlaps the descriptor table'
    damaged $((RECORD + 25)) '\0\0\0\0'
    refused bad.sif 'invalid image size, zero length'
    damaged $((RECORD + 25)) '\xff\xff\xff\xff\xff\xff\xff\xff'
    refused bad.sif 'with -1 bytes'
    damaged $((RECORD + 25)) '\x70\0\0\0'
    refused bad.sif 'truncated image: the squashfs has'
    damaged $((RECORD - 585 + 25)) '\xff\xff\0\0' # the JSON before it
    refused bad.sif 'the objects 3 and 2 overlap'
    damaged $((RECORD + 201)) '\2'
    refused bad.sif 'while checking system partition header: partition 3: no ext3'
    damaged $((RECORD + 201)) '\4'
    refused bad.sif 'raw partition'
    damaged $((RECORD + 201)) '\x63'
    refused bad.sif 'unknown filesystem type 99'
}

@test "image: no primary partition, two of them, an OCI-SIF" {
    make_sif
    damaged $((RECORD + 205)) '\1'
    refused bad.sif 'no root filesystem found'
    [[ "$stderr" == *'`apptainer sif setprim 3 IMAGE`'* ]]
    "$APPTAINER" sif setprim 3 bad.sif
    cmp <("$APPTAINER" sif list bad.sif) <("$APPTAINER" sif list good.sif)
    cp good.sif bad.sif
    "$APPTAINER" sif add bad.sif rootfs.sqfs --datatype 4 --partfs 1 --parttype 1 --partarch 2
    bytes bad.sif $((RECORD + 585 + 205)) '\2'
    refused bad.sif 'two primary partitions (IDs 3 and 4)'
    "$APPTAINER" sif new oci.sif
    "$APPTAINER" sif add oci.sif json --datatype 10
    "$APPTAINER" sif add oci.sif json --datatype 11
    refused oci.sif 'no root filesystem found: this is an OCI-SIF'
}

@test "image: another architecture, both are named" {
    make_sif
    [ ! -e /proc/sys/fs/binfmt_misc/qemu-s390x ] || skip "this machine emulates s390x"
    damaged $((RECORD + 209)) '11'
    refused bad.sif "the image's architecture (s390x) could not run on the host's ("
}
