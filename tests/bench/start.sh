#!/bin/bash
# Start-up: one start against bwrap on the unpacked tree and plain unshare, then 64 at once.
# Run as the unprivileged user.  Variables: APPTAINER, WORK (a directory), ROOTFS (tree), PYTHON_ROOTFS (tree or empty)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$WORK"

echo "== one start of 'true' (warm)"
[ -e start.sif ] || "$APPTAINER" build start.sif "$ROOTFS" 2>/dev/null
bwrap="bwrap --bind $ROOTFS / --dev-bind /dev /dev --proc /proc --bind /tmp /tmp --unshare-user"
python3 "$here/measure.py" alternate 40 \
    "exec SIF=$APPTAINER exec start.sif true" \
    "exec sandbox=$APPTAINER exec $ROOTFS true" \
    "unshare=unshare -r -m true" \
    "bwrap=$bwrap true"

echo "== one start of 'true' (cold: a new server each time)"
python3 "$here/measure.py" alternate 20 \
    "exec SIF=APPTAINER_IMAGE_LINGER=0 $APPTAINER exec start.sif true; while pgrep -u $(id -u) -x imagefs >/dev/null; do :; done" \
    "bwrap=$bwrap true"

if [ -n "${PYTHON_ROOTFS:-}" ] && [ -e "$PYTHON_ROOTFS/.complete" ]; then
    echo "== 64 simultaneous starts of python3 -c 'import numpy, scipy.linalg'"
    [ -e python.sif ] || "$APPTAINER" build python.sif "$PYTHON_ROOTFS" 2>/dev/null
    bwrap="bwrap --bind $PYTHON_ROOTFS / --dev-bind /dev /dev --proc /proc --bind /tmp /tmp --unshare-user"
    python3 "$here/measure.py" together 64 3 \
        "exec SIF=$APPTAINER exec python.sif python3 -c 'import numpy, scipy.linalg'" \
        "bwrap=$bwrap python3 -c 'import numpy, scipy.linalg'"
fi
