#!/usr/bin/env bats
# Images that we build, in the hands of other programs.

load helpers
load sif

# What the base environment adds or empties.
without_ours() {
    grep -vE ' (/|/\.singularity\.d|/\.singularity\.d/.*|/(dev|proc|root|var|var/tmp|tmp|etc|sys|home)|/etc/(hosts|resolv\.conf)|/(singularity|environment|\.run|\.exec|\.test|\.shell) -> .*)?$'
}

peer() { PEER_DIR=$TMP "$APPTAINER_PEER" "$@"; }

# layer TAR COMMAND: what COMMAND makes in an empty directory becomes a layer of ./layout:latest.
layer() {
    local dir
    dir=$(mktemp -d "$TMP/layer.XXXXXX")
    (cd "$dir" && eval "$2")
    tar --sort=name --numeric-owner --xattrs --xattrs-include='user.*' --xattrs-include='security.capability' -C "$dir" -cf "$1" .
    umoci raw add-layer --image layout:latest "$1"
    rm -rf "$dir"
}

# Like a distribution's image: merged /usr, removed packages, replaced files, hard links, capabilities.
layered_image() {
    umoci init --layout layout
    umoci new --image layout:latest
    layer 1.tar 'mkdir -p usr/bin usr/lib usr/share/doc/a usr/share/doc/b etc var/lib/dpkg tmp home root
        ln -s usr/bin bin; ln -s usr/lib lib; chmod 1777 tmp
        cp "$(command -v busybox)" usr/bin/busybox; ln usr/bin/busybox usr/bin/sh; ln usr/bin/busybox usr/bin/ls; ln usr/bin/busybox usr/bin/echo
        echo root:x:0:0:root:/root:/bin/sh >etc/passwd
        for i in $(seq 200); do echo "$i" >usr/share/doc/a/$i; done
        echo one >usr/share/doc/b/file; ln -s ../a usr/share/doc/b/link
        chown 100:101 var/lib/dpkg; chmod 2755 var/lib/dpkg; touch -d @1000000000 etc/passwd usr'
    layer 2.tar 'mkdir -p lib/x; echo through the link >lib/x/lib.so; mkdir -p usr/bin; echo tool >usr/bin/tool
        chmod 4755 usr/bin/tool; setcap cap_net_raw+ep usr/bin/tool 2>/dev/null || true
        setfattr -n user.note -v hello usr/bin/tool 2>/dev/null || true'
    layer 3.tar 'mkdir -p usr/share/doc/a usr/bin; touch usr/share/doc/a/.wh.7 usr/bin/.wh.ls; mknod usr/null c 1 3; mkfifo usr/fifo'
    layer 4.tar 'mkdir -p usr/share/doc/b var/lib/dpkg; touch usr/share/doc/b/.wh..wh..opq; echo new >usr/share/doc/b/new
        echo status >var/lib/dpkg/status; chown 7:8 var/lib/dpkg/status; ln var/lib/dpkg/status var/lib/dpkg/status-old'
    layer 5.tar 'mkdir -p usr/share usr/lib; echo a file now >usr/share/doc; truncate -s 5M usr/lib/sparse; echo end >>usr/lib/sparse'
    layer 6.tar 'mkdir -p usr/share/doc/again; echo "and back" >usr/share/doc/again/file; rm -rf tmp; mkdir -p home/user; chown 1000:1000 home/user'
    umoci config --image layout:latest --config.env PATH=/usr/bin:/bin --config.env 'ODD=a "b" $c' --config.entrypoint /bin/echo \
        --config.entrypoint 'a  b' --config.cmd "c'd" --config.label 'mine=<&>' --config.workingdir /tmp
}

@test "six layers: entry for entry what umoci unpacks" {
    need_root
    need_program umoci mksquashfs unsquashfs setcap
    layered_image
    umoci unpack --image layout:latest bundle
    mksquashfs bundle/rootfs theirs.sqfs -quiet -no-progress
    "$APPTAINER" build ours.sif oci:layout:latest
    listing theirs.sqfs | without_ours >theirs
    listing ours.sif | without_ours >ours
    [ "$(wc -l <theirs)" -gt 10 ]
    diff theirs ours
    # content, hard links and attributes
    unsquashfs -q -n -o "$(partition_offset ours.sif)" -d unpacked ours.sif >/dev/null
    diff <(cd bundle/rootfs && find usr var home bin lib -type f -printf '%n %p\n' | sort) \
        <(cd unpacked && find usr var home bin lib -type f -printf '%n %p\n' | sort)
    diff <(cd bundle/rootfs && getfattr -hR -m- -d -e hex usr) <(cd unpacked && getfattr -hR -m- -d -e hex usr)
    (cd bundle/rootfs && find usr var home -type f -exec sha256sum {} +) >sums
    (cd unpacked && sha256sum --quiet -c ../sums)
}

