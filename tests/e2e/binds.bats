#!/usr/bin/env bats
# Binds by --mount, mistakes in both grammars, and many binds.

load helpers

test_setup() {
    need_userns
    SANDBOX=$(fixture_sandbox)
    mkdir -p host/dir 'host/a,b' 'host/a:b'
    echo content >host/file
    echo inner >host/dir/inner
    echo comma >'host/a,b/x'
    echo colon >'host/a:b/x'
    export APPTAINER_IMAGE_LINGER=1
}

start() { "$APPTAINER" exec "$@"; }

@test "--mount: every spelling of its keys" {
    local spec
    for spec in "type=bind,source=$TMP/host,destination=/data" "src=$TMP/host,dst=/data" "target=/data,source=$TMP/host" \
        "type=bind,source=host,target=/data"; do
        run start --mount "$spec" "$SANDBOX" cat /data/file
        [ "$status" -eq 0 ]
        [ "$output" = content ]
    done
}

@test "--mount: read-only" {
    local word
    for word in ro readonly ro=true readonly=1; do
        run start --mount "type=bind,source=$TMP/host,target=/data,$word" "$SANDBOX" touch /data/new
        [ "$status" -ne 0 ]
        [[ "$output" == *"Read-only file system"* ]]
    done
    start --mount "type=bind,source=$TMP/host,target=/data,readonly=false" "$SANDBOX" touch /data/new
    [ -e host/new ]
}

@test "--mount: CSV quoting, commas, colons and several lines" {
    run start --mount "\"source=$TMP/host/a,b\",target=/one" --mount "source=$TMP/host/a:b,\"target=/two,\"\"x\"\"\"" \
        "$SANDBOX" cat /one/x '/two,"x"/x'
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "comma colon" ]
    run start --mount "src=$TMP/host,dst=/one"$'\n'"src=$TMP/host/dir,dst=/two,ro"$'\n' "$SANDBOX" cat /one/file /two/inner
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "content inner" ]
}

@test "--mount: behind --bind, and APPTAINER_MOUNT behind all" {
    export APPTAINER_MOUNT="src=$TMP/host/dir,dst=/one"$'\n'"src=$TMP/host/dir,dst=/three"
    run start -B "$TMP/host/a,b:/none" "$SANDBOX" true
    [ "$status" -eq 255 ]
    run start -B "$TMP/host:/one" --mount "src=$TMP/host/file,dst=/two" "$SANDBOX" cat /one/file /two /three/inner
    [ "$status" -eq 0 ]
    [[ "$output" == *"destination is already in the mount point list"*content*content*inner ]]
    unset APPTAINER_MOUNT
    SINGULARITY_MOUNT="src=$TMP/host/file,dst=/two" start "$SANDBOX" test -e /two
}

@test "--mount: nested containers hear of it, but not with nonested" {
    run start --mount "src=$TMP/host,dst=/one" --mount "src=$TMP/host,dst=/two,nonested" -B "$TMP/host:/three" "$SANDBOX" \
        sh -c 'echo $APPTAINER_BIND'
    [ "$output" = "/three,/one" ]
}

@test "--bind: escaped commas and colons" {
    run start -B "$TMP/host/a\\,b:/one,$TMP/host/a\\:b:/two:ro" "$SANDBOX" cat /one/x /two/x
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "comma colon" ]
}

@test "mistakes are pointed at" {
    local option spec message
    while read -r option spec message; do
        run start "$option" "$spec" "$SANDBOX" true
        echo "# $option $spec: $output"
        [ "$status" -eq 255 ]
        [[ "$output" == "FATAL: "*"$message"* ]]
        [ "$(grep -c FATAL <<<"$output")" = 1 ]
    done <<'CASES'
--mount src=/tmp,dst=/x,foo=1 at character 17: invalid key "foo"
--mount src=/tmp,"dst=/x at character 10: this quotation mark is never closed
--mount src=/tmp at character 1: mount destination must be specified
--mount dst=/x at character 1: mount source must be specified
--mount type=tmpfs,dst=/x "tmpfs" is not a supported type
--mount src=/tmp,dst=x at character 10: "x": the destination must be an absolute path
--mount src=/tmp,dst=/x,ro=no at character 17: ro is "true" or "false"
--mount src=/no/such/thing,dst=/x mount source /no/such/thing doesn't exist
--bind /tmp:/x:rx at character 9: "/tmp:/x:rx": rx is not a valid bind option
--bind /tmp:/x,/tmp: at character 13: "/tmp:": nothing behind the colon
--bind /tmp:/x,/etc:y at character 14: "y": the destination must be an absolute path
CASES
}

@test "five hundred binds" {
    local i specs=()
    for i in $(seq 500); do
        mkdir -p "many/$i"
        echo "$i" >"many/$i/n"
        specs+=("$TMP/many/$i:/data/$i")
    done
    run start -B "$(IFS=,; echo "${specs[*]}")" "$SANDBOX" sh -c 'cat /data/*/n | sort -n | tail -1; ls /data | wc -l'
    [ "$status" -eq 0 ]
    [ "${lines[*]}" = "500 500" ]
}
