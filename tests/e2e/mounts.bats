#!/usr/bin/env bats
# What is mounted in a container: defaults, -c, -C, binds and their rules, home, working directory, files of /etc.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    HOME_OF_USER=$(getent passwd "$(id -u)" | cut -d: -f6)
    HOME_INSIDE=$HOME_OF_USER
    [ "$(id -u)" != 0 ] || HOME_INSIDE=/root
    # A directory that is in no container by default.
    mkdir -p host/dir
    echo content >host/file
    echo inner >host/dir/inner
    export APPTAINER_IMAGE_LINGER=1
}

start() { "$APPTAINER" exec "$@"; }

# The options of the mount on a path inside, such as "rw,nosuid,nodev,relatime tmpfs".
mount_of() { # PATH OPTION...
    local path=$1
    shift
    start "$@" "$SANDBOX" cat /proc/self/mountinfo |
        awk -v p="$path" '$5 == p { for (i = 7; $i != "-"; i++); line = $6 " " $(i + 1) } END { print line }'
}

@test "default: every mount with its flags" {
    local bound="rw,nosuid,nodev"
    [[ "$(mount_of /)" == "rw,nodev,"*" overlay" ]]
    [[ "$(mount_of /etc/hosts)" == $bound,* ]]
    [[ "$(mount_of /etc/localtime)" == $bound,* ]]
    [[ "$(mount_of "$HOME_INSIDE")" == $bound,* ]]
    [[ "$(mount_of /tmp)" == $bound,* ]]
    [[ "$(mount_of /var/tmp)" == $bound,* ]]
    [[ "$(mount_of /etc/passwd)" == "rw,nosuid,relatime tmpfs" ]]
    [[ "$(mount_of /etc/group)" == "rw,nosuid,relatime tmpfs" ]]
    [[ "$(mount_of /dev)" == *" $(awk '$2 == "/dev" { print $3 }' /proc/self/mounts | tail -1)" ]]
    [[ "$(mount_of /proc)" == *" proc" ]]
    [[ "$(mount_of /sys)" == *" sysfs" ]]
    if [ "$(id -u)" = 0 ]; then
        [[ "$(mount_of /proc)" == "$bound,"* ]]
        [[ "$(mount_of /sys)" == "$bound,"* ]]
    fi
}

@test "nothing of the host is left: one root, and no way up from it" {
    run start "$SANDBOX" sh -c 'awk "\$5 == \"/\"" /proc/self/mountinfo | wc -l; ls -a /.. | sort | tr "\n" " "'
    [ "${lines[0]}" = 1 ]
    [[ "${lines[1]}" != *.image* && "${lines[1]}" != *lib64* ]]
}

@test "the image is read-only, and never changed by what is mounted" {
    find "$SANDBOX" | sort >before
    run start -B "$TMP/host:/new/deep/dir,$TMP/host/file:/etc/new.conf" "$SANDBOX" sh -c 'touch /bin/x /x; cat /new/deep/dir/file /etc/new.conf'
    [[ "$output" == *"/bin/x: Read-only file system"*"/x: Read-only file system"*content*content ]]
    find "$SANDBOX" | sort | diff before -
}

@test "-c: staged /dev, empty home and tmp, no working directory" {
    run start -c "$SANDBOX" sh -c 'pwd; ls -A ~ /tmp /var/tmp; ls /dev | sort | tr "\n" " "'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$HOME_INSIDE" ]
    [[ "${lines[-1]}" == "fd null "*"ptmx pts random shm stderr stdin stdout tty urandom zero "* ]]
    [[ "$(mount_of /dev -c)" == "rw,nosuid,relatime tmpfs" ]]
    [[ "$(mount_of /dev/shm -c)" == "rw,nosuid,nodev,relatime tmpfs" ]]
    [[ "$(mount_of /dev/pts -c)" == "rw,nosuid,noexec,relatime devpts" ]]
    [[ "$(mount_of "$HOME_INSIDE" -c)" == "rw,nosuid,nodev,relatime tmpfs" ]]
    [[ "$(mount_of /tmp -c)" == "rw,nosuid,nodev,relatime tmpfs" ]]
    run start -c "$SANDBOX" ls -d "$TMP/host"
    [ "$status" -ne 0 ]
    run start -c "$SANDBOX" stat -c '%a' /tmp /var/tmp /dev/shm
    [ "${lines[*]}" = "1777 1777 1777" ]
}

