# For the files that run the command lines of pipeline tools and portals as these make them: `load clients` behind helpers.
#
# The program is found by its names in PATH, as the clients find it.

clients_setup() {
    need_userns
    need_fuse
    PATH=${APPTAINER%/*}:$PATH
    export APPTAINER_IMAGE_LINGER=1
    # shellcheck disable=SC2034
    IMAGE=$(fixture client.sif make_client_sif)
}

# A small Linux with a real bash, which most clients name.
make_client_root() {
    local library
    cp -a "$(fixture_nested sandbox make_sandbox)" "$1"
    rm -f "$1/bin/bash"
    cp "$(command -v bash)" "$1/bin/bash"
    for library in $(ldd "$(command -v bash)" | grep -o '/[^ ]*'); do
        mkdir -p "$1${library%/*}"
        cp -L "$library" "$1$library"
    done
    mkdir -p "$1/.singularity.d/env"
    printf '#!/bin/sh\nexec "$@"\n' >"$1/.singularity.d/runscript"
    chmod 755 "$1/.singularity.d/runscript"
}

make_client_sif() {
    rm -rf "$1.root"
    make_client_root "$1.root" && "$APPTAINER" -q build "$1" "$1.root"
    rm -rf "$1.root"
}

# Prints its arguments when the first of them, an option of exec, is there already.
when_there() {
    "$APPTAINER" help exec | grep -q -- "$1\b" && printf '%s ' "$@"
    true
}

# copy_program ROOT NAME...: programs of this machine with their libraries.
copy_program() {
    local root=$1 name file
    shift
    for name; do
        for file in "$(command -v "$name")" $(ldd "$(command -v "$name")" | grep -o '/[^ ]*'); do
            mkdir -p "$root${file%/*}"
            cp -L "$file" "$root$file"
        done
    done
}
