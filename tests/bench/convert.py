#!/usr/bin/env python3
"""Times conversions of an image, one after the other: convert.py PLACE NAME=COMMAND...

Each command works in PLACE and may leave PLACE/target.sif.  The last one is what the others are compared with.  Temporary space is
what the file system of PLACE had less of, at most, than the target's size explains.
"""
import os
import resource
import subprocess
import sys
import threading
import time


class Space:
    """The most that is used on a file system, sampled."""

    def __init__(self, place):
        self.place, self.stop = place, False
        self.before = self.most = self.used()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def used(self):
        s = os.statvfs(self.place)
        return (s.f_blocks - s.f_bfree) * s.f_frsize

    def watch(self):
        while not self.stop:
            self.most = max(self.most, self.used())
            time.sleep(0.05)

    def end(self):
        self.stop = True
        self.thread.join()
        return self.most - self.before


def convert(place, command):
    for name in os.listdir(place):
        subprocess.run(["rm", "-rf", f"{place}/{name}"], check=True)
    os.sync()
    space = Space(place)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    pid = os.posix_spawnp("sh", ["sh", "-c", f"exec {command} >/dev/null 2>&1"], os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"failed: {command}")
    target = f"{place}/target.sif"
    size = os.path.getsize(target) if os.path.exists(target) else 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, usage.ru_maxrss * 1024, max(0, space.end() - size), size


place, pairs = sys.argv[1], [p.split("=", 1) for p in sys.argv[2:]]
results = [(name, convert(place, command.replace("\n", " "))) for name, command in pairs]
base = results[-1][1]
print(f"  {'':18} {'wall s':>8} {'cpu s':>8} {'wall x':>7} {'cpu x':>7} {'memory MiB':>11} {'temporary MiB':>14} {'image MiB':>10}")
for name, (wall, cpu, memory, space, size) in results:
    print(f"  {name:18} {wall:8.1f} {cpu:8.1f} {wall / base[0]:7.3f} {cpu / base[1]:7.3f} {memory / 2**20:11.0f} {space / 2**20:14.0f}"
          f" {size / 2**20:10.0f}")
