# The command line as scripts and people meet it: texts, streams, exit statuses, levels, hand-over, completion, manual.

load helpers

BIN=$(dirname "$APPTAINER")
PREFIX=$(dirname "$BIN")
LAST_LINE="Run 'apptainer --help' for more detailed usage information."

# A copy of the installation at another place whose other executable is a script of ours.
moved_prefix() {
    cp -r "$PREFIX" "$TMP/moved"
    printf '#!/bin/sh\n%s\n' "$1" >"$TMP/moved/libexec/apptainer/apptainer-images"
    MOVED=$TMP/moved/bin/apptainer
}

# --- version and help -------------------------------------------------------------------------------

@test "cli: --version with an empty environment, under both names" {
    for name in apptainer singularity; do
        run --separate-stderr env -i "$BIN/$name" --version
        [ "$status" = 0 ]
        [[ "$output" =~ ^apptainer\ version\ [0-9]+\.[0-9]+\.[0-9]+([-+].*)?$ ]]
        [ -z "$stderr" ]
    done
    run --separate-stderr env -i "$APPTAINER" -dsq --version exec nothing
    [ "$status" = 0 ]
    [[ "$output" = "apptainer version "* ]]
}

@test "cli: version prints the number alone and ignores arguments" {
    run --separate-stderr "$APPTAINER" version some words
    [ "$status" = 0 ]
    [[ "$output" =~ ^[0-9]+\.[0-9]+\.[0-9]+([-+].*)?$ ]]
    [ -z "$stderr" ]
}

@test "cli: help pages go to standard output" {
    for words in "--help" "-h" "exec --help" "help exec" "help exec nonsense" "completion" "completion nonsense" "-h exec"; do
        # shellcheck disable=SC2086
        run --separate-stderr "$APPTAINER" $words
        [ "$status" = 0 ]
        [ -z "$stderr" ]
        [[ "$output" = *$'\nUsage:\n  apptainer '* ]]
        [[ "$output" = *$'\nOptions:\n'* ]]
    done
    run --separate-stderr "$APPTAINER" help nonsense
    [ "$status" = 0 ]
    [ "${lines[0]}" = 'Unknown help topic [`nonsense`]' ]
}

@test "cli: every shown command has its handler in one of the executables" {
    local name
    for name in $("$APPTAINER" __completeNoDesc '' | grep -v '^:'); do
        run "$APPTAINER" "$name"
        [[ "$output" != *"is not part of this installation"* ]]
        [[ "$output" != *"cannot start"* ]]
    done
}

@test "cli: every shown command is there, with a page of at most 80 columns" {
    local name page
    for name in $("$APPTAINER" __completeNoDesc '' | grep -v '^:'); do
        page=$("$APPTAINER" help "$name")
        [ -z "$(grep -E '^.{81,}' <<<"$page")" ]
        run "$APPTAINER" "$name" --help
        [ "$status" = 0 ]
        [ "$output" = "$page" ]
    done
}

# --- refusals ---------------------------------------------------------------------------------------

@test "cli: wrong use is told on standard error, right use on standard output, exit 1" {
    run --separate-stderr "$APPTAINER" exec image
    [ "$status" = 1 ]
    [ "$stderr" = 'Error for command "exec": requires at least 2 arg(s), only received 1' ]
    [ "${lines[0]}" = "Usage:" ]
    [ "${lines[1]}" = "  apptainer [global options...] exec [exec options...] <container> <command>" ]
    [ "${lines[-1]}" = "$LAST_LINE" ]

    run --separate-stderr "$APPTAINER" exec --nosuch image true
    [ "$status" = 1 ]
    [ "$stderr" = 'Error for command "exec": unknown flag: --nosuch' ]
    [ "${lines[0]}" = "Options for exec command:" ]
    [ "${lines[-1]}" = "$LAST_LINE" ]

    run --separate-stderr "$APPTAINER"
    [ "$status" = 1 ]
    [ -z "$stderr" ]
    [ "${lines[0]}" = "Usage:" ]
    [ "${lines[-1]}" = "$LAST_LINE" ]

    run --separate-stderr "$APPTAINER" exe
    [ "$status" = 1 ]
    [ "$stderr" = $'Error: unknown command "exe" for "apptainer"\n\nDid you mean this?\n\texec' ]
}

