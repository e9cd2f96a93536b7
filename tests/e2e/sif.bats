#!/usr/bin/env bats
# The commands of `apptainer sif`, and what is said about images that are broken.

load helpers

sif() { "$APPTAINER" sif "$@"; }

# bytes FILE OFFSET ESCAPES: overwrites bytes of a file
bytes() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# A squashfs of one file, by mksquashfs.
make_rootfs() {
    need_program mksquashfs
    mkdir -p root
    echo content >root/file
    mksquashfs root rootfs.sqfs -quiet -no-progress -noappend -all-root >/dev/null
}

# 1 definition, 2 JSON, 3 primary partition, 4 system partition of another architecture
make_image() {
    make_rootfs
    printf 'bootstrap: scratch\n' >def
    printf '{"a":1}' >json
    sif new image.sif
    sif add image.sif def --datatype 1 --groupid 1
    sif add image.sif json --datatype 6 --groupid 1 --filename data.json
    sif add --datatype 4 --partfs 1 --parttype 2 --partarch 2 --groupid 1 image.sif rootfs.sqfs
    sif add image.sif --datatype=4 rootfs.sqfs --partfs 1 --parttype 1 --partarch 4 --link 3
}

# refused TEXT COMMAND...: ends with 1, says so and TEXT on standard error, the usage on standard output
refused() {
    local text=$1
    shift
    run --separate-stderr "$@"
    [ "$status" -eq 1 ] || { echo "status $status: $*"; return 1; }
    [[ "$stderr" == 'Error for command "'*"$text"* ]] || { echo "$* said: $stderr"; return 1; }
}

