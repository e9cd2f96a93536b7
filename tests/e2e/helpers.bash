# What every bats file loads: `load helpers`.
#
# The whole suite runs twice when started by root: once as root, once as the unprivileged test user (tests/setup.sh makes it).
# A test that is for one of them says need_root or need_user first; the other run skips it with that reason.
#
#   $APPTAINER   the program under test (installed into a staging directory)
#   $FIXTURES    directory of images made once per run: see the fixture_ functions
#   $TMP         an empty directory of this test, removed afterwards
#   $TOOLS       directory of the test programs built from tests/tools

APPTAINER=${APPTAINER:?set by tests/run.sh}
FIXTURES=${FIXTURES:?set by tests/run.sh}
bats_require_minimum_version 1.5.0 2>/dev/null || true

setup() {
    TMP=$BATS_TEST_TMPDIR
    cd "$TMP" || return 1
    unset_program_variables
    common_setup_done=1
    if declare -F test_setup >/dev/null; then test_setup; fi
}

# Nothing of the caller's settings reaches the program under test.
unset_program_variables() {
    local name
    for name in $(compgen -e | grep -E '^(APPTAINER|SINGULARITY)'); do
        case $name in
        APPTAINER | APPTAINER_PEER) ;;
        *) unset "$name" ;;
        esac
    done
    export -n APPTAINER APPTAINER_PEER
}

need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
need_user() { [ "$(id -u)" != 0 ] || skip "is about unprivileged users"; }

# need_program NAME...: skips aloud when one is not installed.
need_program() {
    local name
    for name; do
        command -v "$name" >/dev/null || skip "$name is not installed"
    done
}

need_fuse() {
    if [ ! -e /dev/fuse ]; then skip "this machine has no /dev/fuse"; fi
    { : <>/dev/fuse; } 2>/dev/null || skip "/dev/fuse may not be opened by $(id -un)"
}

need_userns() {
    [ "$(id -u)" = 0 ] || unshare -U true 2>/dev/null || skip "user namespaces are not to be had on this machine"
}

# The original, for side-by-side tests: "$APPTAINER_PEER run|user COMMAND…".
need_peer() {
    need_root
    [ -n "${APPTAINER_PEER:-}" ] || skip "the original is not set up (APPTAINER_PEER)"
}

# Runs a command as the unprivileged test user; from root's run only.
as_test_user() {
    setpriv --reuid="$TEST_USER" --regid="$(id -g "$TEST_USER")" --clear-groups --inh-caps=-all \
        env HOME="$(getent passwd "$TEST_USER" | cut -d: -f6)" USER="$TEST_USER" LOGNAME="$TEST_USER" "$@"
}

# --- images, made once per run and user, by tools that are not ours ---------------------------------

# A root file system of a static busybox, an ordinary directory.  Prints its path.
fixture_sandbox() {
    fixture sandbox make_sandbox
}

# The same with the /.singularity.d of an image made from an OCI layout: built by the program under test.
fixture_sif() {
    fixture busybox.sif make_sif
}

# An OCI layout (tag "latest") of that tree, made by umoci.
fixture_oci() {
    fixture oci make_oci
}

# The tree as a bare squashfs made by mksquashfs.
fixture_squashfs() {
    fixture busybox.sqfs make_squashfs
}

fixture() { # NAME MAKER: makes it under a lock, so that test files may run side by side
    local path=$FIXTURES/$1
    (
        flock 9
        if [ ! -e "$path" ]; then
            "$2" "$path.new" >&2 && mv "$path.new" "$path"
        fi
    ) 9>"$FIXTURES/.lock" || return 1
    printf '%s\n' "$path"
}

make_sandbox() {
    local root=$1 applet
    rm -rf "$root"
    mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,usr/lib,etc,root,home,proc,sys,dev,tmp,var/tmp,run,mnt,opt}
    chmod 1777 "$root/tmp" "$root/var/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    : >"$root/etc/hosts"
    : >"$root/etc/resolv.conf"
}

umoci_mode() { [ "$(id -u)" = 0 ] || echo --rootless; }

make_oci() {
    rm -rf "$1"
    umoci init --layout "$1"
    umoci new --image "$1:latest"
    # shellcheck disable=SC2046
    umoci insert $(umoci_mode) --image "$1:latest" "$(fixture_nested sandbox make_sandbox)" /
    umoci config --image "$1:latest" --config.env 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --config.env 'GREETING=hello from the image' --config.cmd /bin/sh --config.label maintainer=tests
}

make_squashfs() {
    mksquashfs "$(fixture_nested sandbox make_sandbox)" "$1" -noappend -quiet -no-progress -all-root
}

make_sif() {
    "$APPTAINER" build "$1" "oci:$(fixture_nested oci make_oci):latest"
}

fixture_nested() { # like fixture, for makers, which hold the lock already
    local path=$FIXTURES/$1
    if [ ! -e "$path" ]; then
        "$2" "$path.new" >&2 && mv "$path.new" "$path" || return 1
    fi
    printf '%s\n' "$path"
}

# --- what must be gone afterwards ---------------------------------------------------------------------

# Fails when the program under test has left mounts, loop devices or (after the linger time) servers of this user.
assert_nothing_left() {
    local left
    left=$(grep -E ' - fuse\.?[^ ]* (imagefs|apptainer)' /proc/self/mountinfo || true)
    [ -z "$left" ] || { echo "mounts left: $left"; return 1; }
    if [ "$(id -u)" = 0 ]; then
        left=$(losetup -l -n -O BACK-FILE 2>/dev/null | grep -F "$BATS_RUN_TMPDIR" || true)
        [ -z "$left" ] || { echo "loop devices left: $left"; return 1; }
    fi
}

# Waits until COMMAND succeeds, at most about 20 s.
eventually() {
    local i
    for i in $(seq 200); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    echo "never came true: $*"
    return 1
}

# The image servers of this user that serve under $FIXTURES or $TMP are gone.
no_server() { ! pgrep -u "$(id -u)" -x imagefs >/dev/null; }
