#!/usr/bin/env bats
# HTCondor's command lines (condor_starter.V6.1/singularity.cpp): its start-up probes, its test of an image, its jobs.
# Left out: --nv and --rocm, which need GPUs.
load helpers
load clients

test_setup() {
    clients_setup
    mkdir -p probe execute/dir_1 slot
    cp "$TOOLS/htcondor_probe" probe/exit_37
    cp "$TOOLS/htcondor_probe" probe/get_user_ns
}

@test "htcondor: the version has the program's name in its first line" {
    run singularity --version
    [[ "${lines[0]}" == *apptainer* ]]
}

@test "htcondor: the probe exit_37, from a sandbox and from an image" {
    singularity -q build exit_37.sif probe
    local image
    for image in probe exit_37.sif; do
        run env - PATH="$PATH" singularity exec -C "$TMP/$image" /exit_37
        echo "# $output"
        [ "$status" -eq 37 ]
        run env - PATH="$PATH" singularity exec --contain --ipc --cleanenv "$TMP/$image" /exit_37
        [ "$status" -eq 37 ]
    done
}

@test "htcondor: the probe for user namespaces" {
    run --separate-stderr env - PATH="$PATH" singularity exec -C "$TMP/probe" /get_user_ns
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^[0-9]+$ ]]
    if [ "$(id -u)" = 0 ]; then
        [ "$output" = "$(stat -Lc %i /proc/self/ns/user)" ]
    else
        [ "$output" != "$(stat -Lc %i /proc/self/ns/user)" ]
    fi
}

@test "htcondor: the test of an image, and the job itself" {
    local options=(-S /tmp -S /var/tmp -B "$TMP/slot:/slot" -B "$TMP/execute/dir_1" -W "$TMP/execute/dir_1" --pwd "$TMP/execute/dir_1"
        --home "$TMP/execute/dir_1" -C "$IMAGE")
    printf '#!/bin/sh\nexit 1\n' >execute/dir_1/exe
    chmod 755 execute/dir_1/exe
    run env - PATH="$PATH" APPTAINER_CACHEDIR="$TMP/execute/dir_1" APPTAINER_TMPDIR="$TMP/execute/dir_1" \
        singularity -q test "${options[@]}" "$TMP/execute/dir_1/exe" 1
    echo "# $output"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    printf '#!/bin/sh\necho "$PWD $HOME $1 $_CONDOR_SLOT"; echo t >/tmp/t; echo s >/slot/s; exit 9\n' >execute/dir_1/exe
    run --separate-stderr env - PATH="$PATH" APPTAINERENV__CONDOR_SLOT=slot1 APPTAINER_CACHEDIR="$TMP/execute/dir_1" \
        APPTAINER_TMPDIR="$TMP/execute/dir_1" singularity -s exec "${options[@]}" "$TMP/execute/dir_1/exe" argument
    [ "$status" -eq 9 ]
    [ "$output" = "$TMP/execute/dir_1 $TMP/execute/dir_1 argument slot1" ]
    [ -z "$stderr" ]
    [ "$(cat slot/s)" = s ]
    [ "$(cat execute/dir_1/scratch/tmp/t)" = t ]
}

@test "htcondor: without a pid namespace, through the image's runscript" {
    run --separate-stderr env - PATH="$PATH" singularity -s run -B "$TMP/execute/dir_1" -W "$TMP/execute/dir_1" --pwd "$TMP/execute/dir_1" \
        --home "$TMP/execute/dir_1" --contain --ipc --cleanenv "$IMAGE" /bin/sh -c 'echo $PWD; exit 5'
    [ "$status" -eq 5 ]
    [ "$output" = "$TMP/execute/dir_1" ]
}
