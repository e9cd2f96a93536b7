#!/bin/bash
# A Debian root file system with python3, numpy and scipy, for the start benchmark; as root, by debootstrap from the mirror that
# this machine's apt uses.
#   make-python-rootfs.sh DIRECTORY
set -euo pipefail
root=$1
[ ! -e "$root/.complete" ] || exit 0
command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -E '/debian/?$' | sort -u | head -1)
rm -rf "$root"
debootstrap --variant=minbase --include=python3-numpy,python3-scipy bookworm "$root" "$mirror" >/dev/null
chroot "$root" apt-get clean
rm -rf "${root:?}"/var/lib/apt/lists/* "${root:?}"/dev/*
mkdir -p "$root/dev" "$root/proc" "$root/sys"
chmod -R a+rX "$root" # the ordinary user who measures builds the image from it
touch "$root/.complete"