@test "cli: the list of options follows COLUMNS" {
    run --separate-stderr env COLUMNS=60 "$APPTAINER" exec --nosuch
    [ "$status" = 1 ]
    [ -z "$(printf '%s\n' "${lines[@]}" | grep -v "^Run " | grep -E '^.{61,}')" ]
}

@test "cli: what is not there yet is refused by name, also by variable" {
    run --separate-stderr "$APPTAINER" checkpoint list
    [ "$status" = 255 ]
    [ "$stderr" = "FATAL:   checkpoint is not available in this version yet" ]
    run --separate-stderr "$APPTAINER" exec --oom-kill-disable image true
    [ "$status" = 255 ]
    [ "$stderr" = "FATAL:   --oom-kill-disable is not available in this version yet" ]
    run --separate-stderr env SINGULARITY_OOM_KILL_DISABLE=1 "$APPTAINER" exec image true
    [ "$status" = 255 ]
    [[ "$stderr" = *"FATAL:   SINGULARITY_OOM_KILL_DISABLE is not available in this version yet" ]]
    run --separate-stderr "$APPTAINER" completion powershell
    [ "$status" = 255 ]
}

@test "cli: a bad value in the environment is fatal and named" {
    run --separate-stderr env APPTAINER_CONTAIN=yes "$APPTAINER" exec image true
    [ "$status" = 255 ]
    [[ "$stderr" = "FATAL:   While parsing environment variables: "*APPTAINER_CONTAIN* ]]
    run --separate-stderr env APPTAINER_DEBUG=yes "$APPTAINER" version
    [ "$status" = 255 ]
    [[ "$stderr" = "FATAL:   While parsing global environment variables: "*APPTAINER_DEBUG* ]]
}

@test "cli: standard output that is full is an error" {
    [ -e /dev/full ] || skip "this machine has no /dev/full"
    run sh -c '"$1" --help >/dev/full' sh "$APPTAINER"
    [ "$status" = 255 ]
}

# --- levels -----------------------------------------------------------------------------------------

# version with an older name in the environment says one INFO line, with two different values one WARNING.
notices() { env SINGULARITY_NOCOLOR=0 "$@" version 2>&1 >/dev/null; }

