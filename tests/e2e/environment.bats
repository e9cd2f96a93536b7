#!/usr/bin/env bats
# The environment of a program in a container, and which program an action starts: host, image, overrides, in this order of
# strength from weak to strong; env scripts with and without a shell; run, shell, test; what cannot be started and why.

load helpers

test_setup() {
    need_userns
    BOX=$TMP/box
    make_box "$BOX"
}

# A root file system of its own for a test that writes scripts into it; files are shared with the fixture by hard links.
make_box() {
    local from
    from=$(fixture_sandbox)
    cp -al "$from" "$1" 2>/dev/null || cp -a "$from" "$1"
    mkdir -p "$1/.singularity.d/env" "$1/.singularity.d/libs"
    script 99-base.sh <<'END'
#!/bin/sh
if [ -z "${LD_LIBRARY_PATH:-}" ]; then
    LD_LIBRARY_PATH="/.singularity.d/libs"
else
    LD_LIBRARY_PATH="$LD_LIBRARY_PATH:/.singularity.d/libs"
fi
if [ -z "${PS1:-}" ]; then PS1="Apptainer> "; fi
export LD_LIBRARY_PATH PS1
END
}

script() { cat >"$BOX/.singularity.d/env/$1"; }

# The image then has no shell at all.
remove_shells() {
    local name
    for name in sh ash bash dash; do rm -f "$BOX/bin/$name"; done
}

# Runs `env` in the box with nothing but the given variables: inside [VARIABLE=VALUE...] -- [OPTION...]
inside() {
    local variables=()
    while [ "$1" != -- ]; do
        variables+=("$1")
        shift
    done
    shift
    env -i PATH=/usr/bin:/bin HOME="$HOME" "${variables[@]}" "$APPTAINER" exec "$@" "$BOX" env
}

has() { grep -qxF -- "$1" <<<"$output" || { echo "missing: $1"; echo "$output"; return 1; }; }
has_not() { ! grep -qE "^$1=" <<<"$output" || { echo "should not be there: $1"; echo "$output"; return 1; }; }

@test "host variables cross, those of the program and a few others do not" {
    run inside FOO=host 'WORDS=a  b$c' LANG=de TERM=vt100 LD_LIBRARY_PATH=/x APPTAINER_NAME=evil SINGULARITY_X=1 --
    [ "$status" -eq 0 ]
    has FOO=host
    has 'WORDS=a  b$c'
    has LANG=de
    has TERM=vt100
    has LD_LIBRARY_PATH=/.singularity.d/libs
    has APPTAINER_NAME=box
    has "APPTAINER_CONTAINER=$(readlink -f "$BOX")"
    has APPTAINER_COMMAND=exec
    has APPTAINER_BIND=
    has 'PS1=Apptainer> '
    has "USER_PATH=/usr/bin:/bin:/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin:/usr/local/sbin"
    has PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    has_not SINGULARITY_X
    has_not SINGULARITY_APPNAME
    has_not SHLVL
    has_not _
}

@test "a clean environment keeps the terminal and the proxies" {
    run inside FOO=host TERM=vt100 https_proxy=p NO_PROXY=q LANG=de -- -e
    [ "$status" -eq 0 ]
    has_not FOO
    has_not USER_PATH
    has TERM=vt100
    has https_proxy=p
    has NO_PROXY=q
    has LANG=C
    run inside FOO=host TERM=vt100 -- -C
    has_not FOO
    has TERM=vt100
    run inside A=1 B=2 -- --no-env A
    has_not A
    has B=2
}

@test "an almost empty environment is no reason to complain" {
    run --separate-stderr env -i PATH=/usr/bin:/bin "$APPTAINER" exec --no-home "$BOX" env
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
}

@test "the image's values beat the host's; one it empties is gone" {
    script 90-environment.sh <<'END'
#!/bin/sh
# Custom environment
export FOO=image
export PATH=/opt/tool/bin:$PATH
export GIVEN="${GIVEN:-default}" EMPTIED= FRESH=
case ":$PATH:" in *:/opt/tool/bin:*) export SEEN=yes ;; esac
if [ -d /bin ] && [ ! -e /nonexistent ]; then export FILES=yes; fi
END
    run inside FOO=host GIVEN=host EMPTIED=host BAR=host --
    has FOO=image
    has BAR=host
    has GIVEN=default
    has FRESH=
    has SEEN=yes
    has FILES=yes
    has PATH=/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    has_not EMPTIED
}

