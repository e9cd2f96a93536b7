#!/usr/bin/env bats
# Whom a program runs as and what it may do: --add-caps, --drop-caps, --keep-privs, --no-privs, --allow-setuid, --security,
# --ignore-userns.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    export APPTAINER_IMAGE_LINGER=2
}

start() { "$APPTAINER" -q exec "$@"; }

capabilities() { # OPTION...: the five sets as one line
    start "$@" "$SANDBOX" sed -n 's/^Cap...:\t//p' /proc/self/status | tr '\n' ' '
}

new_privileges() { start "$@" "$SANDBOX" sed -n 's/^NoNewPrivs:\t//p' /proc/self/status; }

five() { printf '%016x %016x %016x %016x %016x ' "$1" "$1" "$1" "$1" "$1"; }

refused() { # MESSAGE OPTION...: exit 255 and the message
    local message=$1
    shift
    run start "$@" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"$message"* ]]
}

mine() { echo $((0x$(sed -n 's/^CapPrm:\t//p' /proc/self/status))); }

@test "a user has no capabilities but those that are added" {
    need_user
    [ "$(capabilities)" = "$(five 0)" ]
    [ "$(capabilities --drop-caps net_raw)" = "$(five 0)" ]
    [ "$(capabilities --add-caps CAP_NET_RAW,sys_admin)" = "$(five 0x202000)" ]
    [ "$(capabilities --add-caps ' Net_Raw , cap_chown')" = "$(five 0x2001)" ]
    [ "$(capabilities --no-privs --add-caps net_raw)" = "$(five 0x2000)" ]
    local all
    all=$(start --add-caps all "$SANDBOX" sed -n 's/^CapEff:\t//p' /proc/self/status)
    [ "$((0x$all))" -gt $((1 << 36)) ]
    [ "$(capabilities --add-caps all --drop-caps net_raw,CAP_CHOWN)" = "$(five $((0x$all & ~0x2001)))" ]
    [ "$(new_privileges --add-caps all)" = 1 ]
}

@test "root keeps what it has but for what is dropped" {
    need_root
    [ "$(capabilities --drop-caps net_raw,sys_module)" = "$(five $(($(mine) & ~0x12000)))" ]
    [ "$(capabilities --drop-caps all)" = "$(five 0)" ]
    [ "$(capabilities --no-privs)" = "$(five 0)" ]
    [ "$(capabilities --no-privs --keep-privs)" = "$(five 0)" ]
    [ "$(capabilities --no-privs --add-caps net_raw)" = "$(five 0x2000)" ]
    [ "$(new_privileges --no-privs)" = 1 ]
    [ "$(new_privileges --drop-caps net_raw)" = 0 ]
}

@test "root default capabilities = no: --keep-privs and --add-caps give them back" {
    need_root
    echo 'root default capabilities = no' >conf
    start() { "$APPTAINER" --config conf -q exec "$@"; }
    [ "$(capabilities)" = "$(five 0)" ]
    [ "$(capabilities --add-caps net_raw)" = "$(five 0x2000)" ]
    [ "$(new_privileges --keep-privs)" = 0 ]
    [ "$(start --keep-privs "$SANDBOX" sed -n 's/^CapEff:\t//p' /proc/self/status)" = "$(printf %016x "$(mine)")" ]
}

@test "what root does not have itself cannot be added" {
    need_root
    need_program setpriv
    run setpriv --bounding-set=-sys_module --inh-caps=-sys_module "$APPTAINER" exec --add-caps sys_module "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"does not have all of these itself"* ]]
}

@test "names that are none: a WARNING when added, refused when dropped" {
    run "$APPTAINER" exec --add-caps net_raw,nosuch "$SANDBOX" true
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*'"nosuch"'* ]]
    refused 'no capability "nosuch"' --drop-caps net_raw,nosuch
}

@test "--keep-privs, --allow-setuid, --ignore-userns are root's" {
    need_user
    refused "--keep-privs requires root privileges" --keep-privs
    refused "--allow-setuid requires root privileges" --allow-setuid
    refused "only root can start a container" --ignore-userns
}

@test "--ignore-userns: root has none, even with -u" {
    need_root
    run start -u --ignore-userns "$SANDBOX" readlink /proc/self/ns/user
    [ "$output" = "$(readlink /proc/self/ns/user)" ]
}

@test "--allow-setuid: nothing that is bound is nosuid" {
    need_root
    run start --allow-setuid --bind "$TMP:/data" "$SANDBOX" sh -c "grep ' / / ' /proc/self/mountinfo"
    [[ "$output" != *nosuid* ]]
    run start --bind "$TMP:/data" "$SANDBOX" sh -c "grep ' /data ' /proc/self/mountinfo"
    [[ "$output" == *nosuid* ]]
    run start --allow-setuid --bind "$TMP:/data" "$SANDBOX" sh -c "grep ' /data ' /proc/self/mountinfo"
    [[ "$output" != *nosuid* ]]
    run "$APPTAINER" exec --allow-setuid -u "$SANDBOX" true
    [[ "$output" == *WARNING*"no effect in a user namespace"* ]]
}

