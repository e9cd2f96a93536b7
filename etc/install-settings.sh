#!/bin/sh
# install-settings.sh FILE DIRECTORY: installs a file of settings, or NAME.new where a site has its own.
set -e
target=$DESTDIR$2/$(basename "$1")
mkdir -p "$(dirname "$target")"
if [ -e "$target" ] && ! cmp -s "$1" "$target"; then
    target=$target.new
fi
cp "$1" "$target"
chmod 644 "$target"