@test "overrides beat the image, newest spelling first" {
    script 90-environment.sh <<<'export A=image B=image C=image D=image E=image'
    printf 'C=file\nD=file\nE="file $HOSTED $1"\n' >first
    printf 'D=later\n' >second
    run inside HOSTED=h SINGULARITYENV_A=old SINGULARITYENV_B=old APPTAINERENV_B=new APPTAINERENV_C=new -- \
        --env-file first --env-file second --env 'F=option,with,commas' --env G=1,H=2
    [ "$status" -eq 0 ]
    has A=old
    has B=new
    has C=file
    has D=later
    has 'E=file h /.singularity.d/actions/exec'
    has F=option,with,commas
    has G=1
    has H=2
    has 'INFO:    Environment variable SINGULARITYENV_A is set, but APPTAINERENV_A is preferred'
    has 'WARNING: SINGULARITYENV_B and APPTAINERENV_B have different values, using the latter'
    run inside -- --env-file first --env C=option
    has C=option
    has 'WARNING: Ignored environment file variable C: override from --env'
}

@test "values of overrides are evaluated in the container, unless --no-eval" {
    script 90-environment.sh <<<'export INNER=from-image'
    run inside 'APPTAINERENV_A=$INNER "quoted" \$INNER `echo cmd` $(echo sub)' --
    has 'A=from-image "quoted" $INNER cmd sub'
    run inside 'APPTAINERENV_A=$INNER "quoted" `echo cmd`' -- --no-eval
    has 'A=$INNER "quoted" `echo cmd`'
    has APPTAINER_NO_EVAL=1
    run inside 'APPTAINERENV_A=broken $(' APPTAINERENV_B=fine --
    [ "$status" -eq 0 ]
    has 'A=broken $('
    has B=fine
}

@test "PATH, LD_LIBRARY_PATH and the prompt can be edited, HOME and UID cannot" {
    script 90-environment.sh <<<'export PATH=/img:$PATH'
    run inside APPTAINERENV_PREPEND_PATH=/pre APPTAINERENV_APPEND_PATH=/app APPTAINERENV_LD_LIBRARY_PATH=/ld \
        'APPTAINERENV_PS1=mine> ' APPTAINERENV_HOME=/x APPTAINERENV_UID=5 --
    has PATH=/pre:/img:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/app
    has LD_LIBRARY_PATH=/ld:/.singularity.d/libs
    has 'PS1=mine> '
    has "HOME=$HOME"
    has_not UID
    has 'WARNING: Overriding HOME environment variable with APPTAINERENV_HOME is not permitted'
    run inside APPTAINERENV_PATH=/bin:/only --
    has PATH=/bin:/only
}

@test "env-file: shell text without commands" {
    printf 'A=1\nif [ -n "$HOSTED" ]; then B=yes; fi\nfor i in 1 2; do C="$C$i"; done\nD=$((2*3))\n# end\n' >file
    run inside HOSTED=1 -- --env-file file
    has A=1
    has B=yes
    has C=12
    has D=6
    for text in 'A=1 | cat' 'ls' 'A=$(' 'echo x >file' 'exit 4'; do
        printf '%s\n' "$text" >bad
        run inside -- --env-file bad
        [ "$status" -eq 255 ]
        [[ "$output" == *FATAL*bad* ]]
    done
    run inside -- --env-file nonexistent
    [ "$status" -eq 255 ]
    [[ "$output" == *nonexistent* ]]
}

@test "the usual scripts need no shell" {
    script 10-docker2singularity.sh <<'END'
#!/bin/sh
export PATH="/usr/bin:/bin"
export A="${A:-"say \"hi\" \$HOME 'x' \\ \`y\`
second line"}"
END
    script 90-environment.sh <<<'export B=$(echo built in) LC_ALL=C'
    remove_shells
    run inside A=host --
    [ "$status" -eq 0 ]
    has "A=say \"hi\" \$HOME 'x' \\ \`y\`"
    has 'second line'
    has 'B=built in'
    has PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin
}