@test "--security uid, gid: a user has another name" {
    need_user
    for option in "" -p -C "-p --no-init"; do
        # shellcheck disable=SC2086
        run start $option --security uid:5,gid:6 "$SANDBOX" sh -c 'id -u; id -g; cat /proc/self/uid_map; touch file && stat -c %u file'
        [ "$status" -eq 0 ]
        [ "${lines[0]} ${lines[1]}" = "5 6" ]
        [[ "${lines[2]}" =~ ^\ *5\ +$(id -u)\ +1$ || "${lines[2]}" =~ ^\ *5\ +[0-9]+\ +1$ ]]
        [ "${lines[3]}" = 5 ]
    done
    # shellcheck disable=SC2016 # the container's
    [ "$(start --security uid:0 "$SANDBOX" sh -c 'id -u; echo $HOME')" = $'0\n/root' ]
    [ "$(capabilities --security uid:0)" = "$(five 0)" ]
    [ "$(capabilities --security uid:7 --add-caps net_raw)" = "$(five 0x2000)" ]
    run "$APPTAINER" exec --security gid:6:7 "$SANDBOX" id -g
    [[ "$output" == *WARNING*"only root can have supplementary groups"*$'\n6' ]]
}

@test "--security uid, gid: root becomes another user" {
    need_root
    local user
    user=$(id -u "$TEST_USER")
    for option in "" -p -C "-p --no-init"; do
        # shellcheck disable=SC2086
        run start $option --security "uid:$user,gid:6:7:8" "$SANDBOX" sh -c 'id -u; id -g; grep ^Groups: /proc/self/status; id -un; readlink /proc/self/ns/user'
        [ "$status" -eq 0 ]
        [ "${lines[0]} ${lines[1]}" = "$user 6" ]
        [[ "${lines[2]}" == Groups:*"6 7 8"* ]]
        [ "${lines[3]}" = "$TEST_USER" ]
        [ "${lines[4]}" = "$(readlink /proc/self/ns/user)" ]
    done
    [ "$(capabilities --security "uid:$user")" = "$(five 0)" ]
    [ "$(new_privileges --security "uid:$user")" = 1 ]
    [ "$(capabilities --security "uid:$user" --add-caps net_raw)" = "$(five 0x2000)" ]
    [ "$(start --security uid:0 "$SANDBOX" id -u)" = 0 ]
}

@test "--security uid: a container with a pid namespace still dies with its parent" {
    need_root
    "$APPTAINER" exec -p --security uid:7 "$SANDBOX" sleep 4242 3>&- &
    local parent=$! program
    eventually pgrep -P "$parent"
    eventually pgrep -x sleep -u 7
    program=$(pgrep -x sleep -u 7)
    kill -KILL "$parent"
    eventually eval "! kill -0 $program 2>/dev/null"
}

@test "--security: what cannot be taken is refused" {
    refused '"x" is not a user id' --security uid:x
    refused '"4294967295" is not a user id' --security uid:4294967295
    refused '"" is not a group id' --security gid:1:
    refused 'no feature "nosuch"' --security nosuch:1
    refused 'is not a feature and its value' --security uid
    [ -d /sys/kernel/security/apparmor ] || refused "AppArmor is not enabled" --security apparmor:profile
    [ -e /sys/fs/selinux/enforce ] || refused "SELinux is not enabled" --security selinux:label
}

@test "--security seccomp: a filter by a profile" {
    cat >profile.json <<-'END'
	{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	  {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122},
	  {"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
	  {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_NET_RAW"]}},
	  {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["s390x"]}},
	  {"names": ["sync"], "action": "SCMP_ACT_KILL"}]}
	END
    run start --no-privs --security seccomp:profile.json "$SANDBOX" sh -c 'mkdir dir || echo no; grep ^NoNew /proc/self/status; touch file; chmod 700 file && echo yes'
    [ "$status" -eq 0 ]
    [[ "$output" == *"Quota exceeded"*no*NoNewPrivs:*1*yes* || "$output" == *"quota exceeded"*no*NoNewPrivs:*1*yes* ]]
    [ ! -e dir ]
    run start --no-privs --security seccomp:profile.json --add-caps net_raw "$SANDBOX" chmod 700 file
    [ "$status" -ne 0 ]
    for option in "" -p; do
        # shellcheck disable=SC2086
        run start $option --security seccomp:profile.json "$SANDBOX" sync
        [ "$status" -eq 159 ]
    done
}

@test "--security seccomp: a profile that cannot be kept is refused" {
    bad() { # MESSAGE TEXT
        printf '%s' "$2" >bad.json
        refused "$1" --security seccomp:bad.json
    }
    refused "No such file" --security seccomp:nosuch.json
    bad "malformed JSON" '{'
    bad "is not a profile" '[]'
    bad "defaultAction is missing" '{}'
    bad 'defaultAction "SCMP_ACT_NOTIFY" is not supported' '{"defaultAction": "SCMP_ACT_NOTIFY"}'
    bad 'the flag "X" is not supported' '{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["X"]}'
    bad 'the architecture "X" is not supported' '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["X"]}'
    bad 'rule 1: the system call "nosuch" is not known' \
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["nosuch"], "action": "SCMP_ACT_ERRNO"}]}'
    bad 'rule 1: op "X" is not supported' \
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"op": "X"}]}]}'
    bad 'an argument needs an index below 6' \
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "args": [{"op": "SCMP_CMP_EQ", "index": 6, "value": 1}]}]}'
}
