#!/bin/bash
# Fails on an #include that points up the house or beside it (docs/architecture.md, "Rooms").
cd "$(dirname "$0")/.." || exit 1
git grep -nE '^#include "[a-z]+/' -- 'src/*.[ch]' | awk -F: '
    BEGIN {
        floor["base"] = floor["sys"] = 0; floor["config"] = floor["cli"] = 1; floor["image"] = floor["host"] = 2
        floor["imagefs"] = 3; floor["oci"] = floor["run"] = 4; floor["build"] = 6; floor["cmd"] = 7
    }
    {
        split($1, part, "/"); from = part[2]
        to = $3; sub(/^#include "/, "", to); sub(/\/.*/, "", to)
        if (!(from in floor) || !(to in floor) || from == to) next
        if (floor[from] == 0 && floor[to] == 0) next
        if (floor[to] >= floor[from]) { print $1 ":" $2 ": " from " may not use " to; bad = 1 }
    }
    END { exit bad }'
