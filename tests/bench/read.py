#!/usr/bin/env python3
"""Times reading from one image through several file systems, and prints ratios: read.py ROUNDS IMAGE NAME=COMMAND...

Each COMMAND (for sh) mounts the image on $PLACE, an overlay as a start makes it on $TOP, and then runs sh -c "$AGENT".  The first
is what the others are compared with.  As root, since the kernel's caches are dropped before everything that is called cold.
"""
import os
import statistics
import subprocess
import sys
import time

AGENT = 'while read -r line; do eval "$line" </dev/null >/dev/null; echo done $?; done'
TICK = os.sysconf("SC_CLK_TCK")
SERVERS = ("imagefs", "squashfuse_ll")
FIND = 'find "$TOP/small" -printf ""'
STAT = 'find "$TOP/small" -size +100M -print'
TAR = 'tar -C "$TOP" -cf - small | cat'
SEQUENTIAL = 'cat "$TOP/big/1" "$TOP/big/2" | cat'
TWO = 'cat "$TOP/big/1" | cat & cat "$TOP/big/2" | cat & wait'
RANDOM = """python3 -c '
import os, random, sys
random.seed(7)
f = os.open(os.environ["TOP"] + "/big/1", os.O_RDONLY)
os.posix_fadvise(f, 0, 0, os.POSIX_FADV_RANDOM)
for i in range(2000):
    os.pread(f, 4096, random.randrange(os.fstat(f).st_size // 4096) * 4096)
'"""
# Name, preparation without cold caches, command, how often after another
TASKS = (("find, 40,000 entries", FIND, 4), ("find -size", STAT, 4), ("tar, 30,000 small files", TAR, 3),
         ("sequential, one process", SEQUENTIAL, 1), ("sequential, two processes", TWO, 1), ("2,000 random 4 KiB", RANDOM, 1))


def servers():
    """CPU seconds and PSS of image servers that are alive, by process."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                text = f.read()
            if text[text.index("(") + 1:text.rindex(")")] not in SERVERS:
                continue
            fields = text[text.rindex(")") + 2:].split()
            if fields[0] == "Z":
                continue
            with open(f"/proc/{pid}/smaps_rollup") as f:
                pss = sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            found[pid] = ((int(fields[11]) + int(fields[12])) / TICK, pss)
        except OSError:
            pass
    return found


def busy():
    """Processor seconds used by everybody since the start of the machine."""
    with open("/proc/stat") as f:
        fields = [int(n) for n in f.readline().split()[1:]]
    return (fields[0] + fields[1] + fields[2] + fields[5] + fields[6]) / TICK


def own():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3\n")


class Mounted:
    def __init__(self, command):
        self.process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, AGENT=AGENT))
        self.run(":")

    def run(self, line):
        start = time.perf_counter()
        self.process.stdin.write(f"sh {script(line)}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if answer != "done 0\n":
            sys.exit(f"failed: {line}: {answer}")
        return time.perf_counter() - start

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def script(text):
    path = os.environ["BENCH"] + "/task.sh"
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)
    return path


def measure(command, line, times):
    """Waits for a machine that is otherwise idle, for at most READ_PATIENCE seconds: a measurement that others disturbed is repeated."""
    deadline = time.monotonic() + float(os.environ.get("READ_PATIENCE", "30"))
    while True:
        before = busy()
        time.sleep(0.5)
        if busy() - before < 0.1 or time.monotonic() > deadline:
            start, before = time.monotonic(), busy() - own()
            walls, seconds, pss = measure_once(command, line, times)
            foreign = (busy() - own() - before - seconds) / (time.monotonic() - start)
            if foreign < 0.4 or time.monotonic() > deadline:
                return walls, seconds, pss, foreign


def measure_once(command, line, times):
    others = servers()
    place = Mounted(command)
    drop_caches()
    walls = [place.run(line) for _ in range(times)]
    ours = [found for pid, found in servers().items() if pid not in others]
    place.close()
    return walls, sum(o[0] for o in ours), sum(o[1] for o in ours)


def main():
    rounds, contenders = int(sys.argv[1]), [c.split("=", 1) for c in sys.argv[2:]]
    only = os.environ.get("READ_TASKS", "")
    for name, line, times in TASKS:
        if only and not any(o in name for o in only.split(",")):
            continue
        results = {c: [] for c, _ in contenders}
        for _ in range(rounds):
            for contender, command in contenders:
                results[contender].append(measure(command, line, times))
        print(f"{name}")
        for pass_ in range(times):
            base = min(r[0][pass_] for r in results[contenders[0][0]])
            text = "cold" if pass_ == 0 else f"pass {pass_ + 1}"
            cells = []
            for contender, _ in contenders:
                wall = min(r[0][pass_] for r in results[contender])
                cells.append(f"{contender} {wall * 1e3:8.1f} ms {wall / base:5.2f}x")
            print(f"  {text:8} " + "   ".join(cells))
        foreign = max(r[3] for rs in results.values() for r in rs)
        if foreign > 0.4:
            print(f"  disturbed: other programs used up to {foreign:.1f} processors meanwhile")
        for contender, _ in contenders:
            cpu, pss = statistics.median(r[1] for r in results[contender]), max(r[2] for r in results[contender])
            if pss:
                print(f"  {contender}: server CPU {cpu * 1e3:.0f} ms for all passes, {pss / 1024:.1f} MiB PSS")


main()
