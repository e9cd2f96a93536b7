# Looking into SIF files and squashfs with od and unsquashfs, not with the program under test: `load sif`.

# descriptor FILE INDEX: "type offset size name" of a used record of a SIF, read by od alone.
descriptor() {
    local at=$((4096 + 585 * $2)) type used offset size name
    type=$(od -An -tx4 -j $at -N 4 "$1" | tr -d ' ')
    used=$(od -An -tu1 -j $((at + 4)) -N 1 "$1" | tr -d ' ')
    offset=$(od -An -td8 -j $((at + 17)) -N 8 "$1" | tr -d ' ')
    size=$(od -An -td8 -j $((at + 25)) -N 8 "$1" | tr -d ' ')
    name=$(dd if="$1" bs=1 skip=$((at + 73)) count=128 2>/dev/null | tr -d '\0')
    [ "$used" = 0 ] || echo "$type $offset $size $name"
}

# object FILE INDEX: its bytes.
object() {
    local type offset size name
    read -r type offset size name < <(descriptor "$1" "$2")
    tail -c +$((offset + 1)) "$1" | head -c "$size"
}

# partition_offset FILE: where the root file system starts.
partition_offset() {
    local i type offset rest
    for i in 0 1 2 3 4; do
        read -r type offset rest < <(descriptor "$1" "$i")
        [ "$type" != 00004004 ] || { echo "$offset"; return; }
    done
    return 1
}

# listing FILE: mode, owner, size, time, name of everything; directories without their size, which is the writer's.
listing() {
    local offset=0
    [[ "$1" != *.sif ]] || offset=$(partition_offset "$1")
    unsquashfs -o "$offset" -lln -d '' "$1" | grep '^[-a-z]' | sed -E '/^d/s/^([^ ]+ [^ ]+) +[0-9]+/\1 -/'
}

