#!/bin/bash
# Start-up: one start against bwrap on the unpacked tree and plain unshare, then 64 at once.
# Run as the unprivileged user.  Variables: APPTAINER, WORK (a directory), ROOTFS (tree), PYTHON_ROOTFS (tree or empty)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$WORK"
in_bwrap() { # TREE
    echo "bwrap --bind $1 / --dev-bind /dev /dev --proc /proc --bind /tmp /tmp --unshare-user"
}

[ start.sif -nt "$ROOTFS" ] || "$APPTAINER" build --force start.sif "$ROOTFS" 2>/dev/null
echo "== one start of 'true', the image server is there"
python3 "$here/measure.py" alternate 100 \
    "exec SIF=$APPTAINER exec start.sif true" \
    "exec sandbox=$APPTAINER exec $ROOTFS true" \
    "unshare=unshare -r -m true" \
    "bwrap=$(in_bwrap "$ROOTFS") true"

echo "== one start of 'true', a new image server each time"
APPTAINER_IMAGE_LINGER=0 python3 "$here/measure.py" cold 40 \
    "exec SIF=$APPTAINER exec start.sif true" \
    "bwrap=$(in_bwrap "$ROOTFS") true"

if [ -n "${PYTHON_ROOTFS:-}" ] && [ -e "$PYTHON_ROOTFS/.complete" ]; then
    echo "== 64 simultaneous starts of python3 -c 'import numpy, scipy.linalg'"
    [ python.sif -nt "$PYTHON_ROOTFS/.complete" ] || "$APPTAINER" build --force python.sif "$PYTHON_ROOTFS" 2>/dev/null
    python3 "$here/measure.py" together 64 3 \
        "exec SIF=$APPTAINER exec python.sif python3 -c 'import numpy, scipy.linalg'" \
        "bwrap=$(in_bwrap "$PYTHON_ROOTFS") python3 -c 'import numpy, scipy.linalg'"
fi