@test "sif new: an empty image, executable, of the known size; a file of that name is replaced" {
    echo old >image.sif
    sif new image.sif
    [ "$(stat -c %s image.sif)" -eq 32176 ]
    [ -x image.sif ]
    [ "$(sif header image.sif | grep -v -e '^ID:' -e ' At:')" = "Version:            01
Descriptors Free:   48
Descriptors Total:  48
Descriptors Offset: 4096
Descriptors Size:   27 KiB
Data Offset:        32176
Data Size:          0 B" ]
    [[ "$(sif header image.sif)" =~ ID:\ +[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} ]]
    [[ "$(sif header image.sif)" =~ Created\ At:\ +20[0-9]{2}-[0-9]{2}-[0-9]{2}\ [0-9:]{8}\ \+0000\ UTC ]]
    [ "$(ls -A)" = image.sif ]
}

@test "sif new: umask counts, a missing directory is named" {
    (umask 077 && sif new image.sif)
    [ "$(stat -c %a image.sif)" = 700 ]
    refused 'No such file or directory' sif new missing/image.sif
    refused 'accepts 1 arg(s), received 0' sif new
}

@test "sif list and info show what was added" {
    make_image
    local size end
    size=$(stat -c %s rootfs.sqfs)
    end=$((32768 + size))
    [ "$(sif list image.sif)" = "------------------------------------------------------------------------------
ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE
------------------------------------------------------------------------------
1    |1       |NONE    |32176-32195               |Def.FILE
2    |1       |NONE    |32195-32202               |JSON.Generic
3    |1       |NONE    |$(printf '%-26s' "32768-$end")|FS (Squashfs/*System/amd64)
4    |NONE    |3       |$(printf '%-26s' "$end-$((end + size))")|FS (Squashfs/System/arm64)" ]
    [ "$(sif info 2 image.sif | grep -v ' At:')" = "  Data Type:    JSON.Generic
  ID:           2
  Group ID:     1
  Linked ID:    NONE
  Offset:       32195
  Size:         7
  Name:         data.json" ]
    [ "$(sif info 3 image.sif | grep -v ' At:')" = "  Data Type:        FS
  ID:               3
  Group ID:         1
  Linked ID:        NONE
  Offset:           32768
  Size:             $size
  Filesystem Type:  Squashfs
  Partition Type:   *System
  Architecture:     amd64" ]
    sif header image.sif | grep -x 'Primary Architecture: amd64'
    [ "$("$APPTAINER" siftool list image.sif)" = "$(sif list image.sif)" ]
}

@test "sif header, list and info print JSON for programs" {
    need_program jq
    make_image
    [ "$(sif list --json image.sif | jq -r '.objects[].dataType' | paste -sd,)" = Def.FILE,JSON.Generic,FS,FS ]
    [ "$(sif list image.sif --json | jq -c '.objects[3] | [.id, .groupId, .linkedId, .architecture]')" = '[4,null,3,"arm64"]' ]
    [ "$(sif info 2 image.sif --json | jq -r .name)" = data.json ]
    [ "$(sif header --json image.sif | jq -c '[.descriptorsFree, .descriptorsSize, .primaryArchitecture]')" = '[44,28080,"amd64"]' ]
    sif header --json image.sif | jq -e '.createdAt | fromdate > 1700000000' >/dev/null
    sif new empty.sif
    [ "$(sif list --json empty.sif | jq -c .)" = '{"objects":[]}' ]
}

@test "sif dump gives the bytes back, into files and pipes" {
    make_image
    sif dump 3 image.sif | cmp - rootfs.sqfs
    sif dump 4 image.sif >out
    cmp out rootfs.sqfs
    sif dump 1 image.sif >>out
    cmp out <(cat rootfs.sqfs def)
}

@test "sif dump tells when its output cannot be written, and writes nothing else there" {
    make_image
    [ -c /dev/full ] || skip "this machine has no /dev/full"
    run --separate-stderr bash -c '"$1" sif dump 3 image.sif >/dev/full' - "$APPTAINER"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'write /dev/stdout: No space left on device'* ]]
    head -c 2000000 /dev/zero >large # more than a pipe holds
    sif add image.sif large --datatype 7
    run --separate-stderr bash -c 'trap "" PIPE; "$1" sif dump 5 image.sif | true; exit "${PIPESTATUS[0]}"' - "$APPTAINER"
    [ "$status" -eq 1 ]
    [[ "$stderr" == *'write /dev/stdout: Broken pipe'* ]]
    run --separate-stderr sif dump 99 image.sif
    [ "$status" -eq 1 ]
    [ -z "$output" ]
    [[ "$stderr" == 'Error for command "dump": object not found'* ]]
}

@test "sif add knows every type of object" {
    printf hello >object
    sif new image.sif
    local type
    for type in 1 2 3 6 7 8; do sif add image.sif object --datatype "$type"; done
    sif add image.sif object --datatype 4 --partfs 4 --parttype 3 --partarch 13
    sif add image.sif object --datatype 5 --signhash 1 --signentity 433fe984155206bd962725e20e8713472A879943
    sif add image.sif object --datatype 9 --sbomformat github
    sif add image.sif object --datatype 10
    sif add image.sif object --datatype 0xb
    sif list image.sif | tail -n +4 | cut -d'|' -f5 >types
    diff types - <<'END'
Def.FILE
Env.Vars
JSON.Labels
JSON.Generic
Generic/Raw
Cryptographic Message (Unknown/Unknown)
FS (Raw/Data/loong64)
Signature (SHA-256)
SBOM (github-json)
OCI.RootIndex
OCI.Blob
END
    sif info 8 image.sif | grep -x '  Entity:       433FE984155206BD962725E20E8713472A879943'
    sif info 10 image.sif | grep -x '  Digest:       sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'
    sif info 5 image.sif | grep -x '  Size:         5'
}

@test "sif add takes a pipe, an alignment, a group's link" {
    sif new image.sif
    sif add image.sif <(echo from a pipe) --datatype 7 --link $((0xf0000002))
    printf x >object
    sif add image.sif object --datatype 7 --alignment 1024
    [ "$(sif dump 1 image.sif)" = 'from a pipe' ]
    sif list image.sif | grep -F '1    |NONE    |2   (G) |32176-32188'
    sif list image.sif | grep -F '2    |NONE    |NONE    |32768-32769'
    refused 'an OCI object must be a file' sif add image.sif <(echo blob) --datatype 11
}

@test "sif add: what is wrong with the options" {
    printf x >object
    sif new image.sif
    refused '--datatype must be passed: a number from 1 to 11' sif add image.sif object
    refused 'invalid --datatype 12' sif add image.sif object --datatype 12
    refused 'invalid --datatype -1' sif add image.sif object --datatype -1
    refused '"x"' sif add image.sif object --datatype x
    refused '--partfs, --parttype and --partarch must be passed' sif add image.sif object --datatype 4 --partfs 1
    refused 'invalid --partfs 7' sif add image.sif object --datatype 4 --partfs 7 --parttype 1 --partarch 2
    refused 'invalid --parttype 5' sif add image.sif object --datatype 4 --partfs 1 --parttype 5 --partarch 2
    refused 'invalid --partarch 14' sif add image.sif object --datatype 4 --partfs 1 --parttype 1 --partarch 14
    refused '--signhash must be passed' sif add image.sif object --datatype 5
    refused 'invalid --signhash 6' sif add image.sif object --datatype 5 --signhash 6
    refused '40 hexadecimal digits' sif add image.sif object --datatype 5 --signhash 1
    refused '40 hexadecimal digits' sif add image.sif object --datatype 5 --signhash 1 --signentity 433F
    refused '40 hexadecimal digits' sif add image.sif object --datatype 5 --signhash 1 \
        --signentity zz3FE984155206BD962725E20E8713472A879943
    refused '--sbomformat must be passed' sif add image.sif object --datatype 9
    refused 'invalid SBOM format: x' sif add image.sif object --datatype 9 --sbomformat x
    refused 'must be a power of two' sif add image.sif object --datatype 7 --alignment 3
    refused 'must be a power of two' sif add image.sif object --datatype 7 --alignment -4096
    refused 'name value too large' sif add image.sif object --datatype 7 --filename "$(printf 'n%.0s' {1..129})"
    refused 'invalid group ID' sif add image.sif object --datatype 7 --groupid $((0x10000000))
    refused 'open missing: No such file' sif add image.sif missing --datatype 7
    refused 'Is a directory' sif add image.sif . --datatype 7
    [ "$(stat -c %s image.sif)" -eq 32176 ]
    sif header image.sif | grep -x 'Descriptors Free:   48'
    run --separate-stderr sif add image.sif object --datatype 7 --partfs 1
    [ "$status" -eq 0 ]
    [[ "$stderr" == 'WARNING: --partfs has no effect on an object of type Generic/Raw' ]]
}

@test "sif add refuses a second primary partition and a forty-ninth object" {
    make_image
    refused 'image already contains a primary partition' \
        sif add image.sif def --datatype 4 --partfs 1 --parttype 2 --partarch 2
    local i
    for i in $(seq 44); do sif add image.sif def --datatype 7; done
    refused 'insufficient descriptor capacity' sif add image.sif def --datatype 7
}

@test "sif del frees the record, sif setprim moves the primary partition" {
    make_image
    sif setprim 4 image.sif
    sif list image.sif | grep -F 'FS (Squashfs/System/amd64)'
    sif list image.sif | grep -F 'FS (Squashfs/*System/arm64)'
    sif header image.sif | grep -x 'Primary Architecture: arm64'
    sif setprim 4 image.sif
    sif del 4 image.sif
    ! sif header image.sif | grep 'Primary Architecture'
    refused 'object not found' sif info 4 image.sif
    sif add image.sif def --datatype 7
    [ "$(sif dump 4 image.sif)" = "$(cat def)" ]
    refused 'object not found' sif del 40 image.sif
    refused 'invalid object ID' sif del 0 image.sif
    refused 'while converting id: "x"' sif del x image.sif
    refused 'while converting id: "4294967296"' sif info 4294967296 image.sif
    refused 'data object not a partition' sif setprim 1 image.sif
    sif add image.sif def --datatype 4 --partfs 2 --parttype 3 --partarch 2
    refused 'data object not a system partition' sif setprim 5 image.sif
}

@test "sif: files that are not to be written or read" {
    need_user
    make_image
    chmod 444 image.sif
    refused 'open image.sif: Permission denied' sif add image.sif def --datatype 7
    refused 'open image.sif: Permission denied' sif del 1 image.sif
    sif list image.sif
    chmod 0 image.sif
    refused 'open image.sif: Permission denied' sif list image.sif
}

@test "sif add by many at the same time loses nothing" {
    printf x >object
    sif new image.sif
    local i pids=()
    for i in $(seq 20); do
        sif add image.sif object --datatype 7 --filename "writer $i" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    sif header image.sif | grep -x 'Descriptors Free:   28'
    [ "$(for i in $(seq 20); do sif info "$i" image.sif; done | grep -c 'writer')" -eq 20 ]
}

@test "sif add killed at random points leaves a valid image" {
    need_program timeout
    head -c 3000000 /dev/urandom >object
    sif new image.sif
    local i
    for i in $(seq 12); do
        timeout -s KILL "0.0$((RANDOM % 90 + 10))" "$APPTAINER" sif add image.sif object --datatype 7 2>/dev/null || true
        sif list image.sif >/dev/null
    done
    sif add image.sif object --datatype 7 --filename last
    sif dump "$(sif list image.sif | tail -n 1 | cut -d' ' -f1)" image.sif | cmp - object
}

@test "sif: broken images are refused, saying what is wrong" {
    make_image
    local total
    total=$(stat -c %s image.sif)
    head -c 100 image.sif >short
    refused 'has 100 bytes' sif list short
    : >empty
    refused 'has 0 bytes' sif header empty
    head -c 20000 image.sif >cut
    refused 'truncated image: the descriptor table ends at byte 32176, the file has 20000 bytes' sif list cut
    head -c "$((total - 1))" image.sif >cut
    sif list cut
    refused "truncated image: object 4 (FS) ends at byte $total, the file has $((total - 1)) bytes" sif dump 4 cut
    refused 'truncated image' sif add cut def --datatype 7
    cp image.sif bad
    bytes bad 88 '\x00\x00\x00\x00\x00\x01\x00\x00'
    refused '1099511627776 descriptors' sif list bad
    cp image.sif bad
    bytes bad 88 '\xff\xff\xff\xff\xff\xff\xff\xff'
    refused 'corrupted image: -1 descriptors' sif list bad
    cp image.sif bad
    bytes bad 43 9
    refused 'incompatible SIF version: "09"' sif list bad
    cp image.sif bad
    bytes bad 32 X
    refused 'invalid SIF magic' sif list bad
    refused 'not a regular file' sif list .
    mkfifo pipe
    refused 'not a regular file' timeout 10 "$APPTAINER" sif list pipe
    refused 'not a regular file' timeout 10 "$APPTAINER" sif del 1 pipe
    refused 'not a regular file' sif list /dev/null
    refused 'open missing: No such file or directory' sif list missing
}

@test "sif: names from an image do no harm to a terminal" {
    printf x >object
    sif new image.sif
    sif add image.sif object --datatype 6 --filename "$(printf 'a\033[31m\nb')"
    sif info 1 image.sif | grep -xF '  Name:         a\x1b[31m\x0ab'
    bytes image.sif 0 '#!\x1b[2J'
    sif header image.sif | grep -xF 'Launch Script:      #!\x1b[2J'
}
