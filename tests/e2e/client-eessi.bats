#!/usr/bin/env bats
# EESSI's command lines (eessi_container.sh).
# Its cvmfs2 is played by a program of that name which serves a squashfs per repository.
# Left out: `pull`, which needs a registry, and --nv, which needs a GPU; --fakeroot joins in once it is there.
load helpers
load clients

test_setup() {
    clients_setup
    need_program squashfuse mksquashfs
    BOX=$(fixture eessi-box make_eessi_box)
    mkdir -p repository/versions home tmp/software.eessi.io/{overlay-upper,overlay-work}
    echo software >repository/versions/2023.06
    mksquashfs repository software.eessi.io.sqfs -quiet -no-progress >/dev/null
    mksquashfs repository riscv.eessi.io.sqfs -quiet -no-progress >/dev/null
    export SINGULARITY_HOME=$TMP/home:/home/someone SINGULARITY_BIND=$TMP/tmp:/tmp,$TMP:/repositories
    export SINGULARITYENV_LD_LIBRARY_PATH=/.singularity.d/libs APPTAINERENV_LD_LIBRARY_PATH=/.singularity.d/libs
}

teardown() { eventually no_program; }
no_program() { ! pgrep -u "$(id -u)" -x 'squashfuse|fuse-overlayfs' --runstates R,S,D >/dev/null; }

make_eessi_box() {
    make_client_root "$1"
    copy_program "$1" squashfuse
    if command -v fuse-overlayfs >/dev/null; then copy_program "$1" fuse-overlayfs; fi
    printf '#!/bin/sh\nrepository=$1\nshift\nexec squashfuse /repositories/$repository.sqfs "$@"\n' >"$1/usr/bin/cvmfs2"
    chmod 755 "$1/usr/bin/cvmfs2"
    mkdir -p "$1/cvmfs"
}

@test "eessi: repositories from the container's cvmfs2" {
    run --separate-stderr singularity -q exec --fusemount "container:cvmfs2 software.eessi.io /cvmfs/software.eessi.io" \
        --fusemount "container:cvmfs2 riscv.eessi.io /cvmfs/riscv.eessi.io" "$BOX" \
        bash -c 'cat /cvmfs/software.eessi.io/versions/2023.06 /cvmfs/riscv.eessi.io/versions/2023.06; echo $HOME $LD_LIBRARY_PATH; exit 5'
    echo "# $output"
    [ "$status" -eq 5 ]
    [[ "$output" == $'software\nsoftware\n/home/someone /.singularity.d/libs'* ]]
    eventually no_program
}

@test "eessi: a shell" {
    run --separate-stderr bash -c "echo 'ls /cvmfs/software.eessi.io' | singularity -q shell --fusemount 'container:cvmfs2 software.eessi.io /cvmfs/software.eessi.io' '$BOX'"
    [ "$output" = versions ]
}

@test "eessi: a repository that can be written, by fuse-overlayfs on top" {
    need_program fuse-overlayfs
    run singularity -q exec --fusemount "container:cvmfs2 software.eessi.io /cvmfs_ro/software.eessi.io" \
        --fusemount "container:fuse-overlayfs -o lowerdir=/cvmfs_ro/software.eessi.io -o upperdir=/tmp/software.eessi.io/overlay-upper -o workdir=/tmp/software.eessi.io/overlay-work /cvmfs/software.eessi.io" \
        "$BOX" bash -c 'cat /cvmfs/software.eessi.io/versions/2023.06; echo more >/cvmfs/software.eessi.io/new'
    echo "# $output"
    [ "$status" -eq 0 ]
    [[ "$output" == *software* ]]
    [ "$(cat tmp/software.eessi.io/overlay-upper/new)" = more ]
}
