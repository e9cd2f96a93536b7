#!/usr/bin/env bats
# Binds by every grammar, in the original and in ours, side by side: what is mounted, and what is refused.
load ../e2e/helpers

peer() { PEER_DIR=$SHARED "$APPTAINER_PEER" user "$@"; }

test_setup() {
    need_peer
    SHARED=$(mktemp -d "/tmp/apptainer-peer-mounts.XXXXXX") # /tmp is the same on both sides
    chmod 755 "$SHARED"
    cp -r "${APPTAINER%/bin/apptainer}" "$SHARED/ours"
    cp "$(fixture_sif)" "$SHARED/image.sif"
    mkdir -p "$SHARED/d/sub" "$SHARED/a,b" "$SHARED/a:b"
    echo content >"$SHARED/d/file"
    mksquashfs "$SHARED/d" "$SHARED/data.sqfs" -quiet -no-progress >/dev/null
    chmod -R a+rX "$SHARED"
}

teardown() { [ -z "${SHARED:-}" ] || rm -rf "$SHARED"; }

# Place and the flags that were asked for, of what is mounted below /x.
seen() { awk '$5 ~ "^/x" { print $5, substr($6, 1, 2) }' | sort; }

@test "the same binds are mounted at the same places, or refused by both" {
    local spec option value theirs ours bad=0
    while read -r option value; do
        value=${value//@/$SHARED}
        theirs=$(peer apptainer -s exec "$option" "$value" "$SHARED/image.sif" cat /proc/self/mountinfo 2>/dev/null | seen)
        ours=$(peer "$SHARED/ours/bin/apptainer" -s exec "$option" "$value" "$SHARED/image.sif" cat /proc/self/mountinfo 2>/dev/null | seen)
        if [ "$theirs" != "$ours" ]; then
            echo "# $option $value: theirs: $theirs"
            echo "# ours: $ours"
            bad=1
        fi
    done <<'CASES'
-B @/d:/x
-B @/d:/x:ro
-B @/d:/x/a,@/d/file:/x/b:ro,@/d:/x/c
-B @/d:/x/a:rw,ro
-B @/a\,b:/x/a,@/a\:b:/x/b
-B @/d::/x
-B @/d:/x,ro
-B @/d:/x:rx
-B @/d:/x:
-B @/d:x
--mount type=bind,source=@/d,destination=/x
--mount src=@/d,dst=/x,ro
--mount source=@/d,target=/x,readonly=true
--mount "source=@/a,b",target=/x
--mount src=@/a:b,dst=/x
--mount src=@/d,dst=/x,rw
--mount src=@/d,dst=/x,bind-propagation=shared
--mount type=tmpfs,dst=/x
--mount src=@/d
--mount src=@/d,dst=x
-B @/data.sqfs:/x:image-src=/
-B @/data.sqfs:/x:image-src=/sub,ro
-B @/data.sqfs:/x/f:image-src=/file,ro
-B @/data.sqfs:/x:image-src=/nothing
-B @/data.sqfs:/x:id=0
--mount src=@/data.sqfs,dst=/x,image-src=/,ro
--mount src=@/d,dst=/x,image-src=/
CASES
    [ "$bad" = 0 ]
}
