#!/usr/bin/env bats
# Layers merged by us against what umoci unpacks, and images that skopeo has carried through every kind of source.

load helpers

# Prints the listing of what the program under test makes of an image.
ours() { "$TOOLS/tree-text" oci "$1"; }

# Packs the bundle as one more layer of the image: OLD-TAG NEW-TAG, with commands on standard input run in the root file system.
add_layer() {
    umoci unpack --image "oci:$1" bundle >/dev/null 2>&1
    (cd bundle/rootfs && sh -e) || return 1
    umoci repack --image "oci:$2" bundle >/dev/null 2>&1 || return 1
    rm -rf bundle
}

# A layout "oci" with the tags l1 to l6, one layer more each.
make_image() {
    umoci init --layout oci
    umoci new --image oci:l0
    add_layer l0 l1 <<'SH'
mkdir -p bin etc usr/lib usr/bin tmp var/cache opt/deep/er home/user
ln -s usr/lib lib
cp "$(command -v busybox)" bin/busybox
for n in sh ls cat; do ln -s busybox bin/$n; done
ln bin/busybox usr/bin/busybox
chmod 1777 tmp; chmod 4755 bin/busybox
i=0; while [ $i -lt 200 ]; do echo "file $i" >usr/lib/f$i; i=$((i + 1)); done
echo first >etc/mixed
chown 1000:3000000 home/user; chmod 2750 home/user
mkfifo var/fifo; mknod var/null c 1 3; mknod var/disk b 8 17
setfattr -n user.comment -v "some value" etc/mixed
setfattr -n trusted.secret -v x usr/lib
touch -d @0 etc/epoch; touch -d @-86400 etc/before; touch -d @4294967294 etc/late
truncate -s 3000000 var/sparse; printf end >>var/sparse
: >empty
SH
    add_layer l1 l2 <<'SH'
rm usr/lib/f1 usr/lib/f2; rm -rf opt/deep
echo changed >usr/lib/f3; chmod 600 usr/lib/f4; chown 7:8 usr/lib/f5; ln usr/lib/f6 usr/lib/f6-again
rm etc/mixed; mkdir etc/mixed; echo inside >etc/mixed/x
SH
    add_layer l2 l3 <<'SH'
rm -rf etc/mixed; echo file again >etc/mixed; rm bin/sh; ln -s /bin/busybox bin/sh
rm bin/busybox; mv lib lib.old; mkdir lib; echo x >lib/x
SH
    add_layer l3 l4 <<'SH'
rm -rf lib lib.old; ln -s usr/lib lib; mkdir -p opt/deep/er/still; echo z >opt/deep/er/still/z
head -c 5000000 /dev/urandom >opt/noise; touch "$(printf 'new\nline')" "$(printf '\377\376')" 'back\slash' 'sp ace' "é"
SH
    add_layer l4 l5 <<'SH'
rm -rf usr/lib; mkdir usr/lib; echo only >usr/lib/only; rm var/fifo var/null
SH
    # By hand, as other tools write them: parents that are links, whiteouts before and behind, an opaque directory.
    mkdir -p hand/usr/lib hand/home/user hand/opt
    echo through >hand/usr/lib/through; : >hand/.wh.empty; : >hand/home/user/.wh..wh..opq; echo new >hand/home/user/new
    touch -d @1234567890 hand/usr/lib/through hand/home/user/new
    tar -C hand --numeric-owner --owner=5 --group=6 -cf hand.tar --transform 's,^usr/lib,lib,' usr/lib/through .wh.empty \
        home/user/new home/user/.wh..wh..opq
    ln -s ../somewhere/else hand/opt/dangling
    tar -C hand --numeric-owner --owner=5 --group=6 -rf hand.tar opt/dangling
    umoci raw add-layer --image oci:l5 --tag l6 hand.tar
}

compare() { # LISTING-OF-DIRECTORY LISTING-OF-OURS START
    python3 "$BATS_TEST_DIRNAME/compare-trees.py" "$@"
}

@test "each of six images of up to six layers is what umoci unpacks" {
    need_root
    need_program umoci busybox python3 setfattr
    make_image
    umask 002
    for tag in l1 l2 l3 l4 l5 l6; do
        start=$(date +%s)
        umoci raw unpack --image oci:$tag root >/dev/null 2>&1
        "$TOOLS/tree-text" dir root >theirs
        ours oci:oci:$tag >ours
        compare theirs ours "$start"
        rm -rf root
    done
    [ "$(wc -l <ours)" -gt 30 ]
    grep -q '^/usr/lib/through - 0644 5:6 8 1234567890 ' ours
    grep -q '^/var/disk b 0644 0:0 8,17 ' ours
    grep -q '^/home/user/new ' ours
    run ! grep -q '^/empty ' ours
}

