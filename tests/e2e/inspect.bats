#!/usr/bin/env bats
# inspect and run-help: what an image says about itself, out of a SIF, a directory and a bare squashfs.

load helpers

test_setup() {
    BOX=$TMP/box
    mkdir -p "$BOX"/.singularity.d/env "$BOX"/scif/apps/{foo,bar}/scif/env
    printf '#!/bin/sh\necho run\n\n' >"$BOX/.singularity.d/runscript"
    printf 'How to use <this> & that.\n' >"$BOX/.singularity.d/runscript.help"
    printf 'Bootstrap: scratch\n' >"$BOX/.singularity.d/Singularity"
    printf '{"b": "2", "a": "1"}' >"$BOX/.singularity.d/labels.json"
    printf 'export A=1\n' >"$BOX/.singularity.d/env/90-environment.sh"
    printf 'export P=1\n' >"$BOX/.singularity.d/env/10-docker2singularity.sh"
    printf 'not shown\n' >"$BOX/.singularity.d/env/99-base.sh"
    printf 'echo foo\n' >"$BOX/scif/apps/foo/scif/runscript"
    printf 'foo helps\n' >"$BOX/scif/apps/foo/scif/runscript.help"
    printf '{"SCIF_APP_NAME": "foo"}' >"$BOX/scif/apps/foo/scif/labels.json"
    printf 'E=1\n' >"$BOX/scif/apps/foo/scif/env/90-environment.sh"
    printf 'echo bar\n' >"$BOX/scif/apps/bar/scif/runscript"
}

# The directory, and the same as a squashfs.
images() {
    printf '%s\n' "$BOX"
    if command -v mksquashfs >/dev/null; then
        [ -e "$TMP/box.img" ] || mksquashfs "$BOX" "$TMP/box.img" -noappend -quiet -no-progress >/dev/null
        printf '%s\n' "$TMP/box.img"
    fi
}

@test "labels are the default; each item by its option" {
    local image
    for image in $(images); do
        run "$APPTAINER" inspect "$image"
        [ "$output" = $'a: 1\nb: 2' ]
        run "$APPTAINER" inspect -l -r "$image"
        [ "$output" = $'#!/bin/sh\necho run\na: 1\nb: 2' ]
        run "$APPTAINER" inspect -d "$image"
        [ "$output" = 'Bootstrap: scratch' ]
        run "$APPTAINER" inspect -H "$image"
        [ "$output" = 'How to use <this> & that.' ]
        run "$APPTAINER" inspect -t "$image"
        [ -z "$output" ]
        run "$APPTAINER" inspect -e "$image"
        [ "$output" = $'=== /.singularity.d/env/10-docker2singularity.sh ===\nexport P=1\n\n=== /.singularity.d/env/90-environment.sh ===\nexport A=1' ]
    done
}

@test "applications" {
    local image
    for image in $(images); do
        run "$APPTAINER" inspect --list-apps "$image"
        [ "$output" = $'bar\nfoo' ]
        run "$APPTAINER" inspect --app foo "$image"
        [ "$output" = 'SCIF_APP_NAME: foo' ]
        run "$APPTAINER" inspect --app foo -r -e "$image"
        [ "$output" = $'echo foo\n=== /scif/apps/foo/scif/env/90-environment.sh ===\nE=1' ]
        run "$APPTAINER" inspect --app nope -r "$image"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    done
}

@test "JSON has the shape that clients parse" {
    need_program jq
    local image
    for image in $(images); do
        "$APPTAINER" inspect --json "$image" >out
        [ "$(jq -c . out)" = '{"data":{"attributes":{"labels":{"a":"1","b":"2"}}},"type":"container"}' ]
        head -c 14 out | grep -q '^{'
        grep -q $'^\t"data": {$' out
        "$APPTAINER" inspect --all "$image" >out
        [ "$(jq -c '.data.attributes | keys_unsorted' out)" = '["apps","environment","labels","runscript","helpfile","deffile"]' ]
        grep -qF 'How to use \u003cthis\u003e \u0026 that.' out
        [ "$("$APPTAINER" inspect --json --app nope "$image" | jq -c .data.attributes)" = '{}' ]
    done
}

@test "a SIF, from the summary beside its partition" {
    local image
    image=$(fixture_sif)
    run "$APPTAINER" inspect "$image"
    [ "$status" -eq 0 ]
    [[ "$output" == *"maintainer: tests"* ]]
    run "$APPTAINER" inspect -e "$image"
    [[ "$output" == *'export GREETING="${GREETING:-"hello from the image"}"'* ]]
    run "$APPTAINER" inspect -r "$image"
    [[ "$output" == *'eval "set ${SINGULARITY_OCI_RUN}"'* ]]
}

@test "a SIF whose summary is missing or broken: the files are read" {
    local image id offset
    image=$(fixture_sif)
    "$APPTAINER" inspect --all "$image" >whole
    cp "$image" copy.sif
    chmod u+w copy.sif
    id=$("$APPTAINER" sif list copy.sif | awk -F'|' '/JSON/ {print $1 + 0; exit}')
    offset=$(grep -abo '{"data":{"attributes"' copy.sif | head -1 | cut -d: -f1)
    printf 'X' | dd of=copy.sif bs=1 seek=$((offset + 8)) conv=notrunc status=none
    run --separate-stderr "$APPTAINER" inspect --all copy.sif
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"WARNING: "*"inspect-metadata.json"* ]]
    diff whole <(printf '%s\n' "$output")
    "$APPTAINER" sif del "$id" copy.sif
    run --separate-stderr "$APPTAINER" inspect --all copy.sif
    [ -z "$stderr" ]
    diff whole <(printf '%s\n' "$output")
}

@test "run-help" {
    local image
    for image in $(images); do
        run "$APPTAINER" run-help "$image"
        [ "$output" = 'How to use <this> & that.' ]
        run "$APPTAINER" run-help --app foo "$image"
        [ "$output" = 'foo helps' ]
        run "$APPTAINER" run-help --app bar "$image"
        [ "$status" -eq 0 ]
        [ "$output" = 'No help sections were defined for this image' ]
    done
    run "$APPTAINER" run-help nonexistent
    [ "$status" -eq 255 ]
    [[ "$output" == *"container not found"* ]]
}

@test "what is no image, and what says nothing" {
    mkdir empty
    run "$APPTAINER" inspect empty
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    echo text >file
    run "$APPTAINER" inspect file
    [ "$status" -eq 255 ]
    [[ "$output" == *"image format not recognized"* ]]
    run "$APPTAINER" inspect missing
    [ "$status" -eq 255 ]
    run "$APPTAINER" inspect
    [ "$status" -eq 1 ]
}

@test "an image cannot make inspect read files of the host, nor endlessly" {
    rm "$BOX/.singularity.d/runscript" "$BOX/.singularity.d/runscript.help"
    ln -s /etc/passwd "$BOX/.singularity.d/runscript"
    ln -s ../../../../../../../../etc/passwd "$BOX/.singularity.d/startscript"
    ln -s /dev/zero "$BOX/.singularity.d/test"
    ln -s runscript.help "$BOX/.singularity.d/runscript.help"
    printf '[{' >"$BOX/.singularity.d/labels.json"
    local image
    for image in $(images); do
        run --separate-stderr timeout 20 "$APPTAINER" inspect -r -s -t -H -l "$image"
        [ "$status" -eq 0 ]
        [ -z "$output" ]
        [[ "$stderr" == *"WARNING: Unable to parse labels"* ]]
    done
}