@test "-C: also its own /proc and message queues" {
    [[ "$(mount_of /dev/mqueue -C)" == "rw,nosuid,nodev,relatime mqueue" ]]
    [[ "$(mount_of /proc -C)" == "rw,nosuid,nodev,relatime proc" ]]
    run start -C "$SANDBOX" sh -c 'touch ~/a /tmp/b && ls ~ /tmp'
    [ "$status" -eq 0 ]
}

@test "the session has a size limit for users" {
    need_user
    run start -c "$SANDBOX" sh -c 'dd if=/dev/zero of=/tmp/big bs=1M count=80'
    [ "$status" -ne 0 ]
    [[ "$output" == *"No space left on device"* ]]
    printf 'sessiondir max size = 128\n' >site.conf
    "$APPTAINER" --config site.conf exec -c "$SANDBOX" dd if=/dev/zero of=/tmp/big bs=1M count=80
}

@test "-c -B: single devices, and all of /dev" {
    start -c -B /dev/full "$SANDBOX" test -c /dev/full
    run start -c -B /dev "$SANDBOX" sh -c 'test -e /dev/ptmx && test -e /dev/full'
    [ "$status" -eq 0 ]
    run start -c -B /dev/null "$SANDBOX" true
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*"already mounted"* ]]
}

@test "-c on a terminal: the terminal is /dev/console" {
    need_program script
    run script -qec "'$APPTAINER' exec -c '$SANDBOX' sh -c 'tty; test -c /dev/console && echo found'" /dev/null </dev/null
    [[ "$output" == */dev/console*found* ]]
}

@test "binds: directories and files, read-only, targets made on the way" {
    run start -B "$TMP/host:/data" -B "$TMP/host/dir:/ro:ro,$TMP/host/file:/a/b/c.txt" "$SANDBOX" sh -c 'cat /data/file /ro/inner /a/b/c.txt; touch /data/made; touch /ro/x'
    [ "${lines[0]}" = content ]
    [ "${lines[1]}" = inner ]
    [ "${lines[2]}" = content ]
    [[ "${lines[3]}" == *"Read-only file system"* ]]
    [ -e host/made ]
}

@test "binds: read-only reaches what is mounted below" {
    [ "$(id -u)" = 0 ] || skip "needs a mount on the host"
    mkdir host/sub
    unshare -m sh -c "mount -t tmpfs tmpfs '$TMP/host/sub' && exec '$APPTAINER' exec -B '$TMP/host:/data:ro' '$SANDBOX' touch /data/sub/x" >out 2>&1 || true
    grep -q "Read-only file system" out
}

@test "binds: parents before children, whatever the order" {
    run start -B "$TMP/host/file:/data/dir/here" -B "$TMP/host/dir:/data/dir" -B "$TMP/host:/data" "$SANDBOX" cat /data/dir/here /data/dir/inner /data/file
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "content inner content" ]
    # below a bound directory the mount point is made on the host's
    [ -e host/dir/here ]
}

@test "binds: a mount point cannot be made below a read-only bind: FATAL" {
    run start -B "$TMP/host:/data:ro" -B "$TMP/host/file:/data/new" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/data/new"*"Read-only file system"* ]]
}