@test "cli: levels hide and show, whatever the order" {
    local info="INFO:    Environment variable SINGULARITY_NOCOLOR is set, but APPTAINER_NOCOLOR is preferred"
    [ "$(notices "$APPTAINER")" = "$info" ]
    [ -z "$(notices "$APPTAINER" -q)" ]
    [ -z "$(notices "$APPTAINER" -s)" ]
    [ "$(notices "$APPTAINER" -q -v)" = "$info" ]
    [ "$(notices APPTAINER_QUIET=1 "$APPTAINER")" = "$info" ]
    [[ "$(notices "$APPTAINER" -dsq)" =~ ^INFO\ +\[U=$(id -u),P=[0-9]+\]\ +[a-z_]+\(\)\ +Environment ]]
    [[ "$(notices APPTAINER_MESSAGELEVEL=5 "$APPTAINER")" =~ ^INFO\ +\[U= ]]
    [ "$(notices APPTAINER_MESSAGELEVEL=-3 "$APPTAINER")" = "$info" ]
    [ "$(notices APPTAINER_MESSAGELEVEL=loud "$APPTAINER")" = "$info" ]
    local warning="WARNING: SINGULARITY_NOCOLOR and APPTAINER_NOCOLOR have different values, using the latter"
    [ "$(notices APPTAINER_NOCOLOR=1 "$APPTAINER" -q)" = "$warning" ]
    [ -z "$(notices APPTAINER_NOCOLOR=1 "$APPTAINER" -q -s --silent --quiet=false)" ]
}

@test "cli: colors only on a terminal, and not with --nocolor" {
    need_program script
    run script -qec "env SINGULARITY_DEBUG=0 '$APPTAINER' version" /dev/null
    [[ "$output" = *$'\e[34mINFO:   \e[0m Environment'* ]]
    run script -qec "env SINGULARITY_DEBUG=0 '$APPTAINER' --nocolor version" /dev/null
    [[ "$output" != *$'\e['* ]]
    run script -qec "env SINGULARITY_DEBUG=0 APPTAINER_MESSAGELEVEL=91 '$APPTAINER' version" /dev/null
    [[ "$output" != *$'\e['* ]]
}

# --- the installation -------------------------------------------------------------------------------

@test "cli: commands of the other executable are handed over with their words as they are, after a move too" {
    moved_prefix 'for word; do echo "[$word]"; done; exit 7'
    for name in apptainer singularity; do
        run --separate-stderr "$TMP/moved/bin/$name" -q build --nosuch 'a b' '' -- -x
        [ "$status" = 7 ]
        [ "$output" = $'[-q]\n[build]\n[--nosuch]\n[a b]\n[]\n[--]\n[-x]' ]
        [ -z "$stderr" ]
    done
}

@test "cli: chosen levels are exported to children" {
    moved_prefix 'env | grep -E "^APPTAINER_(DEBUG|VERBOSE|QUIET|SILENT)="'
    run "$MOVED" -dqs build a b
    [ "$output" = "APPTAINER_DEBUG=1" ]
    run "$MOVED" -s build a b
    [ "$output" = "APPTAINER_SILENT=1" ]
    run "$MOVED" build a b
    [ -z "$output" ]
}

@test "cli: without the other executable the message says which file is missing" {
    moved_prefix ''
    rm "$TMP/moved/libexec/apptainer/apptainer-images"
    [ ! -e /usr/local/libexec/apptainer ] || skip "the program is installed on this machine"
    run --separate-stderr "$MOVED" build a b
    [ "$status" = 255 ]
    [[ "$stderr" = "FATAL:   cannot start "*"/libexec/apptainer/apptainer-images, which has the command build: No such file or directory"* ]]
}

@test "cli: run-singularity finds the program beside itself, also through a link" {
    ln -s "$BIN/run-singularity" "$TMP/link"
    for wrapper in "$BIN/run-singularity" "$TMP/link"; do
        run --separate-stderr "$wrapper"
        [ "$status" = 1 ]
        [ "${stderr_lines[0]}" = 'Error for command "run": requires at least 1 arg(s), only received 0' ]
    done
}

@test "cli: the launcher links small libraries only" {
    need_program ldd
    run ldd "$APPTAINER"
    [ "$status" = 0 ]
    for library in crypto ssl archive squashfs fuse zstd curl lzma bz2 isal deflate; do
        [[ "$output" != *"lib$library"* ]]
    done
}

# --- completion -------------------------------------------------------------------------------------

complete_bash() { # the words of a line; prints what TAB at its end offers
    bash --norc -c '
        source <("$1" completion bash)
        shift
        COMP_LINE=$1 COMP_POINT=${#1}
        compopt() { echo "compopt $*"; }
        # split as readline does: at blanks, and around = and :
        read -r -a COMP_WORDS < <(sed -E "s/([=:])/ \1 /g" <<<"$1")
        [[ $1 != *[[:space:]] ]] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _apptainer
        printf "%s\n" "${COMPREPLY[@]}"' bash "$APPTAINER" "$1"
}

@test "completion: bash" {
    [ "$(complete_bash "$APPTAINER exe")" = exec ]
    [ "$(complete_bash "$APPTAINER -q shel")" = shell ]
    [ "$(complete_bash "$APPTAINER exec --cleane")" = --cleanenv ]
    [[ "$(complete_bash "$APPTAINER exec ")" = *"compopt -o default"* ]]
    [[ "$(complete_bash "$APPTAINER exec -B /a:/")" = *"compopt -o default"* ]]
    [[ "$(complete_bash "$APPTAINER exec --bind=/a:/b")" = *"compopt -o default"* ]]
    [ "$(complete_bash "$APPTAINER exec --bind=/a:/b --cleane")" = --cleanenv ]
    [ -z "$(complete_bash "$APPTAINER exec --cwd ")" ]
    [ "$(complete_bash "$APPTAINER help exe")" = exec ]
}

@test "completion: the installed script is loaded for both names by bash-completion" {
    [ -e /usr/share/bash-completion/bash_completion ] || skip "bash-completion is not installed"
    for name in apptainer singularity; do
        run env XDG_DATA_DIRS="$PREFIX/share" BASH_COMPLETION_USER_DIR="$TMP/none" PATH="$BIN:$PATH" bash --norc -c '
            source /usr/share/bash-completion/bash_completion
            _completion_loader "$1" || [ $? = 124 ]
            complete -p "$1"' bash "$name"
        [ "$output" = "complete -F _apptainer $name" ]
    done
}

@test "completion: zsh" {
    need_program zsh
    cat >"$TMP/drive.zsh" <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
ask() { # LINE WANTED: types the line and TAB, waits until WANTED was drawn
    local seen part i
    zpty -w -n z "$1"$'\t'
    for i in {1..100}; do
        while zpty -r -t z part; do seen+=$part; done
        [[ $seen == *$2* ]] && { zpty -w -n z $'\x15'; return 0 }
        sleep 0.1
    done
    print -r -- "after ${(q)1} came: ${(V)seen}"
    exit 1
}
zpty -w z "PS1='> '; stty columns 500; PATH=$BIN:\$PATH; fpath=($PREFIX/share/zsh/site-functions \$fpath); autoload -Uz compinit; compinit -u -d $TMP/dump; print REA''DY"
for i in {1..100}; do
    while zpty -r -t z part; do seen+=$part; done
    [[ $seen == *READY* ]] && break
    sleep 0.1
done
ask 'apptainer exe' 'exec '
ask 'singularity exec --cleane' '--cleanenv '
ask "apptainer exec -B $TMP/uniq" "$TMP/unique-name "
ask "apptainer exec --bind=$TMP/uniq" "$TMP/unique-name "
ask 'apptainer completion ' 'Completion script for fish'
END
    touch "$TMP/unique-name"
    run env BIN="$BIN" PREFIX="$PREFIX" TMP="$TMP" TERM=dumb zsh -f "$TMP/drive.zsh"
    echo "$output"
    [ "$status" = 0 ]
}

@test "completion: fish" {
    need_program fish
    complete_fish() { fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$PREFIX/share/fish/vendor_completions.d/apptainer.fish" "$1"; }
    export PATH=$BIN:$PATH XDG_CONFIG_HOME=$TMP/config XDG_DATA_HOME=$TMP/data
    touch "$TMP/unique-name"
    [[ "$(complete_fish 'apptainer exe')" = exec$'\t'* ]]
    [[ "$(complete_fish 'singularity exec --cleane')" = --cleanenv$'\t'* ]]
    [ "$(complete_fish "apptainer exec $TMP/uniq")" = "$TMP/unique-name" ]
    [ -z "$(complete_fish 'apptainer exec --cwd x')" ]
}

# --- manual -----------------------------------------------------------------------------------------

@test "manual: one page per shown command, without faults" {
    local name
    for name in $("$APPTAINER" __completeNoDesc '' | grep -v '^:'); do
        [ -s "$PREFIX/share/man/man1/apptainer-$name.1" ]
    done
    [ -s "$PREFIX/share/man/man1/apptainer.1" ]
    need_program mandoc
    run sh -c 'mandoc -Tlint -Wwarning "$1"/*.1 | grep -v "missing date"' sh "$PREFIX/share/man/man1"
    echo "$output"
    [ -z "$output" ]
}

# --- side by side with the original -----------------------------------------------------------------

# The first line on standard error, the first word on standard output, and the exit status.
outline() {
    local status=0
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || status=$?
    printf '%s | %s | %s\n' "$(head -1 "$TMP/err")" "$(head -1 "$TMP/out" | cut -d: -f1)" "$status"
}

@test "cli: refusals are those of the original" {
    need_peer
    local line bad=0
    while read -r line; do
        local ours theirs
        # shellcheck disable=SC2086
        ours=$(outline "$APPTAINER" $line)
        # shellcheck disable=SC2086
        theirs=$(outline "$APPTAINER_PEER" run apptainer $line)
        if [ "$ours" != "$theirs" ]; then
            bad=1
            printf '%s\n  ours:   %s\n  theirs: %s\n' "$line" "$ours" "$theirs"
        fi
    done <<'END'

-x
-dx
--nosuch
nosuch
exe
INSPECt
exec
exec x
exec --
exec -d a b
exec --debug a b
exec --version
exec --bind
exec -B
exec -eB
exec -=x a b
exec --=x a b
exec ---x a
exec -xyz a b
exec -cxyz a b
exec -c= a b
exec --help --nosuch
exec --env FOO a b
exec --env A=1,B=2,C a b
shell
run
test
inspect
inspect a b
inspect img -r
build
build a
build --nosuch a b
sif add
sif add a b --nosuch
sif header
sif header a b
siftool list
run-help
completion bash --nosuch
END
    [ "$bad" = 0 ]
}

@test "cli: notices about variables are those of the original" {
    need_peer
    local line bad=0
    local -a words
    while read -r line; do
        local ours theirs
        read -r -a words <<<"$line"
        ours=$(env "${words[@]}" "$APPTAINER" exec /nonexistent true 2>&1 | grep -E '^(INFO|WARNING): ' || true)
        theirs=$(env "${words[@]}" "$APPTAINER_PEER" run apptainer exec /nonexistent true 2>&1 | grep -E '^(INFO|WARNING): ' || true)
        if [ "$ours" != "$theirs" ]; then
            bad=1
            printf '%s\n  ours:   %s\n  theirs: %s\n' "$line" "$ours" "$theirs"
        fi
    done <<'END'
SINGULARITY_CONTAIN=1
SINGULARITY_CONTAIN=
SINGULARITY_CONTAIN=1 APPTAINER_CONTAIN=
SINGULARITY_CONTAIN=1 APPTAINER_CONTAIN=1
SINGULARITY_CONTAIN=1 APPTAINER_CONTAIN=0
SINGULARITY_BIND=/a SINGULARITY_BINDPATH=/b
SINGULARITY_BIND=/a APPTAINER_BIND=/c SINGULARITY_BINDPATH=/b
SINGULARITY_DEBUG=0 SINGULARITY_QUIET=1 SINGULARITY_NO_HOME=1
SINGULARITY_DOCKER_USERNAME=x DOCKER_PASSWORD=y
APPTAINER_MESSAGELEVEL=-3 SINGULARITY_CONTAIN=1
APPTAINER_HOME= SINGULARITY_HOME=/x
SINGULARITY_SHELL=/bin/sh SINGULARITY_NOSUCH=1
SINGULARITY_PWD=/ SINGULARITY_UNSHARE_PID=1 SINGULARITY_NO_MOUNT=tmp
END
    [ "$bad" = 0 ]
}

@test "manual: docs/options.md is what the option tables say" {
    local page
    page=$(dirname "$APPTAINER")/../share/doc/apptainer/options.md
    diff "$page" <("$APPTAINER" __options) || {
        echo "# after a change of options: make docs/options.md"
        return 1
    }
}
