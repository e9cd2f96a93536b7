#!/bin/bash
# Prepares a machine for the tests, as root: an unprivileged user with subordinate ids, and a /dev/fuse that users may open.
# It can run again at any time.  As an ordinary user it only tells what is missing.
set -euo pipefail
user=${TEST_USER:-apptainer-test}

if [ "$(id -u)" != 0 ]; then
    [ -w /dev/fuse ] || echo "setup: /dev/fuse may not be opened by $(id -un): image tests will be skipped" >&2
    exit 0
fi
if ! getent passwd "$user" >/dev/null; then
    useradd --create-home --shell /bin/bash "$user"
fi
for file in /etc/subuid /etc/subgid; do
    touch "$file"
    grep -q "^$user:" "$file" || echo "$user:2000000:65536" >>"$file"
done
[ -e /dev/fuse ] || mknod /dev/fuse c 10 229 || echo "setup: no /dev/fuse on this machine" >&2
if [ -e /dev/fuse ]; then
    chmod 0666 /dev/fuse # what udev does on ordinary installations
fi
if [ -w /proc/sys/user/max_user_namespaces ] && [ "$(cat /proc/sys/user/max_user_namespaces)" = 0 ]; then
    echo "setup: user namespaces are switched off on this machine (user.max_user_namespaces = 0)" >&2
fi