@test "an ordinary user's image is the same as root's" {
    need_root
    need_program umoci setcap
    layered_image
    # this test's own directory is root's alone
    local shared
    shared=$(mktemp -d "${TMPDIR:-/tmp}/shared.XXXXXX")
    mv layout "$shared"
    chmod 777 "$shared" && chmod -R a+rX "$shared/layout"
    cd "$shared"
    export SOURCE_DATE_EPOCH=1700000000
    "$APPTAINER" build root.sif oci:layout:latest
    as_test_user env SOURCE_DATE_EPOCH=1700000000 "$APPTAINER" build user.sif oci:layout:latest
    cmp root.sif user.sif
}

@test "the kernel mounts it" {
    need_root
    local offset
    "$APPTAINER" build x.sif "oci:$(fixture_oci):latest"
    offset=$(partition_offset x.sif)
    mkdir mnt
    unshare -m sh -c 'mount -t squashfs -o ro,loop,offset='"$offset"' x.sif mnt && cat mnt/.singularity.d/runscript && sha256sum mnt/bin/busybox' >seen ||
        skip "this kernel mounts no squashfs: $(cat seen)"
    grep -q OCI_CMD seen
    grep -q "$(sha256sum <"$(fixture_sandbox)/bin/busybox" | cut -d' ' -f1)" seen
}

@test "the original reads, inspects and runs it" {
    need_peer
    need_program umoci
    layered_image
    "$APPTAINER" build ours.sif oci:layout:latest
    chmod 755 .
    peer user apptainer inspect --json --all ours.sif >inspect.json
    jq -e '.data.attributes.labels.mine == "<&>"' inspect.json
    peer user apptainer sif list ours.sif | grep -q 'FS (Squashfs/\*System/'
    [ "$(peer user apptainer run ours.sif 2>/dev/null)" = "a  b c'd" ]
    [ "$(peer user apptainer run ours.sif 1 '2  3' 2>/dev/null)" = "a  b 1 2  3" ]
    [ "$(peer user apptainer run --no-eval ours.sif '$HOME' 2>/dev/null)" = 'a  b $HOME' ]
    [ "$(peer user apptainer exec ours.sif sh -c 'echo "$ODD"' 2>/dev/null)" = 'a "b" $c' ]
}

@test "the same source, built by the original: labels, scripts, config, files" {
    need_peer
    need_program umoci
    layered_image
    # the original does not take tags
    "$APPTAINER" build ours.sif oci:layout
    peer run apptainer build theirs.sif oci:layout
    local image
    for image in ours theirs; do
        object $image.sif 0 >$image.definition
        object $image.sif 1 >$image.inspect
        object $image.sif 2 >$image.config
        listing $image.sif | without_ours >$image.files
        unsquashfs -q -n -o "$(partition_offset $image.sif)" -d $image.tree $image.sif >/dev/null
    done
    cmp ours.definition theirs.definition
    cmp ours.config theirs.config
    diff ours.files theirs.files
    # the same tree of metadata, with the same modes
    diff <(cd ours.tree && find .singularity.d -printf '%p %y %m\n' | sort) <(cd theirs.tree && find .singularity.d -printf '%p %y %m\n' | sort)
    diff <(cd ours.tree && find . -maxdepth 1 -type l -printf '%p %l\n' | sort) <(cd theirs.tree && find . -maxdepth 1 -type l -printf '%p %l\n' | sort)
    # labels but for those of the build itself
    local jq='del(.["org.label-schema.build-date"], .["org.label-schema.usage.apptainer.version"], .["org.opencontainers.image.created"], .["org.opencontainers.image.architecture"])'
    diff <(jq -S "$jq" ours.tree/.singularity.d/labels.json) <(jq -S "$jq" theirs.tree/.singularity.d/labels.json)
    diff <(jq -S '.data.attributes | keys' ours.inspect) <(jq -S '.data.attributes | keys' theirs.inspect)
    # the runscript does the same in every shell
    local shell
    export W=w
    for shell in dash bash 'busybox sh'; do
        diff <($shell ours.tree/.singularity.d/runscript) <($shell theirs.tree/.singularity.d/runscript)
        diff <($shell ours.tree/.singularity.d/runscript '$W' 'x  y' '\\') <($shell theirs.tree/.singularity.d/runscript '$W' 'x  y' '\\')
        diff <(SINGULARITY_NO_EVAL=1 $shell ours.tree/.singularity.d/runscript '$W' '"') \
            <(SINGULARITY_NO_EVAL=1 $shell theirs.tree/.singularity.d/runscript '$W' '"')
    done
}

@test "an image of the original as source" {
    need_peer
    need_program umoci
    layered_image
    peer run apptainer build theirs.sif oci:layout
    "$APPTAINER" build ours.sif theirs.sif
    diff <(listing theirs.sif | without_ours) <(listing ours.sif | without_ours)
    cmp <(object ours.sif 2) <(object theirs.sif 2)
    [ "$(peer user apptainer run ours.sif 2>/dev/null)" = "a  b c'd" ]
}
