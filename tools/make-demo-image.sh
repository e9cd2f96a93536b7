#!/bin/bash
# Makes an OCI layout by hand from the static busybox of this machine, as "latest": no registry, no network, no other tool.
#   tools/make-demo-image.sh LAYOUT
set -euo pipefail
layout=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/apptainer-demo-image.XXXXXX")
trap 'rm -rf "$work"' EXIT

busybox=$(command -v busybox) || {
    echo "make-demo-image: busybox is not installed" >&2
    exit 1
}
mkdir -p "$work/root"/{bin,etc,home,proc,root,sys,tmp,usr/bin,var/tmp}
cp "$busybox" "$work/root/bin/busybox"
while read -r applet; do
    [ "$applet" = busybox ] || ln -s busybox "$work/root/bin/$applet"
done < <("$busybox" --list)
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$work/root/etc/passwd"
printf 'root:x:0:\n' >"$work/root/etc/group"
chmod 1777 "$work/root/tmp" "$work/root/var/tmp"

mkdir -p "$layout/blobs/sha256"
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"

# add FILE: makes it a blob; prints its digest and size as JSON members.
add() {
    local digest
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    cp "$1" "$layout/blobs/sha256/$digest"
    printf '"digest":"sha256:%s","size":%s' "$digest" "$(stat -c %s "$1")"
}

tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -C "$work/root" -cf "$work/layer.tar" .
diff_id=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
gzip -n "$work/layer.tar"
case $(uname -m) in
x86_64) architecture=amd64 ;;
aarch64) architecture=arm64 ;;
*) architecture=$(uname -m) ;;
esac
cat >"$work/config.json" <<END
{"architecture":"$architecture","os":"linux","created":"2023-11-14T22:13:20Z",
 "config":{"Env":["PATH=/usr/bin:/bin","GREETING=hello from busybox"],
           "Cmd":["/bin/sh","-c","echo \$GREETING"],"Labels":{"title":"demo"}},
 "rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]}}
END
cat >"$work/manifest.json" <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
 "config":{"mediaType":"application/vnd.oci.image.config.v1+json",$(add "$work/config.json")},
 "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",$(add "$work/layer.tar.gz")}]}
END
cat >"$layout/index.json" <<END
{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",$(add "$work/manifest.json"),
 "annotations":{"org.opencontainers.image.ref.name":"latest"}}]}
END
