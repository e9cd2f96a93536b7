#!/bin/bash
# Reading from an image: the kernel's squashfs, squashfuse_ll and imagefs, each below an overlay as a start makes it.
# As root (loop devices, cold caches).  Variables: BENCH (a directory that keeps the image), TOOLS (test programs), IMAGEFS (the server),
# READ_ROUNDS, READ_TASKS (words of task names), READ_MEGABYTES
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
    echo "reading is measured as root only: it needs loop devices and drops the kernel's caches"
    exit 0
fi
image=$BENCH/read.sqfs
export BENCH PLACE=$BENCH/place TOP=$BENCH/top EMPTY=$BENCH/empty
mkdir -p "$PLACE" "$TOP" "$EMPTY"
if [ ! -e "$image" ]; then
    tree=$(mktemp -d "$BENCH/read-tree.XXXXXX")
    trap 'rm -rf "$tree"' EXIT
    python3 "$here/make-read-image.py" "$tree" "${READ_MEGABYTES:-500}"
    chmod -R a+rX "$tree"
    mksquashfs "$tree" "$image.new" -comp zstd -Xcompression-level 3 -noappend -quiet -no-progress -all-root
    mv "$image.new" "$image"
    rm -rf "$tree"
fi
user="setpriv --reuid=${TEST_USER:-apptainer-test} --regid=$(id -g "${TEST_USER:-apptainer-test}") --clear-groups --inh-caps=-all"
overlay='mount -t tmpfs session "$EMPTY" && mount -t overlay -o lowerdir="$EMPTY:$PLACE"OPTIONS overlay "$TOP" && eval "$AGENT"'
kernel="exec unshare -m sh -c 'mount -t squashfs -o loop,ro $image \"\$PLACE\" && ${overlay/OPTIONS/}'"
# It lives in the namespace that its mount is in, so it has to be ended by hand.
squashfuse="exec unshare -m sh -c 'squashfuse_ll -f $image \"\$PLACE\" & while ! mountpoint -q \"\$PLACE\"; do sleep 0.01; done; ${overlay/OPTIONS/}; kill \$!'"
imagefs="exec $user $TOOLS/imagefs_join -k -r $IMAGEFS $image \"\$PLACE\" sh -c '${overlay/OPTIONS/,userxattr}'"
contenders=("kernel=$kernel")
! command -v squashfuse_ll >/dev/null || contenders+=("squashfuse_ll=$squashfuse")
contenders+=("imagefs=$imagefs")
echo "== reading $(du -h "$image" | cut -f1) of zstd squashfs, best of ${READ_ROUNDS:-3}"
python3 "$here/read.py" "${READ_ROUNDS:-3}" "${contenders[@]}"
