#!/bin/sh
# Makes the scripts of the base environment (src/image/scripts) a C table, so that they are ordinary files for editors and checkers.
#   tools/embed-scripts.sh DIRECTORY >metadata_scripts.c
set -eu
cd "$1"
cat <<'END'
#include "image/metadata_internal.h"

const struct metadata_script metadata_scripts[] = {
END
for path in actions/* env/* runscript startscript; do
    case $path in
    */*) dir=${path%/*} ;;
    *) dir= ;;
    esac
    printf '        { "%s", "%s",\n' "$dir" "${path##*/}"
    echo '          ""'
    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/          "/; s/$/\\n"/' "$path"
    echo '        },'
done
cat <<'END'
};
const size_t n_metadata_scripts = sizeof(metadata_scripts) / sizeof(metadata_scripts[0]);
END
