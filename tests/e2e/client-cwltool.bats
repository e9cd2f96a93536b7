#!/usr/bin/env bats
# cwltool's command lines (singularity.py, singularity_utils.py), and so Toil's.
# Left out: `pull --force --name F URI` (needs a registry), Dockerfiles; `--net --network none` joins in once it is there.
load helpers
load clients

test_setup() {
    clients_setup
    mkdir out tmp inputs
    echo input >'inputs/a, "b"'
    echo second >inputs/second
}

@test "cwltool: the version says which program this is" {
    [[ "$(apptainer --version)" =~ ^(.+)\ version\ ([0-9\.]+) ]]
    [ "${BASH_REMATCH[1]}" = apptainer ]
}

@test "cwltool: the probe for user namespaces, with an image that has no shell" {
    mkdir hello
    cp "$TOOLS/htcondor_probe" hello/hello
    mksquashfs hello hello.simg -quiet -no-progress -all-root >/dev/null
    run singularity exec --userns "$TMP/hello.simg" true
    [ "$status" -ne 0 ]
    [[ "$output" == *"No valid /bin/sh"* || "$output" == *"/bin/sh doesn't exist in container"* || "$output" == *"executable file not found in"* ]]
}

@test "cwltool: a sandbox is known by the labels that inspect prints" {
    apptainer -q build --sandbox box "$IMAGE"
    run --separate-stderr singularity inspect --json "$TMP/box"
    [ "$status" -eq 0 ]
    jq -e '.data.attributes | length > 0' <<<"$output"
}

@test "cwltool: a tool" {
    local name
    for name in --userns --pid; do
        # shellcheck disable=SC2046
        run --separate-stderr env SINGULARITYENV_TMPDIR=/tmp SINGULARITYENV_HOME=/var/spool/cwl SINGULARITYENV_X="a b" \
            singularity --quiet run --contain --ipc --cleanenv --no-eval "$name" --home "$TMP/out:/var/spool/cwl" \
            --mount=type=bind,source="$TMP/tmp",target=/tmp \
            "--mount=type=bind,\"source=$TMP/inputs/a, \"\"b\"\"\",\"target=/var/lib/cwl/stg1/a, \"\"b\"\"\",readonly" \
            --mount=type=bind,source="$TMP/inputs/second",target=/var/lib/cwl/stg2/second,readonly \
            --pwd /var/spool/cwl $(when_there --net --network none) "$IMAGE" \
            sh -c 'cat "/var/lib/cwl/stg1/a, \"b\"" /var/lib/cwl/stg2/second; echo "$PWD $X $TMPDIR \$(true)"; echo made >result; echo t >/tmp/t'
        echo "# $output"
        [ "$status" -eq 0 ]
        [ "${lines[0]}" = input ]
        [ "${lines[1]}" = second ]
        [ "${lines[2]}" = '/var/spool/cwl a b /tmp $(true)' ]
        [ "$(cat out/result tmp/t)" = $'made\nt' ]
        rm out/result tmp/t
    done
}

@test "cwltool: read-only inputs are read-only, and the tool's status is passed on" {
    run singularity --quiet run --contain --ipc --cleanenv --no-eval --userns --home "$TMP/out:/var/spool/cwl" \
        --mount=type=bind,source="$TMP/inputs",target=/inputs,readonly --pwd /var/spool/cwl "$IMAGE" sh -c 'touch /inputs/x || exit 33'
    [ "$status" -eq 33 ]
    [ ! -e inputs/x ]
}

@test "cwltool: images from archives" {
    need_program skopeo
    skopeo copy -q "oci:$(fixture_oci):latest" docker-archive:image.tar:image:latest
    singularity build image.sif docker-archive://image.tar
    [ "$(singularity --quiet exec --contain --userns image.sif echo ran)" = ran ]
}
