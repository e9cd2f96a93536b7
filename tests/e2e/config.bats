#!/usr/bin/env bats
# config global: what is read is what a start does; what is written is the whole file.

load helpers

test_setup() {
    cp "$(dirname "$APPTAINER")/../etc/apptainer/apptainer.conf" c.conf
    chmod u+w c.conf
}

global() { "$APPTAINER" -c c.conf config global "$@"; }

@test "config global: values are read, set, unset and reset; comments stay" {
    [ "$(global --get "bind path")" = "/etc/localtime,/etc/hosts" ]
    local comments
    comments=$(grep -c '^#' c.conf)
    run global --set "bind path" /a,/b
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(global -g "bind path")" = "/a,/b,/etc/localtime,/etc/hosts" ]
    global -u "bind path" /a
    [ "$(global -g "bind path")" = "/b,/etc/localtime,/etc/hosts" ]
    global -s "mount tmp" no
    [ "$(global -g "mount tmp")" = no ]
    global -r "mount tmp"
    [ "$(global -g "mount tmp")" = yes ]
    [ "$(grep -c '^#' c.conf)" = "$comments" ]
    [ "$(stat -c %a c.conf)" = "$(stat -c %a "$(dirname "$APPTAINER")/../etc/apptainer/apptainer.conf" | sed 's/^4/6/')" ]
}

@test "config global: --dry-run prints and writes nothing" {
    cp c.conf before
    global --dry-run --set "image linger" 77 >printed
    cmp c.conf before
    grep -q '^image linger = 77$' printed
    [ "$(diff c.conf printed | grep -c '^[<>]')" -eq 2 ]
}

@test "config global: a start obeys what was set" {
    need_userns
    local sandbox
    sandbox=$(fixture_sandbox)
    mkdir data
    echo there >data/file
    global --set "bind path" "$TMP/data:/opt"
    run "$APPTAINER" -c c.conf exec "$sandbox" cat /opt/file
    [ "$output" = there ]
}

@test "config global: mistakes, one message each" {
    run global --get nope
    [ "$status" -eq 255 ]
    [[ "$output" == *'"nope" is not a valid configuration directive'* ]]
    run global --set "mount tmp" maybe
    [ "$status" -eq 255 ]
    [[ "$output" == *"yes, no"* ]]
    run global --set "bind path"
    [ "$status" -eq 255 ]
    run global --unset "bind path" /zzz
    [ "$status" -eq 255 ]
    [[ "$output" == *"/zzz"* ]]
    run global "bind path"
    [ "$status" -eq 1 ]
    run global --get
    [ "$status" -eq 1 ]
    run "$APPTAINER" -c absent.conf config global --get "mount tmp"
    [ "$status" -eq 255 ]
    cmp c.conf "$(dirname "$APPTAINER")/../etc/apptainer/apptainer.conf"
}

@test "config global: a file that may not be written is named, and stays" {
    need_user
    mkdir closed
    cp c.conf closed/
    chmod 500 closed
    run "$APPTAINER" -c closed/c.conf config global --set "mount tmp" no
    chmod 700 closed
    [ "$status" -eq 255 ]
    [[ "$output" == *"/closed: "* ]]
    cmp c.conf closed/c.conf
}

@test "config global: a link stays a link" {
    mv c.conf real.conf
    ln -s real.conf c.conf
    global --set "mount tmp" no
    [ -L c.conf ]
    grep -q '^mount tmp = no$' real.conf
}
