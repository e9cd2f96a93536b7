#!/usr/bin/env bats
# Open OnDemand's command lines (ood_core: linux_host/launcher.rb, script_wrapper.erb.sh).
# Left out: desktops by `instance start`, which is not there yet; for them programs in a container must keep the caller's
# session id and the host's process ids, which is tested here for exec.
load helpers
load clients

test_setup() {
    clients_setup
    echo 'echo started >"$OUT"; sleep 100; echo never >>"$OUT"' >script
    export SINGULARITYENV_OUT=$TMP/out
}

@test "ondemand: a job is found by its appinit below the pane, and ends when that is terminated" {
    need_program pstree timeout
    SINGULARITY_BINDPATH="$TMP" timeout 60s singularity exec --contain --pid "$IMAGE" /bin/bash --login "$TMP/script" 3>&- &
    local job=$! init
    eventually test -s out
    init=$(pstree -p -l "$job" | grep -o 'appinit([[:digit:]]*' | grep -o '[[:digit:]]*')
    [ -n "$init" ]
    kill "$init"
    run wait "$job"
    [ "$status" -ne 0 ]
    eventually test ! -e "/proc/$init"
    [ "$(cat out)" = started ]
}

@test "ondemand: the time limit ends the job" {
    need_program timeout
    run env SINGULARITY_BINDPATH="$TMP" timeout 1s singularity exec --pid "$IMAGE" /bin/bash --login "$TMP/script"
    [ "$status" -eq 124 ]
    [ "$(cat out)" = started ]
}

@test "ondemand: session and process ids are the host's" {
    local mine
    read -r -a mine < <(sed 's/.*) //' /proc/self/stat)
    run --separate-stderr singularity exec "$IMAGE" sh -c 'echo $(sed "s/.*) //" /proc/self/stat | cut -d" " -f4) $$; exec readlink /proc/self'
    [ "${lines[0]%% *}" = "${mine[3]}" ]
    [ "${lines[0]##* }" = "${lines[1]}" ]
}