@test "binds: the image's links are followed inside the image" {
    cp -a "$SANDBOX" box
    ln -s /opt/real box/link
    ln -s /etc/host-only box/escape
    mkdir box/opt/real
    run start -B "$TMP/host:/link" -B "$TMP/host/file:/escape" box sh -c 'cat /opt/real/file /etc/host-only'
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "content content" ]
    [ ! -e /etc/host-only ]
}

@test "binds: links that lead nowhere, in circles or out of the image" {
    cp -a "$SANDBOX" box
    ln -s loop box/loop
    ln -s ../../../../../out box/up
    run start -B "$TMP/host:/loop/x" box true
    [ "$status" -eq 255 ]
    [[ "$output" == *"/loop/x"*"Too many levels of symbolic links"* ]]
    start -B "$TMP/host:/up" box cat /out/file
    run start -B "$TMP/host:/etc/passwd/x" box true
    [ "$status" -eq 255 ]
}

@test "binds: what is wrong is said" {
    run start -B /no/such/thing "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"mount source /no/such/thing doesn't exist"* ]]
    run start -B "$TMP/host:relative" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"absolute"* ]]
    run start -B "$TMP/host:/data:rx" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"rx is not a valid bind option"* ]]
    run start -B "$TMP/host/file:/opt" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"Not a directory"* ]]
    run start -B "$TMP/host/dir:/etc/passwd" "$SANDBOX" true
    [ "$status" -eq 255 ]
    [[ "$output" == *"Not a directory"* ]]
    run start -B "$TMP/host:/data,$TMP/host/dir:/data" "$SANDBOX" cat /data/file
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*"destination is already in the mount point list"*content ]]
}

@test "binds: from the environment, behind those of the command line" {
    export APPTAINER_BIND="$TMP/host:/one" APPTAINER_BINDPATH="$TMP/host/dir:/two,$TMP/host/dir:/one"
    run start -B "$TMP/host/file:/three" "$SANDBOX" cat /one/file /two/inner /three
    [ "$status" -eq 0 ]
    [[ "$output" == *content*inner*content ]]
}

@test "home: the user's, another, elsewhere, none" {
    if [ "$(id -u)" != 0 ]; then
        touch "$HOME_OF_USER/.mounts-test"
        start "$SANDBOX" test -e "$HOME_OF_USER/.mounts-test"
        run start --no-home --no-mount cwd "$SANDBOX" test -e "$HOME_OF_USER/.mounts-test"
        [ "$status" -ne 0 ]
        rm "$HOME_OF_USER/.mounts-test"
    fi
    run start --home "$TMP/host" "$SANDBOX" sh -c 'echo $HOME; cat ~/file; grep ":$(id -u):" /etc/passwd | cut -d: -f6'
    [ "${lines[*]}" = "$TMP/host content $TMP/host" ]
    run start --home "$TMP/host:/home/someone" "$SANDBOX" sh -c 'echo $HOME; cat ~/file'
    [ "${lines[*]}" = "/home/someone content" ]
    run start -c --home host:/home/someone "$SANDBOX" sh -c 'pwd; cat ~/file'
    [ "${lines[*]}" = "/home/someone content" ]
    run start --home a:b:c "$SANDBOX" true
    [ "$status" -eq 255 ]
}

@test "working directory: the caller's, made when it is missing" {
    mkdir -p wd/below
    cd wd/below
    [ "$(start "$SANDBOX" pwd)" = "$PWD" ]
    [ "$(start --no-mount cwd,tmp --pwd / "$SANDBOX" pwd)" = / ]
    run start --no-mount cwd,tmp,home "$SANDBOX" pwd
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*"cannot change to the directory"* ]]
}

@test "working directory: --cwd, --pwd and their variables; a missing one is fatal" {
    [ "$(start --cwd /usr "$SANDBOX" pwd)" = /usr ]
    [ "$(start --pwd usr/bin "$SANDBOX" pwd)" = /usr/bin ]
    [ "$(APPTAINER_PWD=/opt start "$SANDBOX" pwd)" = /opt ]
    run start --cwd /no/such "$SANDBOX" pwd
    [ "$status" -eq 255 ]
    [[ "$output" == *"/no/such"*"No such file or directory"* ]]
}

