#!/usr/bin/env bats
# What the squashfs writer makes, seen by programs that are not ours: unsquashfs, mksquashfs, the kernel.

load helpers

test_setup() {
    pack=$TOOLS/squashfs_pack
    [ -x "$pack" ] || skip "squashfs_pack was not built"
    need_program unsquashfs mksquashfs
}

teardown() {
    if mountpoint -q "$BATS_TEST_TMPDIR/mnt" 2>/dev/null; then umount "$BATS_TEST_TMPDIR/mnt"; fi
}

# A tree with one of everything that the calling user can make.
make_tree() {
    local top=$1
    mkdir -p "$top"/{dir/sub/deep,empty,sticky,links,many}
    chmod 1777 "$top/sticky"
    chmod 2750 "$top/dir/sub"
    : >"$top/dir/nothing"
    printf 'a' >"$top/dir/one byte"
    head -c 131072 /dev/urandom >"$top/dir/block"
    head -c 131073 /dev/urandom >"$top/dir/block-and-one"
    head -c 1000000 /dev/zero >"$top/dir/zeros"
    yes 'some text that compresses' | head -c 5000000 >"$top/dir/text"
    cp "$top/dir/text" "$top/dir/text-again"
    cp "$top/dir/one byte" "$top/dir/one byte again"
    head -c 3000 /dev/urandom >"$top/dir/sub/deep/random"
    chmod 4755 "$top/dir/sub/deep/random"
    truncate -s 3M "$top/dir/sparse"
    printf 'in the middle' | dd of="$top/dir/sparse" bs=1 seek=1500000 conv=notrunc status=none
    ln "$top/dir/block" "$top/links/hard"
    ln "$top/dir/text" "$top/links/hard2"
    ln -s ../dir "$top/links/relative"
    ln -s /etc/passwd "$top/links/absolute"
    ln -s "$(printf 'x%.0s' $(seq 4000))" "$top/links/long"
    ln -s 'nowhere at all' "$top/links/dangling"
    printf 'x' >"$top/$(printf '%255s' '' | tr ' ' n)"
    printf 'x' >"$top/$(printf 'odd \001\377\n\\name')"
    for i in $(seq 600); do printf '%s\n' "$i" >"$top/many/file-$i"; done
    mkfifo "$top/fifo"
    touch -d '1970-01-01 00:00:00 UTC' "$top/dir/old"
    touch -d '2105-12-31 00:00:00 UTC' "$top/dir/future"
    setfattr -n user.comment -v 'a value' "$top/dir/text" 2>/dev/null || true
    setfattr -n user.comment -v 'a value' "$top/dir/sub" 2>/dev/null || true
    if [ "$(id -u)" = 0 ]; then make_roots_part "$top"; fi
}

make_roots_part() {
    mknod "$1/null" c 1 3
    mknod "$1/large" b 259 70000
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1/socket" 2>/dev/null || true
    chown 1234:5678 "$1/dir/block"
    chown 4294967294:2147483648 "$1/dir/zeros"
    chown -h 7:8 "$1/links/dangling"
    setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$1/dir/block"
    setfattr -n trusted.overlay.opaque -v y "$1/empty" 2>/dev/null || true
    setfattr -h -n trusted.link -v l "$1/links/relative" 2>/dev/null || true
    setfattr -n user.large -v "$(head -c 3000 /dev/zero | tr '\0' v)" "$1/dir/old"
}

# Everything about every entry but the inode number, one line each; directories without size.
describe() {
    (
        cd "$1" || exit 1
        find . -mindepth 1 -type d -printf '%p %y %m %U:%G %T@ - %n\0'
        find . -mindepth 1 ! -type d -printf '%p %y %m %U:%G %T@ %s %n %l\0'
        find . -type f -print0 | sort -z | xargs -0 sha256sum -z
        find . -mindepth 1 -print0 | sort -z | xargs -0 getfattr -h -d -m - -e hex -- 2>/dev/null | tr '\n' '\0'
        find . -mindepth 1 \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | sort | tr '\n' '\0'
    ) | sed -z -E 's/\.0000000000 / /' | sort -z | tr '\0' '\n'
}

# Whole seconds, which is all that the format has.
round_times() {
    find "$1" -depth -print0 | while IFS= read -r -d '' f; do touch -h -d "@$(stat -c %Y "$f")" "$f"; done
}

