#!/usr/bin/env python3
"""Times whole commands against each other in one run, and prints ratios.

    measure.py alternate RUNS NAME=COMMAND NAME=COMMAND...      one after the other, A B A B ...
    measure.py cold RUNS NAME=COMMAND NAME=COMMAND...           the same, each when no image server is left
    measure.py together N RUNS NAME=COMMAND NAME=COMMAND...     N copies of each at the same time

The last command is the reference: every other is shown as a multiple of it.  A command is split as a shell would and started
directly, so that no shell's time is in the figures.  CPU time is that of the children and of the image servers (which are not
children).
"""
import os
import resource
import shlex
import statistics
import sys
import time

HELPERS = ("imagefs", "squashfuse_ll", "squashfuse", "fuse-overlayfs")


def helpers():
    """CPU seconds, PSS bytes and number of the image servers of this user."""
    seconds, pss, count = 0.0, 0, 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.getuid():
                continue
            with open(f"/proc/{pid}/stat") as f:
                text = f.read()
            if text[text.index("(") + 1:text.rindex(")")] not in HELPERS or text[text.rindex(")") + 2] == "Z":
                continue
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as f:
                    seconds += int(f.read().split()[0]) / 1e9
            count += 1
            with open(f"/proc/{pid}/smaps_rollup") as f:
                pss += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
        except (OSError, ValueError, IndexError):
            pass
    return seconds, pss, count


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def once(words, copies):
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1)]
    before, server_before = children_cpu(), helpers()[0]
    start = time.perf_counter()
    pids = [os.posix_spawnp(words[0], words, os.environ, file_actions=actions) for _ in range(copies)]
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in pids)
    wall = time.perf_counter() - start
    cpu = children_cpu() - before
    server, pss, count = helpers()
    os.close(null)
    return wall, cpu + max(0.0, server - server_before), pss, count, failed


def wait_until_no_helper():
    while helpers()[2]:
        time.sleep(0.005)


def main():
    mode = sys.argv[1]
    copies = int(sys.argv[2]) if mode == "together" else 1
    rest = sys.argv[3:] if mode == "together" else sys.argv[2:]
    runs, pairs = int(rest[0]), [p.split("=", 1) for p in rest[1:]]
    results = {name: [] for name, _ in pairs}
    for run in range(runs + 1):  # the first round warms up and is not counted
        for name, command in pairs:
            if mode == "cold":
                wait_until_no_helper()
            result = once(shlex.split(command), copies)
            if result[4]:
                sys.exit(f"{name}: {result[4]} of {copies} failed: {command}")
            if run:
                results[name].append(result)
    reference = results[pairs[-1][0]]
    base_wall, base_cpu = (statistics.median(r[i] for r in reference) for i in (0, 1))
    print(f"  {'':24} {'wall ms':>9} {'cpu ms':>9} {'wall x':>7} {'cpu x':>7}   image servers")
    for name, _ in pairs:
        wall, cpu = (statistics.median(r[i] for r in results[name]) for i in (0, 1))
        pss, count = max((r[2], r[3]) for r in results[name])
        servers = f"{count}, {pss / 2**20:.1f} MiB PSS" if count else ""
        print(f"  {name:24} {wall * 1e3:9.2f} {cpu * 1e3:9.2f} {wall / base_wall:7.2f} {cpu / base_cpu:7.2f}   {servers}")


main()