@test "working directory: outside of what is mounted it is bound in place" {
    # /tmp is not mounted here, so the caller's directory has to be
    run start --no-mount tmp "$SANDBOX" cat host/file
    [ "$status" -eq 0 ]
    [ "$output" = content ]
}

@test "working directory: directories of the system are not mounted over the image's" {
    cd /usr/lib 2>/dev/null || cd /usr
    cd /etc
    run start "$SANDBOX" sh -c 'pwd; ls /etc | wc -l'
    [ "${lines[0]}" = /etc ]
    [ "${lines[1]}" -le 6 ]
}

@test "working directory: one that was deleted" {
    mkdir gone
    cd gone
    rmdir ../gone
    run start "$SANDBOX" pwd
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*deleted*"$HOME_INSIDE" ]]
}

@test "working directory: keeps the name by which it was reached" {
    ln -s host here
    cd here
    [ "$(start "$SANDBOX" sh -c 'echo $PWD')" = "$TMP/here" ]
}

@test "passwd and group: the image's, with the caller" {
    run start "$SANDBOX" cat /etc/passwd
    [[ "$output" == *"nobody:x:65534:65534:"* ]]
    [ "$(printf '%s\n' "${lines[@]}" | grep -c ":$(id -u):")" -eq 1 ]
    [[ "$output" == *":$(id -u):"*":$HOME_INSIDE:"* ]]
    run start "$SANDBOX" cat /etc/group
    [[ "$output" == *"nogroup:x:65534:"* ]]
    [[ "$output" == *"$(id -gn):x:$(id -g):"* ]]
    printf 'config passwd = no\nconfig group = no\n' >site.conf
    "$APPTAINER" --config site.conf exec "$SANDBOX" cat /etc/passwd | cmp - "$SANDBOX/etc/passwd"
}

@test "passwd and group: an image without gets some with the caller alone" {
    cp -a "$SANDBOX" box
    rm box/etc/passwd box/etc/group
    run start box sh -c 'cat /etc/passwd; id -un'
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[1]}" = "$(id -un)" ]
}

@test "localtime: the host's, even where the image has a link" {
    [ -e /etc/localtime ] || skip "the host has no /etc/localtime"
    cp -a "$SANDBOX" box
    mkdir -p box/usr/share/zoneinfo
    echo zone >box/usr/share/zoneinfo/Mars
    ln -s /usr/share/zoneinfo/Mars box/etc/localtime
    start box cat /etc/localtime | cmp - /etc/localtime
    [ "$(start box cat /usr/share/zoneinfo/Mars)" = zone ]
    [ "$(readlink box/etc/localtime)" = /usr/share/zoneinfo/Mars ]
}

@test "resolv.conf: the host's" {
    [ -e /etc/resolv.conf ] || skip "the host has no /etc/resolv.conf"
    start "$SANDBOX" cat /etc/resolv.conf | cmp - /etc/resolv.conf
    run start --no-mount /etc/resolv.conf "$SANDBOX" cat /etc/resolv.conf
    [ -z "$output" ]
}

@test "--no-mount: words and targets" {
    [ -z "$(mount_of /tmp --no-mount tmp)" ]
    [ -z "$(mount_of /sys --no-mount sys,home)" ]
    [ -z "$(mount_of /etc/hosts --no-mount bind-paths)" ]
    [ -z "$(mount_of /etc/hosts --no-mount /etc/hosts)" ]
    [ -n "$(mount_of /etc/localtime --no-mount /etc/hosts)" ]
    run start --no-mount nonsense "$SANDBOX" true
    [ "$status" -eq 0 ]
    [[ "$output" == *"WARNING: Ignoring unknown mount type 'nonsense'"* ]]
}

