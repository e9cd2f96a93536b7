#!/usr/bin/env bats
# The same image started by the original and by us, side by side in the original's root: what the program sees.
load ../e2e/helpers

peer() { PEER_DIR=$SHARED "$APPTAINER_PEER" user "$@"; }

test_setup() {
    need_peer
    SHARED=$(mktemp -d "/tmp/apptainer-peer-run.XXXXXX") # /tmp is the same on both sides
    chmod 755 "$SHARED"
    cp -r "${APPTAINER%/bin/apptainer}" "$SHARED/ours"
    cp "$(fixture_sif)" "$SHARED/image.sif"
    chmod -R a+rX "$SHARED"
}

teardown() { [ -z "${SHARED:-}" ] || rm -rf "$SHARED"; }

# Place, options, type and the source's root of every mount, without what differs from start to start.
seen_mounts() {
    sed -E 's/ - / /; s/((master|shared|propagate_from):[0-9]+|unbindable) ?//g' | awk '{print $5, $6, $7, $4}' | sort
}

both() { # WHAT COMMAND...: runs it for each set of options; what they see goes to theirs and ours
    local what=$1 options
    shift
    for options in "" -c -C -e "-c -e" "-C --pwd /tmp" --no-home "-p -i"; do
        # shellcheck disable=SC2086
        peer apptainer -q exec $options "$SHARED/image.sif" "$@" 2>&1 | "$what" >"$TMP/theirs"
        # shellcheck disable=SC2086
        peer "$SHARED/ours/bin/apptainer" -q exec $options "$SHARED/image.sif" "$@" 2>&1 | "$what" >"$TMP/ours"
        [ -s "$TMP/ours" ]
        echo "# options: $options"
        diff "$TMP/theirs" "$TMP/ours"
    done
}

# resolv.conf is a copy in 1.4 and the host's file from 1.5 on, as with us.
mounts_alike() { seen_mounts | sed '/^\/etc\/resolv.conf /d'; }

@test "mounts are those of the original" {
    both mounts_alike cat /proc/self/mountinfo
}

sorted_environment() { sort; }

@test "the environment is that of the original" {
    both sorted_environment env
}

as_it_is() { cat; }

@test "directory, identity, limits, capabilities and descriptors are those of the original" {
    both as_it_is sh -c 'pwd; id; hostname; umask; ulimit -a; cat /etc/passwd /etc/group /etc/hosts /etc/resolv.conf
        grep -E "^(Cap|NoNew|Seccomp|Groups|Sig[IBC])" /proc/self/status; cat /proc/self/oom_score_adj; ls /proc/self/fd; ls -A / /dev'
}

@test "exit codes and signals are those of the original" {
    local command
    for command in 'exit 0' 'exit 7' 'exit 255' 'kill -TERM $$' 'kill -KILL $$' 'kill -SEGV $$'; do
        run peer apptainer exec "$SHARED/image.sif" sh -c "$command"
        local theirs=$status
        run peer "$SHARED/ours/bin/apptainer" exec "$SHARED/image.sif" sh -c "$command"
        echo "# $command: theirs $theirs, ours $status"
        [ "$status" = "$theirs" ]
    done
}

@test "fakeroot: identity, maps, home and privileges are those of the original" {
    local options
    for options in "-f" "-f -c" "-f -C" "-f -e"; do
        # shellcheck disable=SC2016,SC2086
        peer apptainer -q exec $options "$SHARED/image.sif" sh -c 'id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; echo $HOME $USER; pwd; umask
            grep -E "^(Cap[PEB]|NoNew)" /proc/self/status; cat /etc/passwd /etc/group; ls -A /' 2>&1 | sed '/^hpc:x:1000:hpc$/d' >"$TMP/theirs"
        # shellcheck disable=SC2016,SC2086
        peer "$SHARED/ours/bin/apptainer" -q exec $options "$SHARED/image.sif" sh -c 'id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; echo $HOME $USER; pwd; umask
            grep -E "^(Cap[PEB]|NoNew)" /proc/self/status; cat /etc/passwd /etc/group; ls -A /' >"$TMP/ours" 2>&1
        echo "# options: $options"
        diff "$TMP/theirs" "$TMP/ours"
    done
}
