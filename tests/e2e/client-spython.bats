#!/usr/bin/env bats
# What singularity-cli (the Python module spython) runs (main/*.py, utils/terminal.py).
# Left out: pull, instances and builds from recipes, which are not there yet.
load helpers
load clients

test_setup() { clients_setup; }

@test "spython: the version" {
    run singularity --version
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" =~ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "spython: exec and run" {
    run --separate-stderr singularity --quiet exec --bind "$TMP:/mnt" "$IMAGE" echo hello
    [ "$output" = hello ]
    run --separate-stderr singularity --silent run "$IMAGE" echo "two  words"
    [ "$output" = "two  words" ]
    run singularity exec "$IMAGE" sh -c 'exit 12'
    [ "$status" -eq 12 ]
}

@test "spython: inspect" {
    run --separate-stderr singularity --silent inspect --json "$IMAGE"
    [ "$status" -eq 0 ]
    jq -e '.data.attributes.labels | length > 0' <<<"$output"
    run --separate-stderr singularity --silent inspect -e -d -l -r -t --json "$IMAGE"
    [ "$status" -eq 0 ]
    jq -e '.data.attributes.runscript' <<<"$output"
}

@test "spython: build with --force and --sandbox" {
    singularity build --sandbox box "$IMAGE"
    run singularity build --sandbox box "$IMAGE"
    [ "$status" -ne 0 ]
    singularity build --force --sandbox box "$IMAGE"
    singularity build --force image.sif box
    [ "$(singularity exec image.sif echo ran)" = ran ]
}
