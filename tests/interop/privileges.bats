#!/usr/bin/env bats
# Names, networks, ids and capabilities of a container, side by side with the original.
load ../e2e/helpers

peer() { PEER_DIR=$SHARED "$APPTAINER_PEER" "$@"; }

test_setup() {
    need_peer
    SHARED=$(mktemp -d "/tmp/apptainer-peer-privileges.XXXXXX") # /tmp is the same on both sides
    chmod 755 "$SHARED"
    cp -r "${APPTAINER%/bin/apptainer}" "$SHARED/ours"
    cp "$(fixture_sif)" "$SHARED/image.sif"
    chmod -R a+rX "$SHARED"
}

teardown() { [ -z "${SHARED:-}" ] || rm -rf "$SHARED"; }

# WHO SCRIPT OPTIONS...: the script in a container sees the same, for each of the options.
alike() {
    local who=$1 script=$2 options
    shift 2
    for options; do
        # shellcheck disable=SC2086
        peer "$who" apptainer -q exec $options "$SHARED/image.sif" sh -c "$script" >"$TMP/theirs" 2>&1
        # shellcheck disable=SC2086
        peer "$who" "$SHARED/ours/bin/apptainer" -q exec $options "$SHARED/image.sif" sh -c "$script" >"$TMP/ours" 2>&1
        [ -s "$TMP/ours" ]
        echo "# $who: $options"
        diff "$TMP/theirs" "$TMP/ours"
    done
}

@test "host name, hosts and name servers are those of the original" {
    alike user 'uname -n; cat /etc/hostname /etc/hosts /etc/resolv.conf; grep /etc/ /proc/self/mountinfo | cut -d" " -f5 | sort' \
        "--hostname other.example" "-C --hostname other" "--dns 192.0.2.1,2001:db8::1" "-C --dns 192.0.2.1" \
        "-c --net --network none"
}

@test "the network none is that of the original" {
    alike user 'ip addr; ip route; cut -d: -f1 /proc/net/dev' "--net --network none" "-C --network none" "--network none --uts -i"
}

@test "capabilities are those of the original" {
    alike user 'grep -E "^(Cap|NoNew|Seccomp:|Uid|Gid)" /proc/self/status' \
        "--add-caps net_raw" "--add-caps all" "--add-caps CAP_SYS_ADMIN,chown --drop-caps chown" "--drop-caps all" \
        "--no-privs --add-caps net_raw" "-C --add-caps net_raw"
    alike run 'grep -E "^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)" /proc/self/status' \
        "--no-privs" "--no-privs --add-caps net_raw,chown --drop-caps chown" "--security uid:1000" \
        "--security uid:1000,gid:1000:5 --add-caps net_raw" "--security gid:7" "-C --security uid:1000"
}

@test "ids by --security are those of the original" {
    # Of the caller's groups the original leaves out the primary one when there is a gid.
    # shellcheck disable=SC2016 # the container's
    alike user 'id -u; id -g; tail -n 3 /etc/passwd; grep -v ^hpc: /etc/group; pwd; echo $HOME; cat /proc/self/uid_map /proc/self/gid_map' \
        "--security uid:5" "--security gid:5" "--security uid:5,gid:6"
    # shellcheck disable=SC2016 # the container's
    alike run 'id; tail -n 3 /etc/passwd; pwd; echo $HOME' \
        "--security uid:5" "--security gid:7" "--security uid:1000,gid:1000" "--security uid:1000,gid:1000:5"
}

@test "filters by a profile are those of the original" {
    cat >"$SHARED/profile.json" <<-'END'
	{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
	  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"},
	  {"names": ["chroot"], "action": "SCMP_ACT_ERRNO"},
	  {"names": ["sync"], "action": "SCMP_ACT_KILL"}]}
	END
    chmod a+r "$SHARED/profile.json"
    # shellcheck disable=SC2016 # the container's
    alike user 'grep ^Seccomp: /proc/self/status; chroot / true; mkdir /tmp/never; sync; echo $?' \
        "--security seccomp:$SHARED/profile.json" "-C --security seccomp:$SHARED/profile.json" \
        "--add-caps all --security seccomp:$SHARED/profile.json"
}
