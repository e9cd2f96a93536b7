#!/bin/bash
# From nothing to a program in a container, without any registry: an OCI layout of a static busybox made by hand, converted to one
# SIF file, run as an ordinary user.
#   tools/demo.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/apptainer-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }

DESTDIR=$work/stage meson install -C "$build" --no-rebuild >/dev/null
export PATH=$work/stage/usr/local/bin:$PATH
prefix=$(find "$work/stage" -type d -name bin | head -n 1)
export PATH=$prefix:$PATH

user=()
if [ "$(id -u)" = 0 ]; then
    # Containers are for ordinary users: the demo runs as one.
    name=${TEST_USER:-apptainer-test}
    chown "$name" "$work"
    user=(setpriv --reuid="$name" --regid="$(id -g "$name")" --init-groups --inh-caps=-all
        env HOME="$(getent passwd "$name" | cut -d: -f6)" USER="$name" LOGNAME="$name")
fi
cd "$work"

step "An OCI image on disk, made from busybox"
"${user[@]}" "$here/make-demo-image.sh" "$work/layout"
ls "$work/layout"

step "\$ apptainer build hello.sif oci:layout:latest"
"${user[@]}" apptainer build hello.sif oci:layout:latest
ls -lh hello.sif

step "\$ apptainer exec hello.sif sh -c 'echo …'     (as $("${user[@]}" id -un))"
# shellcheck disable=SC2016
"${user[@]}" apptainer exec hello.sif sh -c 'echo "hello from $APPTAINER_NAME: $(busybox | head -n 1), uid $(id -u)"'

step "\$ ./hello.sif"
"${user[@]}" env PATH="$PATH" ./hello.sif

step "Time of 20 starts"
time (for _ in $(seq 20); do "${user[@]}" apptainer exec hello.sif true; done)
echo
echo "The demo worked."
