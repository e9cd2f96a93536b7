#!/usr/bin/env python3
"""Compares two listings of tree-text: what the reference unpacker has put on disk, and ours.  Says what differs; exit status 1.

    compare-trees.py REFERENCE OURS START

Not compared: times of directories which the reference has not set (they are not before START, in seconds), and all but the place of
directories that no entry describes, which are told by their mode 0775 in ours.  The reference gives those the time of the unpacking
and, where one took the place of a file, that file's owner and mode.
"""
import sys


def read(path):
    with open(path) as f:
        return {line.split(" ", 1)[0]: line.rstrip("\n").split(" ") for line in f}


theirs, ours, start = read(sys.argv[1]), read(sys.argv[2]), int(sys.argv[3])
bad = 0
for path in sorted(theirs.keys() | ours.keys()):
    a, b = theirs.get(path), ours.get(path)
    if a and b and a[1] == b[1] == "d":
        if b[2] == "0775":
            continue
        if int(a[5]) >= start:
            a[5] = b[5] = "-"
    if a != b:
        bad = 1
        print("reference:", " ".join(a) if a else f"no {path}")
        print("ours:     ", " ".join(b) if b else f"no {path}")
sys.exit(bad)