fixture_tree() {
    fixture squashfs-tree make_rounded_tree
}

make_rounded_tree() {
    make_tree "$1" && round_times "$1"
}

# Listing by unsquashfs without the sizes of directories, which depend on how a writer groups entries.
listing() {
    unsquashfs -lln "$1" | sed -E 's/^(d[^ ]+ [^ ]+ +)[0-9]+/\1-/' | sort
}

mount_image() {
    mkdir -p mnt
    mount -o loop,ro -t squashfs "$1" mnt 2>mount.err || {
        if grep -q "$2" mount.err || dmesg 2>/dev/null | tail -n 5 | grep -qi 'unsupported compression\|not supported'; then
            skip "this kernel does not mount squashfs with $2"
        fi
        cat mount.err
        return 1
    }
}

check_with_unsquashfs() { # TREE IMAGE
    rm -rf out
    unsquashfs -q -n -d out "$2" >unsquashfs.log 2>&1 || { cat unsquashfs.log; return 1; }
    describe "$1" | restorable >expected
    describe out | restorable >found
    diff -a expected found
}

# unsquashfs gives no set-id bits when an ordinary user runs it.
restorable() {
    if [ "$(id -u)" = 0 ]; then cat; else sed -E 's/^(.* [df] )[0-7]([0-7]{3} )/\1\2/'; fi
}

check_compressor() { # NAME ARGUMENTS
    local tree
    tree=$(fixture_tree)
    "$pack" "$tree" image 0 "$2"
    unsquashfs -s image | grep -a "Compression $1"
    check_with_unsquashfs "$tree" image
}

check_kernel() { # NAME ARGUMENTS
    local tree
    need_root
    tree=$(fixture_tree)
    "$pack" "$tree" image 0 "$2"
    mount_image image "$1"
    describe "$tree" >expected
    describe mnt >found
    diff -a expected found
    umount mnt
}

@test "zstd: unsquashfs restores the tree" { check_compressor zstd ""; }
@test "gzip: unsquashfs restores the tree" { check_compressor gzip "-comp gzip"; }
@test "gzip level 1: unsquashfs restores the tree" { check_compressor gzip "-comp gzip -Xcompression-level 1"; }
@test "xz: unsquashfs restores the tree" { check_compressor xz "-comp xz"; }
@test "lz4: unsquashfs restores the tree" { check_compressor lz4 "-comp lz4"; }
@test "lz4 -Xhc: unsquashfs restores the tree" { check_compressor lz4 "-comp lz4 -Xhc"; }
@test "lzma: unsquashfs restores the tree" { check_compressor lzma "-comp lzma"; }
@test "nothing compressed: unsquashfs restores the tree" { check_compressor zstd "-noI -noD -noF -noX"; }
@test "blocks of 4 KiB: unsquashfs restores the tree" { check_compressor zstd "-b 4K"; }
@test "blocks of 1 MiB: unsquashfs restores the tree" { check_compressor gzip "-comp gzip -b 1M"; }
@test "no fragments, no duplicates: unsquashfs restores the tree" {
    check_compressor zstd "-no-fragments -no-duplicates"
    unsquashfs -s image | grep -F "Number of fragments 0"
    unsquashfs -s image | grep -F "Duplicates are not removed"
}

@test "zstd: the kernel shows the tree" { check_kernel zstd ""; }
@test "zstd level 19, blocks of 1 MiB: the kernel shows the tree" {
    check_kernel zstd "-b 1M -Xcompression-level 19"
}
@test "gzip: the kernel shows the tree" { check_kernel gzip "-comp gzip"; }
@test "xz: the kernel shows the tree" { check_kernel xz "-comp xz"; }
@test "lz4: the kernel shows the tree" { check_kernel lz4 "-comp lz4"; }
@test "nothing compressed: the kernel shows the tree" { check_kernel zstd "-noI -noD -noF -noX -b 4K"; }

@test "unsquashfs lists what it lists of mksquashfs's image" {
    tree=$(fixture_tree)
    "$pack" "$tree" ours
    mksquashfs "$tree" theirs -noappend -quiet -no-progress -comp zstd
    listing ours >ours.txt
    listing theirs >theirs.txt
    [ "$(wc -l <ours.txt)" -gt 620 ]
    diff -a ours.txt theirs.txt
}