@test "other scripts are evaluated by the image's shell, with the same result" {
    script 10-docker2singularity.sh <<<'export PATH="/usr/bin:/bin"'
    script 90-environment.sh <<'END'
export A=$(echo a b | tr ' ' -) ARGS="$# $1"
cd /tmp
APPTAINER_NAME=other
export EMPTIED= HOST_SEEN="[$FOO]"
END
    run inside FOO="host's" EMPTIED=x HOSTNAME=node 'APPTAINERENV_OVER=$A $(echo x | tr x y)' --
    [ "$status" -eq 0 ]
    has A=a-b
    has "FOO=host's"
    has 'HOST_SEEN=[]'
    has 'ARGS=1 env'
    has 'OVER=a-b y'
    has HOSTNAME=node
    has APPTAINER_NAME=box
    has 'APPTAINER_NAME: readonly variable'
    has PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin
    has "PWD=$TMP"
    has_not EMPTIED
    has_not SHLVL
    has_not _
    has_not OLDPWD
    # and still it is the process that was started
    "$APPTAINER" exec "$BOX" sh -c 'echo $$' >pid &
    wait $!
    [ "$(cat pid)" = $! ]
}

@test "without a shell a script that needs one is named and left out" {
    script 50-more.sh <<<'export LOST=1; date'
    script 90-environment.sh <<<'export KEPT=1'
    remove_shells
    run inside --
    [ "$status" -eq 0 ]
    has KEPT=1
    has_not LOST
    [[ "$output" == *"WARNING: /.singularity.d/env/50-more.sh was left out"* ]]
}

@test "scripts that end, replace, or are broken" {
    script 90-environment.sh <<<'exit 3'
    run inside --
    [ "$status" -eq 3 ]
    script 90-environment.sh <<<'true | true; exit 4'
    run inside --
    [ "$status" -eq 4 ]
    script 90-environment.sh <<<'exec echo replaced'
    run inside --
    [ "$output" = replaced ]
    script 90-environment.sh <<<'export LOST=1; if true; then'
    run inside --
    [ "$status" -eq 0 ]
    has_not LOST
    [[ "$output" == *"source: /.singularity.d/env/90-environment.sh:"* ]]
}

@test "an endless script can be interrupted" {
    script 90-environment.sh <<<'while :; do :; done'
    run timeout -s INT 2 "$APPTAINER" exec "$BOX" true
    [ "$status" -eq 124 ]
    script 90-environment.sh <<<'A=$(cat)'
    "$APPTAINER" exec "$BOX" true </dev/null
}

@test "run starts the runscript with its arguments" {
    printf '#!/bin/sh\necho "runscript $# $1"\n' >"$BOX/.singularity.d/runscript"
    run "$APPTAINER" run "$BOX" 'a b' c
    [[ "$output" != *"runscript 2"* ]]
    chmod 755 "$BOX/.singularity.d/runscript"
    run "$APPTAINER" run "$BOX" 'a b' c
    [ "$output" = 'runscript 2 a b' ]
    rm "$BOX/.singularity.d/runscript"
    run "$APPTAINER" run "$BOX" -c 'echo shell'
    [[ "$output" == *"INFO:    No runscript found in container, executing /bin/sh"* ]]
    [[ "$output" == *shell ]]
    remove_shells
    run "$APPTAINER" run "$BOX"
    [ "$status" -eq 1 ]
    [[ "$output" == *"No runscript and no /bin/sh executable found in container, aborting"* ]]
}

