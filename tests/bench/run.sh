#!/bin/bash
# Measures against peers in one run and prints ratios; asserts nothing.  `make bench`; parts can be named.
#   tests/bench/run.sh BUILD_DIRECTORY [start] [convert] [read]
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- start convert read
export TEST_USER=${TEST_USER:-apptainer-test}
keep=${BENCH_DIRECTORY:-/var/tmp/apptainer-bench}
mkdir -p "$keep"
chmod 755 "$keep"
stage=$(mktemp -d "${TMPDIR:-/tmp}/apptainer-bench.XXXXXX")
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
DESTDIR=$stage meson install -C "$build" --no-rebuild >/dev/null
cp -r "$here" "$stage/bench"
mkdir "$stage/tools"
cp "$build/tests/tools/imagefs_join" "$stage/tools"
chmod -R a+rX "$stage"
export APPTAINER=$stage/usr/local/bin/apptainer WORK=$keep/work ROOTFS=$keep/rootfs BENCH=$keep
export TOOLS=$stage/tools IMAGEFS=$stage/usr/local/libexec/apptainer/imagefs

user=()
if [ "$(id -u)" = 0 ]; then
    user=(setpriv --reuid="$TEST_USER" --regid="$(id -g "$TEST_USER")" --init-groups --inh-caps=-all env -u XDG_RUNTIME_DIR
        HOME="$(getent passwd "$TEST_USER" | cut -d: -f6)" USER="$TEST_USER" LOGNAME="$TEST_USER")
    install -d -o "$TEST_USER" "$WORK"
else
    mkdir -p "$WORK"
fi
if [ ! -e "$ROOTFS/bin/busybox" ]; then
    mkdir -p "$ROOTFS"/{bin,etc,proc,sys,dev,tmp,var/tmp,home,root}
    cp "$(command -v busybox)" "$ROOTFS/bin/"
    for applet in $(busybox --list | grep -vx busybox); do ln -sf busybox "$ROOTFS/bin/$applet"; done
    echo 'root:x:0:0::/root:/bin/sh' >"$ROOTFS/etc/passwd"
    echo 'root:x:0:' >"$ROOTFS/etc/group"
    touch "$ROOTFS/etc/hosts" "$ROOTFS/etc/resolv.conf" "$ROOTFS/etc/localtime"
fi
for part; do
    case $part in
    start)
        if [ "$(id -u)" = 0 ]; then
            "$here/make-python-rootfs.sh" "$keep/python" || echo "no python tree: that part is left out"
        fi
        PYTHON_ROOTFS=$keep/python "${user[@]}" "$stage/bench/start.sh"
        ;;
    convert) [ -x "$stage/bench/convert.sh" ] && "$stage/bench/convert.sh" ;;
    read) [ -x "$stage/bench/read.sh" ] && "$stage/bench/read.sh" ;;
    *) echo "unknown part: $part (start, convert, read)" >&2 ;;
    esac
done