@test "an image of gzip is no larger than mksquashfs's" {
    tree=$(fixture_tree)
    mkdir big
    cp -r /usr/include big/ 2>/dev/null || cp -r /etc big/
    "$pack" big ours 0 "-comp gzip"
    mksquashfs big theirs -noappend -quiet -no-progress
    echo "ours $(stat -c %s ours), theirs $(stat -c %s theirs)"
    [ "$(stat -c %s ours)" -le "$(($(stat -c %s theirs) * 101 / 100))" ]
}

@test "all owners root, no extended attributes" {
    tree=$(fixture_tree)
    "$pack" "$tree" image 0 "-all-root -no-xattrs"
    unsquashfs -s image | grep -F "Xattrs are not stored"
    unsquashfs -lln image | grep -aE '^[-dlbcps][-rwxsStT]{9} ' >listing.txt # names have newlines too
    [ "$(grep -ac ' 0/0 ' listing.txt)" -gt 620 ]
    ! grep -av ' 0/0 ' listing.txt
}

@test "any number of threads gives the same bytes" {
    tree=$(fixture_tree)
    for n in 1 2 3 8; do "$pack" "$tree" "image$n" 0 "-processors $n"; done
    cmp image1 image2
    cmp image1 image3
    cmp image1 image8
}

@test "behind other bytes in the same file" {
    tree=$(fixture_tree)
    printf 'head' >image
    "$pack" "$tree" image 32768
    [ "$(head -c 4 image)" = head ]
    "$pack" "$tree" alone
    cmp <(tail -c +32769 image) alone
    rm -rf out
    unsquashfs -q -n -o 32768 -d out image
    [ -e out/dir/text ]
}

@test "a directory of 200,000 entries" {
    need_root # once is enough
    mkdir tree
    (cd tree && mkdir many && cd many && seq -f 'entry-with-a-name-%06.0f' 0 199999 | xargs touch)
    "$pack" tree image
    [ "$(unsquashfs -l image | grep -c entry-with-a-name)" = 200000 ]
    mount_image image zstd
    [ "$(find mnt/many -type f | wc -l)" = 200000 ]
    for i in 000000 000001 123456 199999; do [ -f "mnt/many/entry-with-a-name-$i" ]; done
    [ ! -e mnt/many/entry-with-a-name-200000 ]
    [ ! -e mnt/many/entry ]
    umount mnt
    rm -rf tree
}

@test "a sparse file of 6 GiB" {
    need_root # once is enough
    mkdir tree
    truncate -s 6G tree/large
    printf 'the start' | dd of=tree/large conv=notrunc status=none
    printf 'behind 4 GiB' | dd of=tree/large bs=1M seek=5000 conv=notrunc status=none
    head -c 3000000 /dev/urandom | dd of=tree/large bs=1M seek=5500 conv=notrunc status=none
    "$pack" tree image
    [ "$(stat -c %s image)" -lt 4000000 ]
    unsquashfs -q -n -d out image
    cmp tree/large out/large
    [ "$(stat -c %b out/large)" -lt 20000 ]
    mount_image image zstd
    [ "$(stat -c %s mnt/large)" = 6442450944 ]
    cmp -i 5242880000 tree/large mnt/large
    umount mnt
}

@test "more ids than squashfs holds are refused with the number" {
    need_root
    mkdir tree
    python3 - <<'PYTHON'
import os
for i in range(65600):
    name = "tree/%d" % i
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    os.chown(name, i, 0)
PYTHON
    run "$pack" tree image
    [ "$status" = 1 ]
    [[ $output == *"more than 65535 different user and group ids"* ]]
    rm -rf tree
}

@test "1,536 different sets of extended attributes" {
    mkdir tree
    : >tree/probe
    setfattr -n user.x -v 1 tree/probe 2>/dev/null || skip "no extended attributes on $TMP"
    for i in $(seq 1536); do : >"tree/$i"; setfattr -n user.number -v "$i" "tree/$i"; done
    rm tree/probe
    "$pack" tree image
    unsquashfs -q -n -d out image
    [ "$(getfattr --only-values -n user.number out/1)" = 1 ]
    [ "$(getfattr --only-values -n user.number out/777)" = 777 ]
    [ "$(getfattr --only-values -n user.number out/1536)" = 1536 ]
}
