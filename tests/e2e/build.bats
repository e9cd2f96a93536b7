#!/usr/bin/env bats
# `apptainer build`: images from what lies on disk.

load helpers
load sif

# --- helpers ------------------------------------------------------------------------------------------

# content FILE PATH: a file of an image.
content() { unsquashfs -o "$(partition_offset "$1")" -cat "$1" "$2"; }

# architecture FILE: the code in the header.
architecture() { dd if="$1" bs=1 skip=45 count=2 2>/dev/null; }

refused() { # MESSAGE COMMAND…: exit 255, the message, and nothing in the directory that was not there
    local message=$1 before after
    shift
    before=$(ls -A)
    run "$@"
    [ "$status" -eq 255 ] || { echo "status $status: $output"; return 1; }
    [[ "$output" == *"$message"* ]] || { echo "said: $output"; return 1; }
    after=$(ls -A)
    [ "$before" = "$after" ] || { echo "before: $before; after: $after"; return 1; }
}

small_sandbox() {
    mkdir -p "$1"/{bin,etc,usr/bin}
    cp "$(command -v busybox)" "$1/bin/busybox"
    ln -s busybox "$1/bin/sh"
}

# an OCI layout of a directory, with a config
layout() { # LAYOUT DIRECTORY [umoci config arguments…]
    local layout=$1 dir=$2
    shift 2
    umoci init --layout "$layout"
    umoci new --image "$layout:latest"
    # shellcheck disable=SC2046
    umoci insert $(umoci_mode) --image "$layout:latest" "$dir" /
    [ $# = 0 ] || umoci config --image "$layout:latest" "$@"
}

# --- what is refused ----------------------------------------------------------------------------------

@test "sources that are not available yet are named" {
    echo 'Bootstrap: docker' >x.def
    refused "building from a definition file is not available yet" "$APPTAINER" build x.sif x.def
    local scheme
    for scheme in docker library oras shub docker-daemon http https; do
        refused "$scheme: sources are not available yet" "$APPTAINER" build x.sif "$scheme://a/b"
    done
    refused "No such file" "$APPTAINER" build x.sif nothing
    refused "No such file" "$APPTAINER" build x.sif localimage:nothing
}

@test "a missing source of each kind is named" {
    refused "nothing" "$APPTAINER" build x.sif oci:nothing
    refused "nothing" "$APPTAINER" build x.sif oci-archive:nothing
    refused "nothing" "$APPTAINER" build x.sif docker-archive:nothing
    mkdir empty
    refused "empty" "$APPTAINER" build x.sif oci:empty
}

@test "targets that cannot be made are told before anything is read" {
    small_sandbox box
    refused "While checking build target: the directory" "$APPTAINER" build nowhere/x.sif box
    refused "path is empty" "$APPTAINER" build "" box
    echo text >x.sif
    refused "build target 'x.sif' already exists. Use --force if you want to overwrite it" \
        "$APPTAINER" build x.sif box
    [ "$(cat x.sif)" = text ]
    mkdir full && touch full/file
    refused "is not empty and is not an Apptainer sandbox" "$APPTAINER" build full box
    refused "is not empty and is not an Apptainer sandbox" "$APPTAINER" build --sandbox full box
    [ -e full/file ]
    mkdir empty
    refused "already exists" "$APPTAINER" build --sandbox empty box
}

@test "a target that holds the source is not replaced" {
    mkdir outer
    small_sandbox outer/box
    refused "which would be replaced" "$APPTAINER" build --force --sandbox outer outer/box
    [ -x outer/box/bin/busybox ]
}

@test "wrong options" {
    small_sandbox box
    refused "vax" "$APPTAINER" build --arch vax x.sif box
    refused "could not parse" env SOURCE_DATE_EPOCH=today "$APPTAINER" build x.sif box
    refused "bcj" "$APPTAINER" build --mksquashfs-args "-comp xz -Xbcj x86" x.sif box
    refused "encrypted images are not available yet" "$APPTAINER" build --encrypt x.sif box
    refused "not available yet" "$APPTAINER" build --nv x.sif box
    run "$APPTAINER" build --remote x.sif box
    [ "$status" -eq 1 ]
    run "$APPTAINER" build x.sif
    [ "$status" -eq 1 ]
    [ ! -e x.sif ]
}

@test "labels that are no labels are named" {
    small_sandbox box
    mkdir box/.singularity.d
    echo '{"good":"x","answer":42}' >box/.singularity.d/labels.json
    refused '"answer"' "$APPTAINER" build x.sif box
    echo '[]' >box/.singularity.d/labels.json
    refused 'labels.json' "$APPTAINER" build x.sif box
}

@test "a file that cannot be read is named, and nothing is left" {
    need_user
    small_sandbox box
    mkdir box/a
    echo secret >box/a/closed
    chmod 0 box/a/closed
    refused "box/a/closed" "$APPTAINER" build x.sif box
    chmod 600 box/a/closed
    mkdir box/b
    chmod 0 box/b
    refused "box/b" "$APPTAINER" build x.sif box
    chmod 700 box/b
}

@test "a truncated SIF" {
    head -c 200000 "$(fixture_sif)" >cut.sif
    refused "cut.sif" "$APPTAINER" build x.sif cut.sif
}

# --- SIF files ----------------------------------------------------------------------------------------

@test "a SIF from an OCI layout: objects, launcher, mode" {
    umask 027
    "$APPTAINER" build x.sif "oci:$(fixture_oci):latest"
    [ "$(stat -c %a x.sif)" = 750 ]
    [ "$(head -n 1 x.sif | tr -d '\0')" = '#!/usr/bin/env run-singularity' ]
    [[ "$(descriptor x.sif 0)" == "00004001 32176 "* ]]
    [[ "$(descriptor x.sif 1)" == "00004006 "*" inspect-metadata.json" ]]
    [[ "$(descriptor x.sif 2)" == "00004006 "*" oci-config.json" ]]
    [[ "$(descriptor x.sif 3)" == "00004004 "* ]]
    [ -z "$(descriptor x.sif 4)" ]
    [ "$(object x.sif 0)" = "bootstrap: oci
from: $(fixture_oci):latest" ]
    object x.sif 1 | jq -e '.type == "container" and (.data.attributes.labels.maintainer == "tests")'
    object x.sif 2 | jq -e '.Cmd == ["/bin/sh"]'
    [ $(($(partition_offset x.sif) % 4096)) = 0 ]
    [ "$(architecture x.sif)" = "$(case $(uname -m) in x86_64) echo 02 ;; aarch64) echo 04 ;; esac)" ]
    unsquashfs -o "$(partition_offset x.sif)" -s x.sif | grep -q 'Compression zstd'
}

@test "the summary is what the files say" {
    "$APPTAINER" build x.sif "oci:$(fixture_oci):latest"
    diff <(object x.sif 1 | jq -r .data.attributes.runscript) <(content x.sif .singularity.d/runscript)
    diff <(object x.sif 1 | jq -S .data.attributes.labels) <(content x.sif .singularity.d/labels.json | jq -S .)
    diff <(object x.sif 1 | jq -r '.data.attributes.environment["/.singularity.d/env/10-docker2singularity.sh"]') \
        <(content x.sif .singularity.d/env/10-docker2singularity.sh)
}

@test "what is said meanwhile" {
    run --separate-stderr "$APPTAINER" build x.sif "oci:$(fixture_oci):latest"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$stderr" = "INFO:    Starting build...
INFO:    Fetching OCI image...
INFO:    Extracting OCI image...
INFO:    Inserting Apptainer configuration...
INFO:    Creating SIF file...
INFO:    Build complete: x.sif" ]
    run "$APPTAINER" -q build --sandbox box x.sif
    [ "$status" -eq 0 ]
    [ -z "$output" ]
}

@test "the other places of an OCI image" {
    need_program skopeo
    export SOURCE_DATE_EPOCH=1700000000
    skopeo copy -q "oci:$(fixture_oci):latest" docker-archive:plain.tar:name:tag
    skopeo copy -q "oci:$(fixture_oci):latest" oci-archive:layout.tar:tag
    gzip -k plain.tar
    "$APPTAINER" build direct.sif "oci:$(fixture_oci):latest"
    local source
    for source in docker-archive:plain.tar docker-archive:plain.tar.gz oci-archive:layout.tar docker-archive://plain.tar; do
        "$APPTAINER" build --force x.sif "$source"
        diff <(listing direct.sif | grep -v singularity.d) <(listing x.sif | grep -v singularity.d)
    done
}

@test "no temporary file anywhere" {
    mkdir none && chmod 555 none
    TMPDIR=/nonexistent APPTAINER_TMPDIR=/nonexistent "$APPTAINER" build x.sif "oci:$(fixture_oci):latest"
    [ "$(ls -A)" = "none
x.sif" ]
}

@test "the same inputs and SOURCE_DATE_EPOCH give the same bytes" {
    export SOURCE_DATE_EPOCH=1600000000
    "$APPTAINER" build a.sif "oci:$(fixture_oci):latest"
    sleep 1
    taskset -c 0 "$APPTAINER" build b.sif "oci:$(fixture_oci):latest"
    cmp a.sif b.sif
    object a.sif 1 | jq -e '.data.attributes.labels["org.opencontainers.image.created"] == "2020-09-13T12:26:40Z"'
    # no ID, and times that mean "none"
    [ "$(od -An -tx1 -j 48 -N 24 a.sif | tr -d ' \n')" = 0000000000000000000000000000000000096e88f1ffffff ]
    small_sandbox box
    "$APPTAINER" build c.sif box
    "$APPTAINER" build d.sif box
    cmp c.sif d.sif
}

@test "--reproducible takes the source's time" {
    mkdir box
    layout l "$(fixture_sandbox)" --created 2020-09-13T12:26:40Z
    "$APPTAINER" build --reproducible a.sif oci:l
    sleep 1
    "$APPTAINER" build --reproducible b.sif oci:l
    cmp a.sif b.sif
    object a.sif 1 | jq -e '.data.attributes.labels["org.opencontainers.image.created"] == "2020-09-13T12:26:40Z"'
    "$APPTAINER" build --reproducible c.sif a.sif
    "$APPTAINER" build --reproducible d.sif a.sif
    cmp c.sif d.sif
}

@test "--mksquashfs-args, and its variable" {
    local source
    source=$(fixture_sandbox)
    "$APPTAINER" build --mksquashfs-args "-comp gzip -b 64k" x.sif "$source"
    unsquashfs -o "$(partition_offset x.sif)" -s x.sif >super
    grep -q 'Compression gzip' super
    grep -q 'Block size 65536' super
    APPTAINER_MKSQUASHFS_ARGS="-comp xz" "$APPTAINER" build --force x.sif "$source"
    unsquashfs -o "$(partition_offset x.sif)" -s x.sif | grep -q 'Compression xz'
}

@test "the architecture is that of /bin/sh" {
    small_sandbox box
    # an ELF head for arm64
    rm box/bin/sh
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0' >box/bin/sh
    chmod 755 box/bin/sh
    run "$APPTAINER" build x.sif box
    [ "$status" -eq 0 ]
    if [ "$(uname -m)" = x86_64 ]; then
        [[ "$output" == *"Architecture arm64 does not match build arch amd64"* ]]
    fi
    [ "$(architecture x.sif)" = 04 ]
    rm -r box/bin
    mkdir box/sbin
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0' >box/sbin/init
    chmod 755 box/sbin/init
    "$APPTAINER" build --force x.sif box
    [ "$(architecture x.sif)" = 12 ]
    rm box/sbin/init
    run "$APPTAINER" build --force x.sif box
    [[ "$output" == *"Architecture not recognized, use native"* ]]
}

@test "links planted by an image lead nowhere" {
    mkdir root host
    echo keep >host/file
    ln -s "$PWD/host" root/.singularity.d
    ln -s "$PWD/host/file" root/environment
    mkdir root/etc
    ln -s "$PWD/host/file" root/etc/hosts
    ln -s /../../../../../../etc root/var
    layout l root
    "$APPTAINER" build x.sif oci:l
    "$APPTAINER" build --sandbox box oci:l
    "$APPTAINER" build --force --sandbox box root
    [ "$(cat host/file)" = keep ]
    [ "$(ls -A host)" = file ]
    listing x.sif | grep -q 'environment -> .singularity.d/env/90-environment.sh'
    [ -d box/.singularity.d/env ]
    [ ! -L box/.singularity.d ]
}

@test "labels: the image's, then the generated ones" {
    mkdir -p root/.singularity.d
    echo '{"from-layer":"x"}' >root/.singularity.d/labels.json
    layout l root --config.label 'mine=<&>' --config.label org.label-schema.build-arch=old
    "$APPTAINER" build x.sif oci:l
    content x.sif .singularity.d/labels.json >labels.json
    jq -e '.mine == "<&>" and .["org.label-schema.build-arch"] != "old" and (has("from-layer") | not)' labels.json
    jq -e '.["org.label-schema.usage.singularity.deffile.from"] == "l"' labels.json
    # derived: kept and refreshed
    "$APPTAINER" build y.sif x.sif
    content y.sif .singularity.d/labels.json >derived.json
    jq -e '.mine == "<&>" and .["org.label-schema.usage.singularity.deffile.bootstrap"] == "localimage"' derived.json
    content y.sif .singularity.d/bootstrap_history/Apptainer0 | grep -q 'bootstrap: oci'
    [ "$(object y.sif 2)" = "$(object x.sif 2)" ]
}

@test "scripts that the runtime knows" {
    layout l "$(fixture_sandbox)" --config.entrypoint /bin/echo --config.entrypoint 'a  b' --config.cmd "c'd" \
        --config.env 'ODD=x "q" `b` $HOME \ '"'s"
    "$APPTAINER" build --sandbox box oci:l
    grep -qx 'eval "set ${SINGULARITY_OCI_RUN}"' box/.singularity.d/runscript
    local shell
    for shell in dash bash 'busybox sh'; do
        [ "$($shell box/.singularity.d/runscript)" = "a  b c'd" ]
        [ "$(W=w $shell box/.singularity.d/runscript '$W')" = "a  b w" ]
        [ "$(SINGULARITY_NO_EVAL=1 $shell box/.singularity.d/runscript '$W')" = 'a  b $W' ]
        [ "$($shell -c '. box/.singularity.d/env/10-docker2singularity.sh; printf %s "$ODD"')" = \
            'x "q" `b` $HOME \ '"'s" ]
    done
}

# --- sandboxes ----------------------------------------------------------------------------------------

make_odd_files() { # in the current directory
    mkdir -p d/deep/er 'name with  blanks'
    echo hello >file
    : >empty
    ln file d/same
    ln -s /etc/passwd absolute
    ln -s nothing dangling
    mkfifo fifo
    printf x >"$(printf 'bad\377name')"
    printf y >"$(printf 'new\nline')"
    truncate -s 3M sparse
    printf mid | dd of=sparse bs=1 seek=1500000 conv=notrunc 2>/dev/null
    head -c 300000 /dev/urandom >random
    chmod 4755 file
    chmod 1777 d
    chmod 0555 d/deep
    setfattr -n user.one -v 1 file 2>/dev/null || true
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
    touch -h -d @1000000000 dangling
    find . ! -type l -exec touch -d @1100000000 {} +
}

@test "a sandbox becomes a SIF: everything in it is kept" {
    small_sandbox box
    (cd box && make_odd_files)
    "$APPTAINER" build x.sif box
    listing x.sif | grep -v ' squashfs-root$' >ours
    mksquashfs box theirs.sqfs -quiet -no-progress -all-root
    listing theirs.sqfs >theirs
    # entry for entry, but for what the base environment adds
    grep -vxFf ours theirs | grep -vE ' (/etc|/)?$' >missing || true
    [ ! -s missing ] || { cat missing; false; }
    unsquashfs -q -n -no-xattrs -o "$(partition_offset x.sif)" -d out x.sif d file random sparse >/dev/null || true
    cmp box/random out/random
    cmp box/sparse out/sparse
    [ "$(stat -c %i out/file)" = "$(stat -c %i out/d/same)" ]
    chmod -R u+rwX box out
}

@test "SIF to sandbox to SIF: nothing is lost" {
    export SOURCE_DATE_EPOCH=1500000000
    small_sandbox start
    (cd start && make_odd_files)
    "$APPTAINER" build a.sif start
    "$APPTAINER" build --sandbox box a.sif
    "$APPTAINER" build b.sif box
    diff <(listing a.sif | grep -v singularity.d) <(listing b.sif | grep -v singularity.d)
    chmod -R u+rwX start box
}

@test "owners survive a sandbox that an ordinary user made" {
    need_user
    need_program fakeroot || true
    mkdir root
    small_sandbox root
    echo x >root/file
    tar --sort=name --owner=1000 --group=42 --numeric-owner -C root -cf layer.tar ./file
    tar --sort=name --owner=0 --group=0 --numeric-owner -C root -rf layer.tar ./bin
    umoci init --layout l
    umoci new --image l:latest
    umoci raw add-layer --image l:latest layer.tar
    "$APPTAINER" build direct.sif oci:l
    "$APPTAINER" build --sandbox box oci:l
    [ "$(stat -c %u box/file)" = "$(id -u)" ]
    "$APPTAINER" build back.sif box
    listing direct.sif | grep -qE ' 1000/42 .* (squashfs-root)?/file$'
    diff <(listing direct.sif | grep -v singularity.d) <(listing back.sif | grep -v singularity.d)
}

@test "a device is an empty file with a warning for ordinary users" {
    need_user
    # `tar` made by hand of what this user cannot make: a character device
    python3 - <<'PY'
import tarfile, io
t = tarfile.open("layer.tar", "w")
i = tarfile.TarInfo("null"); i.type = tarfile.CHRTYPE; i.devmajor = 1; i.devminor = 3; i.mode = 0o666; t.addfile(i)
t.close()
PY
    umoci init --layout l
    umoci new --image l:latest
    umoci raw add-layer --image l:latest layer.tar
    run "$APPTAINER" build --sandbox box oci:l
    [ "$status" -eq 0 ]
    [[ "$output" == *"creating empty file in place of device 1:3"* ]]
    [ -f box/null ]
    "$APPTAINER" build x.sif oci:l
    listing x.sif | grep -qE '^c.* 1, +3 .*null'
}

@test "a sandbox as root: owners and devices are real" {
    need_root
    mkdir start
    small_sandbox start
    mknod start/null c 1 3
    echo x >start/file
    chown 1000:1001 start/file
    chmod 4755 start/file
    "$APPTAINER" build a.sif start
    "$APPTAINER" build --sandbox box a.sif
    [ "$(stat -c '%u:%g %a' box/file)" = "1000:1001 4755" ]
    [ "$(stat -c '%t:%T %F' box/null)" = "1:3 character special file" ]
}

@test "kernel file systems in a sandbox stay empty" {
    need_root
    small_sandbox start
    mkdir start/proc
    unshare -m sh -c 'mount -t proc proc start/proc && exec "$@"' sh "$APPTAINER" build x.sif start
    listing x.sif | grep -q '/proc$'
    [ -z "$(listing x.sif | grep "/proc/")" ]
}

@test "--fix-perms keeps setuid and sticky bits; without it closed directories are told of" {
    mkdir root root/closed root/sticky
    echo x >root/closed/file
    echo x >root/setuid
    chmod 4555 root/setuid
    chmod 1777 root/sticky
    chmod 0444 root/closed/file
    # through tar: a directory that its owner may not enter
    python3 - <<'PY'
import tarfile
t = tarfile.open("layer.tar", "w")
for name, mode in (("closed", 0o500), ("closed/file", 0o444), ("setuid", 0o4555), ("sticky", 0o1777)):
    i = t.gettarinfo("root/" + name, name); i.mode = mode; i.uid = i.gid = 0; i.uname = i.gname = ""
    t.addfile(i, open("root/" + name, "rb") if i.isfile() else None)
t.close()
PY
    umoci init --layout l
    umoci new --image l:latest
    umoci raw add-layer --image l:latest layer.tar
    run "$APPTAINER" build --sandbox box oci:l
    [ "$status" -eq 0 ]
    [ "$(grep -c ^WARNING <<<"$output")" = 3 ]
    [ "$(stat -c %a box/closed)" = 500 ]
    run "$APPTAINER" build --force --fix-perms --sandbox box oci:l
    [ "$status" -eq 0 ]
    [[ "$output" == *"--fix-perms option modifies"* ]]
    [ "$(stat -c %a box/closed box/closed/file box/setuid box/sticky | tr '\n' ' ')" = "700 644 4755 1777 " ]
    rm -rf box
    [ ! -e box ]
}

# --- replacing and stopping ---------------------------------------------------------------------------

@test "--force replaces files by files, directories by files and back" {
    small_sandbox start
    echo old >t
    "$APPTAINER" build --force t start
    [ "$(descriptor t 0 | cut -c 1-8)" = 00004001 ]
    "$APPTAINER" build --force --sandbox t start
    [ -x t/bin/busybox ]
    touch t/extra
    "$APPTAINER" build --force --sandbox t start
    [ ! -e t/extra ]
    "$APPTAINER" build --force t start
    [ -f t ]
    rm t
    ln -s start t
    "$APPTAINER" build --force t start
    [ -f t ]
    [ ! -L t ]
    [ -x start/bin/busybox ]
    [ "$(ls -A)" = "start
t" ]
}

@test "a sandbox can be rebuilt from itself" {
    small_sandbox box
    "$APPTAINER" build --force --sandbox box box
    [ -x box/bin/busybox ]
    [ -x box/.singularity.d/runscript ]
    [ "$(ls -A)" = box ]
}

@test "on a terminal it asks" {
    need_program script
    small_sandbox start
    "$APPTAINER" build x.sif start
    local before
    before=$(stat -c %i x.sif)
    run script -qec "$APPTAINER build x.sif start" /dev/null < <(sleep 1; echo n)
    [[ "$output" == *"Build target 'x.sif' already exists and will be deleted during the build process. Do you want to continue? [y/N]"* ]]
    [[ "$output" == *"stopping build"* ]]
    [ "$(stat -c %i x.sif)" = "$before" ]
    run script -qec "$APPTAINER build x.sif start" /dev/null < <(sleep 1; echo y)
    [[ "$output" == *"Build complete: x.sif"* ]]
    [ "$(stat -c %i x.sif)" != "$before" ]
}

@test "SIGINT and SIGTERM: nothing is left" {
    small_sandbox start
    head -c 600000000 /dev/zero | tr '\0' x >start/big # takes longer to copy than a signal to arrive
    mkdir out
    local signal
    for signal in INT TERM; do
        # a shell starts background jobs with SIGINT ignored
        python3 -c 'import signal, os, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
            "$APPTAINER" build --sandbox out/box start 2>err &
        local pid=$!
        while kill -0 "$pid" && ! grep -q 'Creating sandbox' err; do :; done
        kill "-$signal" "$pid"
        local code=0
        wait "$pid" || code=$?
        [ "$code" -eq 1 ] || { cat err; echo "exit status $code"; false; }
        [ -z "$(ls -A out)" ]
    done
}

@test "--data keeps a squashfs as a data partition" {
    local squashfs
    squashfs=$(fixture_squashfs)
    "$APPTAINER" build --data d.sif "$squashfs"
    [[ "$(descriptor d.sif 2)" == "00004004 "* ]]
    [ "$(architecture d.sif)" = 00 ]
    object d.sif 2 | cmp - "$squashfs"
    [ "$(od -An -td4 -j $((4096 + 585 * 2 + 201)) -N 8 d.sif | tr -s ' ')" = " 1 3" ]
    object d.sif 1 | jq -e '.data.attributes | keys == ["deffile", "labels"]'
    refused "--data takes a squashfs file" "$APPTAINER" build --data e.sif d.sif
    refused "--data takes a squashfs file" "$APPTAINER" build --data e.sif "$(fixture_sandbox)"
}

@test "a bare squashfs as source" {
    "$APPTAINER" build x.sif "$(fixture_squashfs)"
    grep -vxFf <(listing x.sif) <(listing "$(fixture_squashfs)") | grep -vE ' (/etc|/etc/hosts|/etc/resolv.conf|/)?$' >missing || true
    [ ! -s missing ] || { cat missing; false; }
}

@test "sudo: the image belongs to who called it" {
    need_root
    small_sandbox start
    SUDO_COMMAND=/usr/bin/apptainer SUDO_USER=somebody SUDO_UID=4321 SUDO_GID=4322 "$APPTAINER" build x.sif start
    [ "$(stat -c %u:%g x.sif)" = 4321:4322 ]
}