@test "random layers are what umoci unpacks" {
    need_root
    need_program umoci
    python3 -c 'import tarfile' 2>/dev/null || skip "python3 with its library is not installed"
    umask 002
    agreed=0
    for seed in $(seq 40); do
        rm -rf layout root
        mkdir layout
        python3 "$BATS_TEST_DIRNAME/random-layers.py" layout "$seed"
        start=$(date +%s)
        # Parents that are files: umoci before 0.6 fails at them.
        umoci raw unpack --image layout:latest root >umoci.log 2>&1 || continue
        "$TOOLS/tree-text" dir root >theirs
        ours oci:layout:latest >ours || { echo "seed $seed"; return 1; }
        compare theirs ours "$start" || { echo "seed $seed"; return 1; }
        agreed=$((agreed + 1))
    done
    [ "$agreed" -ge 10 ]
}

@test "the same tree from every kind of source" {
    need_program skopeo umoci
    layout=$(fixture_oci)
    ours "oci:$layout:latest" >expected
    [ "$(wc -l <expected)" -gt 100 ]
    skopeo copy -q "oci:$layout:latest" oci-archive:a.tar:one
    skopeo copy -q "oci:$layout:latest" docker-archive:d.tar:name:v1
    skopeo copy -q --dest-compress-format zstd --dest-compress "oci:$layout:latest" oci:zstd:z
    skopeo copy -q --format v2s2 "oci:$layout:latest" oci:again:x
    gzip -k a.tar d.tar
    zstd -q d.tar -o d.tar.zst
    xz -k d.tar
    bzip2 -k d.tar
    for source in oci-archive:a.tar oci-archive:a.tar:one oci-archive:a.tar.gz:one docker-archive:d.tar docker-archive:d.tar:name:v1 \
        docker-archive:d.tar:docker.io/library/name:v1 docker-archive:d.tar:@0 docker-archive:d.tar.gz docker-archive:d.tar.zst \
        docker-archive:d.tar.xz docker-archive:d.tar.bz2:name:v1 docker-archive://d.tar oci:zstd:z oci:zstd oci:again:x; do
        ours "$source" >found || { echo "$source"; return 1; }
        diff expected found || { echo "$source"; return 1; }
    done
}

@test "several images in one archive" {
    need_program skopeo umoci
    layout=$(fixture_oci)
    umoci init --layout two
    skopeo copy -q "oci:$layout:latest" oci:two:a
    umoci config --image two:a --tag b --config.label other=one
    run ours oci:two
    [ "$status" = 1 ]
    [[ $output == *"more than one image in oci, choose an image: a, b"* ]]
    ours oci:two:a >a
    ours oci:two:b >b
    diff a b
    digest=$(python3 -c 'import json; print(json.load(open("two/index.json"))["manifests"][1]["digest"])')
    ours "oci:two@$digest" >c
    diff a c
}

@test "layers in GNU, ustar and pax format, sparse files among them" {
    need_program umoci tar
    mkdir tree
    truncate -s 2000000 tree/hole
    printf middle | dd of=tree/hole bs=1 seek=1000000 conv=notrunc status=none
    : >tree/end
    mkdir -p "tree/$(printf 'long%.0s' $(seq 30))/$(printf 'name%.0s' $(seq 40))"
    echo x >tree/file
    ln tree/file tree/link
    "$TOOLS/tree-text" dir tree | sed 1d >expected
    for format in gnu pax; do
        rm -rf layout
        umoci init --layout layout
        umoci new --image layout:t
        tar --format=$format -S -C tree -cf layer.tar .
        umoci raw add-layer --image layout:t layer.tar
        ours oci:layout:t | sed 1d >found
        diff expected found || { echo "$format"; return 1; }
    done
    rm -rf tree/long* layout
    "$TOOLS/tree-text" dir tree | sed 1d >expected
    umoci init --layout layout
    umoci new --image layout:t
    tar --format=ustar -C tree -cf layer.tar .
    umoci raw add-layer --image layout:t layer.tar
    ours oci:layout:t | sed 1d >found
    diff expected found
}

@test "damaged sources are refused by name, whatever is wrong" {
    need_program umoci
    cp -r "$(fixture_oci)" layout
    layer=$(find layout/blobs -type f -size +100k | head -1)
    refused() {
        run ours oci:layout:latest
        echo "$output"
        [ "$status" = 1 ]
        [[ $output == *layout*"$1"* ]]
    }
    cp "$layer" good
    truncate -s -100 "$layer"
    refused "were announced"
    cp good "$layer"
    printf x | dd of="$layer" bs=1 seek=50000 conv=notrunc status=none
    refused "is damaged"
    rm "$layer"
    refused "is missing"
    cp good "$layer"
    truncate -s 100M layout/index.json
    refused "more than the limit"
    python3 -c 'print("[" * 100000)' >layout/index.json
    refused "nested deeper than"
    rm layout/index.json
    refused "no index.json"
}

@test "no file is written while an image is read" {
    need_program strace umoci
    layout=$(fixture_oci)
    strace -f -e trace=openat,open,creat,mkdir,mkdirat,rename,renameat2,unlink,memfd_create -o trace "$TOOLS/tree-text" oci "oci:$layout:latest" >/dev/null
    run ! grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|creat|mkdir|rename|unlink|memfd' trace
}