oci_runscript() { # ENTRYPOINT CMD
    cat >"$BOX/.singularity.d/runscript" <<END
#!/bin/sh
OCI_ENTRYPOINT='$1'
OCI_CMD='$2'
if [ -n "\$SINGULARITY_NO_EVAL" ]; then
    set -- 'echo' 'entry' "\$@"
    exec "\$@"
fi
CMDLINE_ARGS=""
for arg in "\$@"; do
    CMDLINE_ARGS="\${CMDLINE_ARGS} \"\$arg\""
done
if [ \$# -gt 0 ]; then
    SINGULARITY_OCI_RUN="\${OCI_ENTRYPOINT} \${CMDLINE_ARGS}"
else
    SINGULARITY_OCI_RUN="\${OCI_ENTRYPOINT} \${OCI_CMD}"
fi
eval "set \${SINGULARITY_OCI_RUN}"
exec "\$@"
END
    chmod 755 "$BOX/.singularity.d/runscript"
}

@test "the runscript of an OCI image needs no shell" {
    remove_shells
    oci_runscript '"echo" "entry"' '"default" "\$HOME"'
    run "$APPTAINER" run "$BOX"
    [ "$output" = 'entry default $HOME' ]
    run "$APPTAINER" run "$BOX" 'two  words' '$SINGULARITY_NAME' "it's"
    [ "$output" = "entry two  words box it's" ]
    run "$APPTAINER" run --no-eval "$BOX" '$HOME' 'a"b'
    [ "$output" = 'entry $HOME a"b' ]
    run "$APPTAINER" run "$BOX" echo 'a"b'
    [ "$status" -eq 0 ]
    [[ "$output" == *"ERROR:   eval: "*"--no-eval"* ]]
    [[ "$output" == *'a"b' ]]
}

@test "shell starts the best shell there is" {
    run "$APPTAINER" shell "$BOX" <<<'echo "$0 $SHELL"'
    [ "$output" = '/bin/sh /bin/sh' ] || [ "$output" = '/bin/bash /bin/bash' ]
    run "$APPTAINER" shell --shell /bin/ash "$BOX" <<<'echo "$0 $APPTAINER_SHELL"'
    [ "$output" = '/bin/ash /bin/ash' ]
    run "$APPTAINER" shell --shell /no/such "$BOX" <<<'echo ok'
    [ "$output" = ok ]
    run "$APPTAINER" shell "$BOX" <<<'exit 5'
    [ "$status" -eq 5 ]
    remove_shells
    run "$APPTAINER" shell "$BOX"
    [ "$status" -eq 1 ]
    [[ "$output" == *"ERROR:   /bin/sh does not exist in container"* ]]
}

@test "test runs the test script, or says that there is none" {
    run "$APPTAINER" test "$BOX"
    [ "$status" -eq 0 ]
    [[ "$output" == *"INFO:    No test script found in container, exiting"* ]]
    printf '#!/bin/sh\necho tested "$@"\nexit 6\n' >"$BOX/.singularity.d/test"
    chmod 755 "$BOX/.singularity.d/test"
    run "$APPTAINER" test "$BOX" arg
    [ "$status" -eq 6 ]
    [ "$output" = 'tested arg' ]
}

@test "applications" {
    mkdir -p "$BOX/scif/apps/foo/scif/env"
    printf '#!/bin/sh\necho "foo $APPTAINER_APPNAME $SINGULARITY_APPNAME $1"\n' >"$BOX/scif/apps/foo/scif/runscript"
    chmod 755 "$BOX/scif/apps/foo/scif/runscript"
    run "$APPTAINER" run --app foo "$BOX" arg
    [ "$output" = 'foo foo foo arg' ]
    run "$APPTAINER" run --app bar "$BOX"
    [ "$status" -eq 1 ]
    [[ "$output" == *"ERROR:   no runscript for contained app: bar"* ]]
    run "$APPTAINER" test --app foo "$BOX"
    [ "$status" -eq 1 ]
    [[ "$output" == *"ERROR:   No tests for contained app: foo"* ]]
}

@test "what cannot be started says why" {
    printf 'echo "no shebang $1"\n' >"$BOX/bin/text"
    printf '#!/no/such/interpreter\n' >"$BOX/bin/lost"
    printf '#!/bin/sh\n' >"$BOX/bin/plain"
    chmod 755 "$BOX/bin/text" "$BOX/bin/lost"
    chmod 644 "$BOX/bin/plain"
    run "$APPTAINER" exec "$BOX" text x
    [ "$output" = 'no shebang x' ]
    run "$APPTAINER" exec "$BOX" lost
    [ "$status" -eq 255 ]
    [[ "$output" == *"/bin/lost failed: its interpreter /no/such/interpreter is not in the image"* ]]
    run "$APPTAINER" exec "$BOX" plain
    [ "$status" -eq 255 ]
    [[ "$output" == *'"plain": executable file not found in $PATH'* ]]
    run "$APPTAINER" exec "$BOX" /bin/plain
    [ "$status" -eq 255 ]
    [[ "$output" == *"/bin/plain: permission denied"* ]]
    run "$APPTAINER" exec "$BOX" /bin
    [ "$status" -eq 255 ]
    [[ "$output" == *"is a directory"* ]]
    run "$APPTAINER" exec "$BOX" /no/such
    [ "$status" -eq 255 ]
    [[ "$output" == *"stat /no/such: no such file or directory"* ]]
}

@test "a program of another architecture is named as such" {
    # the busybox of this machine with another machine number: 0xf3, RISC-V
    cp --remove-destination "$BOX/bin/busybox" "$BOX/bin/foreign"
    printf '\363' | dd of="$BOX/bin/foreign" bs=1 seek=18 conv=notrunc status=none
    run "$APPTAINER" exec "$BOX" foreign
    [ "$status" -eq 255 ]
    [[ "$output" == *"it is for riscv64, this machine is "* ]]
}

@test "a program whose loader is missing is told so" {
    need_program ldd
    local real
    real=$(readlink -f "$(command -v ls)")
    ldd "$real" >/dev/null 2>&1 || skip "$real is a static program"
    cp --remove-destination "$real" "$BOX/bin/dynamic"
    run "$APPTAINER" exec "$BOX" dynamic
    [ "$status" -eq 255 ]
    [[ "$output" == *"a shared library is likely missing in the image"* ]]
}

@test "hostile scripts end soon and harm nothing" {
    script 01-env.sh <<'END'
f() { f; }
A=x
END
    ln -s /dev/zero "$BOX/.singularity.d/env/50-device.sh"
    ln -s /etc/passwd "$BOX/.singularity.d/env/60-link.sh"
    mkdir "$BOX/.singularity.d/env/70-directory.sh"
    mkfifo "$BOX/.singularity.d/env/80-pipe.sh"
    run timeout 20 "$APPTAINER" exec "$BOX" echo started
    [ "$status" -eq 0 ]
    [[ "$output" == *started ]]
}

@test "the same environment as the original" {
    need_peer
    # where the unprivileged user of both can read it
    local shared
    shared=$(mktemp -d "${TMPDIR:-/tmp}/peer.XXXXXX")
    BOX=$shared/box
    make_box "$BOX"
    local option variables=(FOO=host EMPTIED=host TERM=vt100 'APPTAINERENV_A=$HOME "q"' SINGULARITYENV_B=b
        APPTAINERENV_PREPEND_PATH=/pre 'WORDS=a  b' PS1=host LD_LIBRARY_PATH=/x PROMPT_COMMAND='echo hi')
    script 10-docker2singularity.sh <<'END'
#!/bin/sh
export PATH="/usr/bin:/bin"
export GREETING="${GREETING:-"hello from the image"}"
export Q="${Q:-"it's"}"
END
    script 90-environment.sh <<'END'
export C=image PATH=/opt/x/bin:$PATH
export EMPTIED=
if [ -z "$USER" ]; then export NO_USER=1; fi
END
    chmod -R a+rX "$shared"
    cd "$shared"
    for option in "" -c -C -e --no-eval "--env X=1,Y=2" "--app foo"; do
        # shellcheck disable=SC2086
        PEER_DIR=$shared "$APPTAINER_PEER" user env -i PATH=/usr/bin:/bin HOME=/home/hpc "${variables[@]}" \
            apptainer -q exec $option box env 2>/dev/null | sed "s#/home/hpc#HOME#g; s#/w/box#$BOX#; s#^PWD=/w\$#PWD=$shared#" | sort >"$TMP/theirs"
        # shellcheck disable=SC2086
        as_test_user env -i PATH=/usr/bin:/bin HOME="$(getent passwd "$TEST_USER" | cut -d: -f6)" "${variables[@]}" \
            "$APPTAINER" -q exec $option "$BOX" env 2>/dev/null |
            sed "s#$(getent passwd "$TEST_USER" | cut -d: -f6)#HOME#g" | sort >"$TMP/ours"
        diff "$TMP/theirs" "$TMP/ours"
    done
    rm -rf "$shared"
}
