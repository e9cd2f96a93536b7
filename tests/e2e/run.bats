#!/usr/bin/env bats
# How a program runs in a container: it is the process that was started, with its own exit status, signals, descriptors, limits
# and identity; namespaces; what is refused and how.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    IMAGES=("$SANDBOX")
    if { : <>/dev/fuse; } 2>/dev/null || [ "$(id -u)" = 0 ]; then IMAGES+=("$(fixture_squashfs)"); fi
    export APPTAINER_IMAGE_LINGER=2
}

start() { "$APPTAINER" exec "$@"; }

@test "the exit status is the program's" {
    local image
    for image in "${IMAGES[@]}"; do
        run start "$image" true
        [ "$status" -eq 0 ]
        [ -z "$output" ]
        run start "$image" sh -c 'exit 37'
        [ "$status" -eq 37 ]
    done
}

@test "a program that a signal kills is seen to be killed" {
    run start "$SANDBOX" sh -c 'kill -TERM $$'
    [ "$status" -eq 143 ]
    run start "$SANDBOX" sh -c 'kill -KILL $$'
    [ "$status" -eq 137 ]
}

@test "the process that was started becomes the program" {
    local image
    for image in "${IMAGES[@]}"; do
        "$APPTAINER" exec "$image" sh -c 'echo $$' >pid &
        local pid=$!
        wait "$pid"
        [ "$(cat pid)" = "$pid" ]
    done
}

@test "what is not there or cannot be executed: exit 255 and the reason" {
    run start "$SANDBOX" nosuchprogram
    [ "$status" -eq 255 ]
    [[ "$output" == *'"nosuchprogram": executable file not found in $PATH'* ]]
    run start "$SANDBOX" /no/such/program
    [ "$status" -eq 255 ]
    [[ "$output" == *"no such file or directory"* || "$output" == *"No such file or directory"* ]]
    run start "$SANDBOX" /etc/passwd
    [ "$status" -eq 255 ]
}

@test "what is no image: exit 255 and the name" {
    echo text >file
    : >empty
    for name in missing file empty /; do
        run start "$name" true
        [ "$status" -eq 255 ]
        [[ "$output" == *"FATAL:   "*"$name"* ]]
    done
}

