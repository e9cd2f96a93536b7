#!/usr/bin/env python3
"""Writes an OCI layout (tag "latest") whose layers are a jumble of few names: directories, files, links of both kinds, devices,
whiteouts, opaque markers, in any order.  The same seed gives the same image.  Directories never have mode 0775, so that those
which no entry describes can be told.

    random-layers.py DIRECTORY SEED
"""
import gzip
import hashlib
import io
import json
import os
import random
import sys
import tarfile

layout, seed = sys.argv[1], int(sys.argv[2])
rng = random.Random(seed)
NAMES = ["a", "b", "c", "d", "e"]
files = []
os.makedirs(f"{layout}/blobs/sha256")


def path():
    return "/".join(rng.choices(NAMES, k=rng.choice([1, 1, 2, 2, 3, 4])))


def target():
    kind = rng.random()
    if kind < 0.3:
        return "/" + path()
    if kind < 0.6:
        return rng.choice(NAMES)
    if kind < 0.8:
        return "../" * rng.randint(1, 3) + path()
    if kind < 0.9:
        return rng.choice([".", "..", "/", "./" + path(), path() + "/", path() + "/../" + path()])
    return path()


def entry(number):
    info = tarfile.TarInfo(path())
    info.mtime = rng.randint(1, 1600000000)
    info.uid, info.gid = rng.choice([(0, 0), (1000, 100), (70000, 3000000)])
    info.mode = rng.choice([0o755, 0o700, 0o644, 0o600, 0o4755, 0o1777, 0o2711, 0o444])
    data, kind = b"", rng.random()
    if kind < 0.30:
        info.type = tarfile.DIRTYPE
    elif kind < 0.50:
        files.append(info.name)
        data = f"{seed} {number} {info.name}".encode() * rng.randint(1, 3000)
        if rng.random() < 0.2:
            info.pax_headers = {"SCHILY.xattr.user.test": str(number)}
    elif kind < 0.64:
        info.type, info.linkname = tarfile.SYMTYPE, target()
    elif kind < 0.72 and files:
        info.type, info.linkname = tarfile.LNKTYPE, rng.choice(files[-3:]) if rng.random() < 0.97 else path()
    elif kind < 0.75:
        info.type = rng.choice([tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
        info.devmajor, info.devminor = (1, 3) if info.type != tarfile.FIFOTYPE else (0, 0)
    elif kind < 0.93:
        head, _, base = info.name.rpartition("/")
        info.name = (head + "/" if head else "") + ".wh." + base
    elif kind < 0.99:
        info.name += "/.wh..wh..opq" if rng.random() < 0.95 else ""
    else:
        info.name, info.type = "./", tarfile.DIRTYPE
    info.size = len(data)
    return info, data


def blob(data):
    name = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{name}", "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + name, "size": len(data)}


layers, diff_ids = [], []
for number in range(rng.randint(1, 5)):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=rng.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])) as tar:
        for i in range(rng.randint(1, 9)):
            info, data = entry(100 * number + i)
            tar.addfile(info, io.BytesIO(data))
    packed = rng.random() < 0.7
    layer = blob(gzip.compress(raw.getvalue(), mtime=0) if packed else raw.getvalue())
    layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if packed else "")
    layers.append(layer)
    diff_ids.append("sha256:" + hashlib.sha256(raw.getvalue()).hexdigest())
config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                          "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
config["mediaType"] = "application/vnd.oci.image.config.v1+json"
manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                            "layers": layers}).encode())
manifest |= {"mediaType": "application/vnd.oci.image.manifest.v1+json",
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}
with open(f"{layout}/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(f"{layout}/oci-layout", "w") as f:
    json.dump({"imageLayoutVersion": "1.0.0"}, f)
