#!/usr/bin/env bats
# Nextflow's command lines (SingularityBuilder.groovy, ApptainerBuilder.groovy).
# Left out: `pull --name NAME.img.pulling.MS docker://…`, which needs a registry.
load helpers
load clients

test_setup() {
    clients_setup
    mkdir work data
    echo input >data/input
    cp "$IMAGE" tool.img
    NXF_TASK_WORKDIR=$TMP/work
    cd work || return
    cat >.command.sh <<'SCRIPT'
#!/bin/bash -ue
cat "$1" >out.txt
echo "$TMPDIR $GREETING"
exit "${2:-0}"
SCRIPT
    export NXF_TASK_WORKDIR TMPDIR=/tmp
}

@test "nextflow: a task, as singularity, with nothing but PATH in the environment" {
    run bash -c "set +u; env - PATH=\"\$PATH\" \${TMP:+SINGULARITYENV_TMP=\"\$TMP\"} \${TMPDIR:+SINGULARITYENV_TMPDIR=\"\$TMPDIR\"} SINGULARITYENV_GREETING=\"hello world\" singularity exec --no-home --pid -B $TMP/work -B $TMP/data:$TMP/data:ro $TMP/tool.img /bin/bash -c \"cd \\\"\$NXF_TASK_WORKDIR\\\"; /bin/bash -ue .command.sh $TMP/data/input\""
    echo "# $output"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "/tmp hello world" ]
    [ "$(cat out.txt)" = input ]
    [[ "$output" != *WARNING* && "$output" != *FATAL* ]]
}

@test "nextflow: a task, as apptainer" {
    run --separate-stderr bash -c "set +u; env - PATH=\"\$PATH\" \${TMP:+APPTAINERENV_TMP=\"\$TMP\"} \${TMPDIR:+APPTAINERENV_TMPDIR=\"\$TMPDIR\"} APPTAINERENV_GREETING=\"hi\" apptainer exec --no-home --pid -B $TMP/work -B $TMP/data $TMP/tool.img /bin/bash -ue .command.sh $TMP/data/input 3"
    [ "$status" -eq 3 ]
    [ "$output" = "/tmp hi" ]
    [ -z "$stderr" ]
}

@test "nextflow: directories that are bound at places which the image does not have" {
    run env - PATH="$PATH" apptainer exec --no-home --pid -B "$TMP/data:/new/place:ro" "$TMP/tool.img" /bin/bash -c "cat /new/place/input; touch /new/place/x"
    [ "${lines[0]}" = input ]
    [[ "${lines[1]}" == *"Read-only file system" ]]
}
