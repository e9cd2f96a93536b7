#!/usr/bin/env python3
"""Times whole commands against each other in one run, and prints ratios.

    measure.py alternate RUNS NAME=COMMAND NAME=COMMAND...      one after the other, A B A B ...
    measure.py together N RUNS NAME=COMMAND NAME=COMMAND...     N copies of each at the same time

The last command is the reference: every other is shown as a multiple of it.  Commands are run by sh; a name ending in '!' has its
image server's CPU time added (processes called imagefs or squashfuse_ll, which are not children).
"""
import os
import statistics
import subprocess
import sys
import time

HELPERS = ("imagefs", "squashfuse_ll", "squashfuse", "fuse-overlayfs")
TICK = os.sysconf("SC_CLK_TCK")


def helper_cpu():
    """CPU seconds and PSS bytes of the image servers of this user."""
    seconds, pss, count = 0.0, 0, 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid != os.getuid():
                continue
            with open(f"/proc/{pid}/stat") as f:
                text = f.read()
            name = text[text.index("(") + 1:text.rindex(")")]
            if name not in HELPERS:
                continue
            fields = text[text.rindex(")") + 2:].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICK
            count += 1
            with open(f"/proc/{pid}/smaps_rollup") as f:
                for line in f:
                    if line.startswith("Pss:"):
                        pss += int(line.split()[1]) * 1024
        except (OSError, ValueError, IndexError):
            pass
    return seconds, pss, count


def once(command, copies):
    before = os.times()
    helpers_before = helper_cpu()[0]
    start = time.perf_counter()
    children = [subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE) for _ in range(copies)]
    bad = []
    for child in children:
        _, error = child.communicate()
        if child.returncode:
            bad.append((child.returncode, error.decode(errors="replace").strip()[-300:]))
    wall = time.perf_counter() - start
    after = os.times()
    seconds, pss, count = helper_cpu()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    cpu += max(0.0, seconds - helpers_before)
    return wall, cpu, pss, count, bad


def main():
    mode = sys.argv[1]
    copies = int(sys.argv[2]) if mode == "together" else 1
    rest = sys.argv[3:] if mode == "together" else sys.argv[2:]
    runs, pairs = int(rest[0]), [p.split("=", 1) for p in rest[1:]]
    walls = {n: [] for n, _ in pairs}
    cpus = {n: [] for n, _ in pairs}
    memory = {n: (0, 0) for n, _ in pairs}
    failures = {n: 0 for n, _ in pairs}
    for run in range(runs + 1):  # the first round warms up and is not counted
        for name, command in pairs:
            wall, cpu, pss, count, bad = once(command, copies)
            failures[name] += len(bad)
            if bad:
                print(f"  {name}: {len(bad)} failed, first: {bad[0]}")
            if run:
                walls[name].append(wall)
                cpus[name].append(cpu)
                if pss > memory[name][0]:
                    memory[name] = (pss, count)
    reference = pairs[-1][0]
    print(f"  {'':24} {'wall ms':>9} {'cpu ms':>9} {'wall x':>7} {'cpu x':>7}   helpers")
    for name, _ in pairs:
        wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
        base_wall, base_cpu = statistics.median(walls[reference]), statistics.median(cpus[reference])
        pss, count = memory[name]
        helpers = f"{count} process(es), {pss / 2**20:.1f} MiB PSS" if count else ""
        ratio = cpu / base_cpu if base_cpu else float("nan")
        print(f"  {name:24} {wall * 1e3:9.2f} {cpu * 1e3:9.2f} {wall / base_wall:7.2f} {ratio:7.2f}   {helpers}")
    return 1 if any(failures.values()) else 0


sys.exit(main())