@test "site: bind path, mount hostfs, mount dev = minimal, user bind control" {
    printf 'bind path = %s\nbind path = %s:/opt/site\n' "$TMP/host/file" "$TMP/host/dir" >site.conf
    run "$APPTAINER" --config site.conf exec --no-mount tmp,cwd "$SANDBOX" cat "$TMP/host/file" /opt/site/inner
    [ "${lines[*]}" = "content inner" ]
    printf 'mount dev = minimal\n' >site.conf
    run "$APPTAINER" --config site.conf exec "$SANDBOX" ls /dev
    [[ "$output" != *full* ]]
    printf 'user bind control = no\n' >site.conf
    run "$APPTAINER" --config site.conf exec -B "$TMP/host:/data" "$SANDBOX" ls /data
    [ "$status" -ne 0 ]
    [[ "$output" == *"WARNING: Ignoring $TMP/host bind mount: user bind control disabled by system administrator"* ]]
}

@test "underlay: the same without overlayfs" {
    printf 'enable underlay = preferred\nbind path = /etc/localtime\nbind path = /etc/hosts\n' >site.conf
    under() { "$APPTAINER" --config site.conf exec "$@"; }
    run under -B "$TMP/host:/usr/lib/deep/er,$TMP/host/file:/etc/new.conf" "$SANDBOX" sh -c 'cat /usr/lib/deep/er/file /etc/new.conf; ls -d /usr/bin /etc/passwd; touch /x /usr/lib/y; pwd'
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = content ]
    [ "${lines[1]}" = content ]
    [[ "$output" == */etc/passwd*/usr/bin*"/x: Read-only file system"*"/usr/lib/y: Read-only file system"*"$TMP" ]]
    # The same names as with overlayfs
    start -B "$TMP/host:/usr/lib/deep/er" "$SANDBOX" sh -c 'find / -xdev -maxdepth 3 | sort' >over || true
    under -B "$TMP/host:/usr/lib/deep/er" "$SANDBOX" sh -c 'find / -maxdepth 1 | sort' >under
    for name in $(cat under); do grep -qx "$name" over; done
    [[ "$("$APPTAINER" --config site.conf exec "$SANDBOX" cat /proc/self/mountinfo | awk '$5 == "/" { print $6 }')" == ro,* ]]
}

@test "a root file system image without any directory but a program" {
    mkdir -p bare/bin
    cp "$SANDBOX/bin/busybox" bare/bin/busybox
    run start bare /bin/busybox ls /
    [ "$status" -eq 0 ]
    [[ "$output" == *dev*etc*proc*sys*tmp* ]]
    run start -C bare /bin/busybox pwd
    [ "$status" -eq 0 ]
    [ "$output" = "$HOME_INSIDE" ]
}

@test "--scratch and --workdir: directories made where they are asked for" {
    run start --scratch /scratch/one,/two "$SANDBOX" sh -c 'touch /scratch/one/a /two/b && stat -f -c %T /two'
    [ "$status" -eq 0 ]
    [ "$output" = tmpfs ]
    mkdir work
    run start -c --workdir work --scratch /scratch "$SANDBOX" sh -c 'touch ~/h /tmp/t /var/tmp/v /scratch/s'
    [ "$status" -eq 0 ]
    [ -e work/home/h ] && [ -e work/tmp/t ] && [ -e work/var_tmp/v ] && [ -e work/scratch/scratch/s ]
    [ "$(stat -c %a work/home work/tmp work/scratch/scratch | tr '\n' ' ')" = "700 1777 750 " ]
    run start --scratch relative "$SANDBOX" true
    [ "$status" -eq 255 ]
}

@test "--underlay: a deprecated way to the same" {
    run start --underlay -B "$TMP/host:/new/dir" "$SANDBOX" cat /new/dir/file
    [ "$status" -eq 0 ]
    [[ "$output" == *WARNING*underlay*content ]]
}
