#!/usr/bin/env bats
# The wrappers and module files of shpc (templates/singularity.lua, container/singularity.py).
# Left out: pulling images, and --nv and --rocm, which need a registry and GPUs.
load helpers
load clients

test_setup() {
    clients_setup
    printf '#!/bin/sh\nexport SHPC_FROM_ENV_FILE=sourced\nexport PATH=/shpc/bin:$PATH\n' >99-shpc.sh
    mkdir home
    # What its modules set on the host.
    export SINGULARITY_SHELL=/bin/bash SINGULARITY_CONTAINER=$IMAGE SINGULARITY_OPTS="" SINGULARITY_COMMAND_OPTS=""
}

@test "shpc: a file bound into the image's environment is sourced" {
    run --separate-stderr bash -c "singularity \${SINGULARITY_OPTS} exec \${SINGULARITY_COMMAND_OPTS} -B $TMP/99-shpc.sh:/.singularity.d/env/99-shpc.sh $IMAGE sh -c 'echo \$SHPC_FROM_ENV_FILE \$PATH'"
    echo "# $output"
    [ "$status" -eq 0 ]
    [[ "$output" == "sourced /shpc/bin:"* ]]
    [[ "$stderr" != *WARNING* ]]
}

@test "shpc: run, and shell with -s" {
    run --separate-stderr bash -c "singularity \${SINGULARITY_OPTS} run \${SINGULARITY_COMMAND_OPTS} -B $TMP/99-shpc.sh:/.singularity.d/env/99-shpc.sh $IMAGE sh -c 'echo \$SHPC_FROM_ENV_FILE'"
    [ "$output" = sourced ]
    run --separate-stderr bash -c "echo 'echo \$BASH \$SHPC_FROM_ENV_FILE' | singularity \${SINGULARITY_OPTS} shell \${SINGULARITY_COMMAND_OPTS} -s /bin/bash -B $TMP/99-shpc.sh:/.singularity.d/env/99-shpc.sh $IMAGE"
    [ "$output" = "/bin/bash sourced" ]
}

@test "shpc: a home of its own" {
    touch home/mark
    run singularity exec -B "$TMP/home" --home "$TMP/home" "$IMAGE" sh -c 'cd && ls'
    [ "$output" = mark ]
}

@test "shpc: inspect -r and -d" {
    run --separate-stderr singularity inspect -r "$IMAGE"
    [ "$status" -eq 0 ]
    [[ "$output" == *'exec "$@"'* ]]
    singularity inspect -d "$IMAGE"
}
