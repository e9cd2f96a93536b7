#!/usr/bin/env bats
# Snakemake's command lines (deployment/singularity.py).
# Left out: `pull --name MD5.simg URL`, which needs a registry.
load helpers
load clients

test_setup() {
    clients_setup
    cp "$IMAGE" 0123456789abcdef0123456789abcdef.simg
    IMAGE=$TMP/0123456789abcdef0123456789abcdef.simg
    mkdir data
    echo input >data/input
}

@test "snakemake: the version is one that Python parses" {
    run apptainer --version
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" =~ ^apptainer\ version\ [1-9][0-9]*\.[0-9]+\.[0-9]+ ]]
    [ "$(singularity --version)" = "$output" ]
}

@test "snakemake: a rule" {
    run --separate-stderr env SINGULARITYENV_GREETING="a b" apptainer --quiet --silent exec --home "$PWD" --bind "$TMP/data":'/input dir' "$IMAGE" sh -c 'set -euo pipefail;  cat "/input dir/input" > out.txt; echo "$GREETING" "$HOME"'
    [ "$status" -eq 0 ]
    [ "$output" = "a b $TMP" ]
    [ -z "$stderr" ]
    [ "$(cat out.txt)" = input ]
}

@test "snakemake: --pwd, several binds, and a rule that fails" {
    run --separate-stderr apptainer --quiet --silent exec --home "$PWD" --bind "$TMP/data":'/input' --pwd '/input' --bind "$TMP" "$IMAGE" sh -c 'pwd; exit 4'
    [ "$status" -eq 4 ]
    [ "$output" = /input ]
    [ -z "$stderr" ]
}
