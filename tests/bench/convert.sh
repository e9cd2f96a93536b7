#!/bin/bash
# Conversion: a large OCI layout becomes an image file, against umoci and mksquashfs, against inflating its layers alone, and, with
# APPTAINER_PEER, against the original.  As root (umoci keeps owners).  Variables: APPTAINER, BENCH, WORK, TEST_USER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
layout=$BENCH/large
"$here/make-large-image.sh" "$layout"
chmod -R a+rX "$layout"
place=$WORK/convert
rm -rf "$place"
install -d -o "${TEST_USER:-root}" "$place"
trap 'rm -rf "$place"' EXIT
cd "$place"

contenders=(
    "zstd=$APPTAINER build --force $place/target.sif oci:$layout:latest"
    "gzip=$APPTAINER build --force --mksquashfs-args '-comp gzip' $place/target.sif oci:$layout:latest"
    "inflate alone=sh -c 'for f in $layout/blobs/sha256/*; do gzip -dc \$f 2>/dev/null; done >/dev/null'"
)
if [ "$(id -u)" = 0 ]; then
    contenders+=("umoci, mksquashfs=sh -c 'umoci unpack --image $layout:latest bundle >/dev/null 2>&1 &&
        mksquashfs bundle/rootfs target.sif -comp zstd -Xcompression-level 3 -noappend -quiet -no-progress && rm -rf bundle'")
fi
if [ -n "${APPTAINER_PEER:-}" ]; then
    export PEER_DIR=$BENCH
    contenders+=("original=$APPTAINER_PEER run env APPTAINER_CACHEDIR=/w/work/convert APPTAINER_TMPDIR=/w/work/convert
        apptainer build --force /w/work/convert/target.sif oci:/w/large")
fi
python3 "$here/convert.py" "$place" "${contenders[@]}"