@test "images elsewhere and other transports are refused by name" {
    run start docker://busybox true
    [ "$status" -eq 255 ]
    [[ "$output" == *docker://busybox* ]]
    run start instance://x true
    [ "$status" -eq 255 ]
}

@test "a bare squashfs is an image whatever its name" {
    [ ${#IMAGES[@]} -eq 2 ] || skip "no /dev/fuse for $(id -un)"
    for name in image.img image.simg image image.tar; do
        ln "${IMAGES[1]}" "$name" 2>/dev/null || cp "${IMAGES[1]}" "$name"
        run start "$name" echo inside
        [ "$status" -eq 0 ]
        [ "$output" = inside ]
    done
}

@test "descriptors, limits, umask and niceness are the caller's" {
    cat >look.sh <<'END'
cat <&9
ulimit -n
umask
cut -d' ' -f19 /proc/self/stat
ls /proc/self/fd
END
    outside=$(bash -c "exec 9<<<nine; ulimit -n 123; umask 027; nice -n 5 sh '$TMP/look.sh'")
    inside=$(bash -c "exec 9<<<nine; ulimit -n 123; umask 027; nice -n 5 '$APPTAINER' exec '$SANDBOX' sh '$TMP/look.sh'")
    [ "${outside%%$'\n'*}" = nine ]
    [ "$(grep -cx 123 <<<"$inside")" = 1 ]
    [ "$(tr '\n' ' ' <<<"$inside")" = "$(tr '\n' ' ' <<<"$outside" | sed 's/^nine 123 0*27 /nine 123 0027 /')" ]
}

@test "standard streams: closed ones are /dev/null, others the caller's" {
    run bash -c "'$APPTAINER' exec '$SANDBOX' sh -c 'readlink /proc/self/fd/0' <&-"
    [ "$output" = /dev/null ]
    run bash -c "echo in | '$APPTAINER' exec '$SANDBOX' cat"
    [ "$output" = in ]
}

@test "stdout has nothing but the program's output" {
    local image
    for image in "${IMAGES[@]}"; do
        "$APPTAINER" -d exec "$image" echo word >out 2>err
        [ "$(cat out)" = word ]
        grep -q '^DEBUG' err
    done
}

@test "an ordinary user is who they are, without capabilities, with no_new_privs" {
    need_user
    run start "$SANDBOX" sh -c 'id -u; id -g; grep -E "^(Cap|NoNewPrivs)" /proc/self/status'
    [ "${lines[0]}" = "$(id -u)" ]
    [ "${lines[1]}" = "$(id -g)" ]
    [ "$(printf '%s\n' "${lines[@]}" | grep -c '^Cap.*0000000000000000$')" -eq 5 ]
    [[ "$output" == *"NoNewPrivs:	1"* ]]
}

@test "root keeps its capabilities" {
    need_root
    run start "$SANDBOX" grep -E '^Cap(Prm|Bnd)|NoNewPrivs' /proc/self/status
    [ "${lines[0]}" = "$(grep ^CapPrm /proc/self/status)" ]
    [ "${lines[1]}" = "$(grep ^CapBnd /proc/self/status)" ]
    [ "${lines[2]}" = "NoNewPrivs:	0" ]
}

@test "root gives its capabilities up with --no-privs" {
    need_root
    run start --no-privs "$SANDBOX" grep -cE '^Cap.*0000000000000000$|NoNewPrivs:.1' /proc/self/status
    [ "$output" = 6 ]
}

@test "namespaces: mount, and user for ordinary users; others only when asked for" {
    namespaces() { "$APPTAINER" exec "$@" "$SANDBOX" sh -c 'for n in user mnt pid ipc net uts cgroup; do echo $n $(readlink /proc/self/ns/$n); done'; }
    changed() { # names of those that differ from ours
        local name link
        while read -r name link; do [ "$link" = "$(readlink "/proc/self/ns/$name")" ] || printf '%s ' "$name"; done
    }
    local user="user "
    [ "$(id -u)" != 0 ] || user=
    [ "$(namespaces | changed)" = "${user}mnt " ]
    [ "$(namespaces -i | changed)" = "${user}mnt ipc " ]
    [ "$(namespaces -p | changed)" = "${user}mnt pid " ]
    [ "$(namespaces -C | changed)" = "${user}mnt pid ipc " ]
}

@test "root with --userns has a user namespace" {
    need_root
    run start --userns "$SANDBOX" readlink /proc/self/ns/user
    [ "$status" -eq 0 ]
    [ "$output" != "$(readlink /proc/self/ns/user)" ]
}

@test "--pid: process 1 is appinit, the program its child, and /proc shows only them" {
    run start --pid "$SANDBOX" sh -c 'cat /proc/1/comm; tr "\0" "|" </proc/1/cmdline; echo; echo $PPID; ls -d /proc/[0-9]* | wc -l'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = appinit ]
    [[ "${lines[1]}" == appinit* ]]
    [ "$(echo "${lines[1]}" | tr -d '|')" = appinit ]
    [ "${lines[2]}" = 1 ]
    [ "${lines[3]}" -le 4 ]
}

@test "--pid: exit status, and 128 + n for signal n" {
    run start --pid "$SANDBOX" sh -c 'exit 37'
    [ "$status" -eq 37 ]
    run start --pid "$SANDBOX" sh -c 'kill -KILL $$'
    [ "$status" -eq 137 ]
    run start --pid "$SANDBOX" nosuchprogram
    [ "$status" -eq 255 ]
}

@test "--pid: orphans are reaped and end with the program" {
    run start --pid "$SANDBOX" sh -c '(sleep 0.1 & sleep 4712 &) ; sleep 0.5; ls -d /proc/[0-9]* | wc -l; grep -l "^State:.Z" /proc/[0-9]*/status'
    [ "${lines[0]}" -le 6 ]
    [[ "$output" != *status* ]]
    no_sleeper() { ! pgrep -u "$(id -u)" -f 'sleep 4712' >/dev/null; }
    eventually no_sleeper
}

# Starts a container that says "ready" and waits; sets pid.
start_waiting() {
    "$APPTAINER" exec "$@" >out 2>&1 &
    pid=$!
    ready() { grep -q ready out; }
    eventually ready
}

@test "signals reach the program: the same with and without --pid" {
    local option
    for option in -e --pid; do
        start_waiting "$option" "$SANDBOX" sh -c 'trap "echo got USR1" USR1; trap "echo got TERM; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
        kill -USR1 "$pid"
        got() { grep -q 'got USR1' out; }
        eventually got
        kill -TERM "$pid"
        local code=0
        wait "$pid" || code=$?
        [ "$code" -eq 9 ]
        grep -q 'got TERM' out
    done
}

@test "--pid: SIGTERM to a program without a handler ends the container with 143" {
    start_waiting --pid "$SANDBOX" sh -c 'echo ready; exec sleep 4713'
    kill -TERM "$pid"
    local code=0
    wait "$pid" || code=$?
    [ "$code" -eq 143 ]
}

@test "--pid: SIGTERM to appinit itself ends the container" {
    start_waiting --pid "$SANDBOX" sh -c 'echo ready; exec sleep 4714'
    local init
    init=$(pgrep -P "$pid" -x appinit)
    kill -TERM "$init"
    local code=0
    wait "$pid" || code=$?
    [ "$code" -eq 143 ]
}

@test "--pid: SIGKILL of the parent takes the container with it" {
    start_waiting --pid "$SANDBOX" sh -c 'echo ready; sleep 4715; true'
    kill -KILL "$pid"
    wait "$pid" || true
    no_sleeper() { ! pgrep -u "$(id -u)" -f 'sleep 4715' >/dev/null; }
    eventually no_sleeper
}

@test "--pid: stopping and continuing the job" {
    start_waiting --pid "$SANDBOX" sh -c 'echo ready; i=0; while :; do i=$((i+1)); echo $i >count; sleep 0.05; done'
    kill -TSTP "$pid"
    stopped() { [ "$(ps -o state= -p "$pid")" = T ]; }
    eventually stopped
    kill -CONT "$pid"
    running() { [ "$(ps -o state= -p "$pid")" != T ]; }
    eventually running
    kill -KILL "$pid"
    wait "$pid" || true
}

@test "--pid --no-init: the program is process 1" {
    run start --pid --no-init "$SANDBOX" sh -c 'echo $$; exit 5'
    [ "$output" = 1 ]
    [ "$status" -eq 5 ]
}

@test "the site may forbid namespaces: a warning, and the run goes on" {
    printf 'allow pid ns = no\nallow ipc ns = no\n' >site.conf
    run "$APPTAINER" --config site.conf exec -p -i "$SANDBOX" sh -c 'readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc'
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*PID* && "$output" == *WARNING*IPC* ]]
    [[ "$output" == *"$(readlink /proc/self/ns/pid)"* && "$output" == *"$(readlink /proc/self/ns/ipc)"* ]]
}

@test "the site may forbid kinds and places of images to users" {
    need_user
    printf 'allow container dir = no\n' >site.conf
    run "$APPTAINER" --config site.conf exec "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"'allow container dir = no'"* ]]
    mkdir images images-not
    printf 'limit container paths = %s\n' "$PWD/images" >site.conf
    cp -a "$SANDBOX" images/box
    cp -a "$SANDBOX" images-not/box
    "$APPTAINER" --config site.conf exec images/box true
    run "$APPTAINER" --config site.conf exec images-not/box true
    [ "$status" -eq 255 ]
    printf 'limit container owners = root\n' >site.conf
    run "$APPTAINER" --config site.conf exec images/box true
    [ "$status" -eq 255 ]
    [[ "$output" == *"limit container owners"* ]]
    chmod -R u+w images images-not
}

@test "a bad configuration names file and line" {
    printf '\nmount dev = perhaps\n' >site.conf
    run "$APPTAINER" --config site.conf exec "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"site.conf: line 2"*perhaps* ]]
}

@test "no user namespaces: the switch is named, and what to do" {
    need_user
    run "$TOOLS/deny" EPERM unshare "$APPTAINER" exec "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"user namespaces are not to be had on this machine"* ]]
    [[ "$output" == *seccomp* ]]
    unshare -r true 2>/dev/null || skip "no nested user namespaces"
    run unshare -r bash -c "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all '$APPTAINER' exec '$SANDBOX' true"
    [ "$status" -eq 255 ]
    [[ "$output" == *"user.max_user_namespaces is 0"* ]]
    [[ "$output" == *"sysctl -w user.max_user_namespaces="* ]]
}

@test "older kernels: without the new mount calls, openat2, or a root that can be pivoted away" {
    local image calls="open_tree,move_mount,fsopen,fsconfig,fsmount,mount_setattr"
    for image in "${IMAGES[@]}"; do
        run "$TOOLS/deny" ENOSYS "$calls" "$APPTAINER" exec -B "$TMP:/data:ro" "$image" sh -c 'touch /data/x; pwd'
        [ "$status" -eq 0 ]
        [[ "$output" == *"Read-only file system"*"$TMP"* ]]
        run "$TOOLS/deny" ENOSYS "$calls,openat2,close_range,pidfd_open" "$APPTAINER" exec -C "$image" sh -c 'echo word >/dev/null && ls /tmp /dev/shm && pwd'
        [ "$status" -eq 0 ]
    done
    run "$TOOLS/deny" EINVAL pivot_root "$APPTAINER" exec "$SANDBOX" sh -c 'cd /..; test ! -e /work -a -e /bin/busybox && ls -d /bin'
    [ "$status" -eq 0 ]
    [ "$output" = /bin ]
}

@test "64 starts at once all succeed" {
    local image=${IMAGES[-1]} i pids=()
    for i in $(seq 64); do
        "$APPTAINER" exec "$image" sh -c "echo $i" >"out.$i" 2>&1 &
        pids+=($!)
    done
    for i in $(seq 64); do wait "${pids[i - 1]}"; done
    [ "$(cat out.* | sort -n | tr '\n' ' ')" = "$(seq 64 | tr '\n' ' ')" ]
}

@test "nothing is left after any end" {
    local image before after
    before=$(grep -c . /proc/self/mountinfo)
    for image in "${IMAGES[@]}"; do
        start "$image" true
        "$APPTAINER" exec "$image" sleep 4716 &
        local pid=$!
        sleep 0.3
        kill -KILL "$pid"
        wait "$pid" || true
    done
    after=$(grep -c . /proc/self/mountinfo)
    [ "$before" = "$after" ]
    assert_nothing_left
    [ "$(id -u)" = 0 ] || eventually no_server
}

@test "root: a squashfs is the kernel's, on a loop device that goes away" {
    need_root
    local image
    image=$(fixture_squashfs)
    [ -e /dev/loop-control ] || skip "no loop devices"
    attached() { losetup -l -n -O BACK-FILE | grep -qF "$image"; }
    detached() { ! attached; }
    eventually detached
    "$APPTAINER" exec "$image" sleep 4717 &
    local pid=$!
    eventually attached
    kill -KILL "$pid"
    wait "$pid" || true
    eventually detached
}
