#!/usr/bin/env bats
# MiniWDL's command lines (runtime/backend/singularity.py).
# Left out: `pull PATH.sif docker://…`, which needs a registry; --fakeroot and `--add-caps all` join in once they are there.
load helpers
load clients

test_setup() {
    clients_setup
    mkdir work tmp var_tmp inputs
    echo input >inputs/in.txt
    printf 'set -o pipefail\ncat /mnt/miniwdl_task_container/work/_miniwdl_inputs/0/in.txt\npwd\necho big >/tmp/x; exit 6\n' >./command
    : >stdout.txt
}

@test "miniwdl: the version" {
    run singularity --version
    [ "$status" -eq 0 ]
}

@test "miniwdl: a task" {
    local inside=/mnt/miniwdl_task_container options
    for options in "" --verbose; do
        # shellcheck disable=SC2046,SC2086
        run singularity $options exec --pwd "$inside/work" --containall --no-mount hostfs $(when_there --fakeroot) \
            --bind "$TMP/command:$inside/command:ro" --bind "$TMP/inputs/in.txt:$inside/work/_miniwdl_inputs/0/in.txt:ro" \
            --bind "$TMP/work:$inside/work" --bind "$TMP/stdout.txt:$inside/stdout.txt" \
            --bind "$TMP/tmp:/tmp" --bind "$TMP/var_tmp:/var/tmp" "$IMAGE" \
            /bin/bash -c "/bin/bash ../command >>../stdout.txt 2>&1"
        echo "# $output"
        [ "$status" -eq 6 ]
    done
    [ "$(sort -u stdout.txt)" = "$inside/work"$'\n'input ]
    [ "$(cat tmp/x)" = big ]
}
