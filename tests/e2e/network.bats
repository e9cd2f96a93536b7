#!/usr/bin/env bats
# What a container is called and whom it can talk to: --uts, --hostname, --net, --network, --netns-path, --dns.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    export APPTAINER_IMAGE_LINGER=2
}

start() { "$APPTAINER" -q exec "$@"; }

refused() { # MESSAGE OPTION...: exit 255 and the message
    local message=$1
    shift
    run start "$@" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"$message"* ]]
}

@test "--hostname: a name of the container's own, the host keeps its own" {
    local before
    before=$(uname -n)
    run start --hostname some-host.example "$SANDBOX" sh -c 'uname -n; cat /etc/hostname'
    [ "$status" -eq 0 ]
    [ "$output" = some-host.example$'\n'some-host.example ]
    [ "$(APPTAINER_HOSTNAME=other start -C "$SANDBOX" uname -n)" = other ]
    [ "$(uname -n)" = "$before" ]
}

@test "--hostname: what is none is refused" {
    local name
    for name in under_score -a a- a. .a a..b "a b" "$(printf '%065d' 1)"; do
        refused "is not a valid host name" "--hostname=$name"
    done
}

@test "--uts: a namespace, with the name of the host" {
    run start --uts "$SANDBOX" sh -c 'uname -n; readlink /proc/self/ns/uts'
    [ "${lines[0]}" = "$(uname -n)" ]
    [ "${lines[1]}" != "$(readlink /proc/self/ns/uts)" ]
    [ "$(start "$SANDBOX" readlink /proc/self/ns/uts)" = "$(readlink /proc/self/ns/uts)" ]
}

@test "allow uts ns = no: a WARNING, and the host's name" {
    echo 'allow uts ns = no' >conf
    run --separate-stderr "$APPTAINER" --config conf exec --hostname other "$SANDBOX" uname -n
    [ "$status" -eq 0 ]
    [ "$output" = "$(uname -n)" ]
    # shellcheck disable=SC2154 # set by run
    [[ "$stderr" == *"UTS namespace"* ]]
}

@test "--network none: nothing but lo, and that is up" {
    run start --net --network none "$SANDBOX" sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1; ip addr show lo; ping -c1 -w5 127.0.0.1 >&2'
    [ "${lines[0]}" = "    lo" ]
    [[ "${lines[1]}" == *"lo: <LOOPBACK,UP,LOWER_UP>"* ]]
    run start --net --network none -C "$SANDBOX" cat /etc/hosts
    [[ "${lines[0]}" == "127.0.0.1 "*localhost ]]
}

@test "--network none: two programs talk over lo" {
    run start --net --network none "$SANDBOX" sh -c '(echo hello | nc -l -p 8080 127.0.0.1 &) ; sleep 1; nc 127.0.0.1 8080 </dev/null'
    [ "$output" = hello ]
}

@test "--network implies --net and says so" {
    run "$APPTAINER" exec --network none "$SANDBOX" readlink /proc/self/ns/net
    [[ "${lines[0]}" == *"Setting --net (required by --network)"* ]]
    [ "${lines[1]}" != "$(readlink /proc/self/ns/net)" ]
}

@test "other networks are refused with the reason" {
    local reason="requires root"
    [ "$(id -u)" != 0 ] || reason="not supported yet"
    refused "$reason" --net
    refused "$reason" --net --network bridge
    refused "$reason" --net --network none,bridge
    refused "$reason" --network-args portmap=80:80/tcp
    refused "takes no arguments" --network none --network-args portmap=80:80/tcp
    refused "$reason" --net --network ""
}

@test "--netns-path: refused for users" {
    need_user
    refused "requires root" --netns-path /proc/self/ns/net
}

@test "--netns-path: joined by root" {
    need_root
    unshare -n sleep 60 3>&- &
    local other=$!
    eventually eval "[ \$(readlink /proc/$other/ns/net) != \$(readlink /proc/self/ns/net) ]"
    for option in "" -u -p; do
        # shellcheck disable=SC2086
        run start $option --netns-path /proc/$other/ns/net "$SANDBOX" readlink /proc/self/ns/net
        [ "$output" = "$(readlink /proc/$other/ns/net)" ]
    done
    run "$APPTAINER" exec --net --netns-path /proc/$other/ns/net "$SANDBOX" true
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*"--net is ignored"* ]]
    kill "$other"
    refused "is not a network namespace" --netns-path /etc/passwd
    refused "No such file" --netns-path /no/such/file
}

@test "--dns: name servers" {
    run start --dns '192.0.2.1, 2001:db8::1' "$SANDBOX" cat /etc/resolv.conf
    [ "$output" = $'nameserver 192.0.2.1\nnameserver 2001:db8::1' ]
    refused "is not an IP address" --dns name.example
    refused "is not an IP address" --dns 192.0.2.1,,192.0.2.2
}
