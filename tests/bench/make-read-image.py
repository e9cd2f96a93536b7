#!/usr/bin/env python3
"""Makes the tree that reading is measured on: make-read-image.py TARGET_DIRECTORY [MEGABYTES]

40,000 entries: 30,000 small files (1 to 12 KB, as sources and scripts have), links and directories, below small/;
two files big/1 and big/2 of MEGABYTES/2 each.  Content comes from this machine's /usr, so that it compresses as programs do.
"""
import os
import random
import sys

target, megabytes = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
FILES, LINKS, DIRECTORIES = 30000, 8000, 2000
random.seed(4711)


def content():
    """Endless bytes of programs, libraries and text."""
    while True:
        for root in ("/usr/lib", "/usr/share", "/usr/bin", "/usr/include"):
            for where, directories, names in os.walk(root):
                directories.sort()
                for name in sorted(names):
                    path = os.path.join(where, name)
                    if name.endswith((".gz", ".xz", ".zst", ".sif", ".sqfs")) or not os.path.isfile(path) or os.path.islink(path):
                        continue
                    try:
                        with open(path, "rb") as f:
                            yield f.read(16 << 20)
                    except OSError:
                        pass


def write_big(path, size, source):
    with open(path, "wb") as f:
        while size > 0:
            part = next(source)[:size]
            f.write(part)
            size -= len(part)


def sample():
    """Text and byte code to cut small files from."""
    parts, size = [], 0
    for part in content():
        if 2000 < len(part) < 400000:
            parts.append(part)
            size += len(part)
        if size > 64 << 20:
            return b"".join(parts)


source = content()
os.makedirs(f"{target}/big")
for i in 1, 2:
    write_big(f"{target}/big/{i}", megabytes * (1 << 20) // 2, source)
bytes_ = sample()
directories = [f"{target}/small"]
os.makedirs(directories[0])
for i in range(DIRECTORIES - 1):
    path = f"{random.choice(directories)}/package{i}"
    if path.count("/") - target.count("/") > 8:
        path = f"{target}/small/package{i}"
    os.mkdir(path)
    directories.append(path)
for i in range(FILES):
    size = min(12000, max(200, int(random.lognormvariate(8, 0.8))))
    at = random.randrange(len(bytes_) - size)
    with open(f"{directories[i * len(directories) // FILES]}/module_{i}.py", "wb") as f:
        f.write(bytes_[at:at + size])
for i in range(LINKS):
    os.symlink(f"module_{i}.py", f"{random.choice(directories)}/link_{i}")
