#!/usr/bin/env bats
# Galaxy's command lines (galaxy/tool_util/deps/singularity_util.py).
# Left out: `build PATH docker://…`, which needs a registry.
load helpers
load clients

test_setup() {
    clients_setup
    mkdir -p job/working job/outputs tool inputs home
    echo input >inputs/dataset.dat
    printf '#!/bin/bash\ncat "$1" >"$2"; echo "$_GALAXY_JOB_TMP_DIR $HOME $(pwd)"; ls -A /tmp | wc -l\n' >tool/tool.sh
    touch /tmp/client-galaxy.$$
}

teardown() { rm -f /tmp/client-galaxy.$$; }

@test "galaxy: the version is the number alone" {
    [[ "$(apptainer version)" =~ ^[1-9][0-9]*\.[0-9]+\.[0-9]+ ]]
}

@test "galaxy: a job" {
    run --separate-stderr env SINGULARITYENV__GALAXY_JOB_TMP_DIR="$TMP/job/tmp" SINGULARITYENV_HOME="$TMP/home" singularity -s exec \
        --contain --pwd "$TMP/job/working" --cleanenv --ipc --pid --no-mount tmp \
        -B "$TMP/tool:$TMP/tool:ro" -B "$TMP/job:$TMP/job:rw" -B "$TMP/inputs:$TMP/inputs:ro" --home "$TMP/home:$TMP/home" \
        "$IMAGE" /bin/bash "$TMP/tool/tool.sh" "$TMP/inputs/dataset.dat" "$TMP/job/outputs/o.dat"
    echo "# $output"
    [ "$status" -eq 0 ]
    [ "${lines[0]}" = "$TMP/job/tmp $TMP/home $TMP/job/working" ]
    [ -z "$stderr" ]
    [ "$(cat job/outputs/o.dat)" = input ]
}

@test "galaxy: an image made without root" {
    singularity build made.sif "oci:$(fixture_oci):latest"
    [ "$(singularity -s exec --contain made.sif echo ran)" = ran ]
}
