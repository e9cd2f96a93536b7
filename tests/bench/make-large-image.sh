#!/bin/bash
# An OCI layout like a large scientific image: 6 gzip layers, about 33,000 files, 1.5 GB, 600 MB compressed.  Content: files of this
# machine's /usr and, where it has too few, made-up ones; upper layers replace and remove some of what is below.  Tag "latest".
#   make-large-image.sh DIRECTORY
set -euo pipefail
layout=$1
[ ! -e "$layout/.complete" ] || exit 0
rm -rf "$layout"
mkdir -p "$layout/blobs/sha256"
python3 - "$layout" <<'PYTHON'
import hashlib, io, json, os, random, subprocess, sys, tarfile

layout = sys.argv[1]
FILES, LAYERS, TOTAL = 33000, 6, 1500 << 20
MTIME = 1700000000
rng = random.Random(20240229)
words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 11))) for _ in range(6000)]
text = b" ".join(rng.choices(words, weights=[1 / (i + 10) for i in range(len(words))], k=3000000))
noise = rng.randbytes(24 << 20)

def usr_files():
    """FILES files of /usr with TOTAL bytes, as far as this machine has them: a sample, then large ones until the size is right."""
    found = []
    for top, dirs, names in os.walk("/usr"):
        dirs.sort()
        if top in ("/usr/src", "/usr/local"):
            dirs[:] = []
            continue
        for name in sorted(names):
            path = os.path.join(top, name)
            if os.path.isfile(path) and not os.path.islink(path) and 0 < os.path.getsize(path) < 40 << 20:
                found.append(path)
    rng.shuffle(found)
    chosen, rest = found[:FILES * 9 // 10], found[FILES * 9 // 10:]
    size = sum(map(os.path.getsize, chosen))
    for path in rest:
        if size < TOTAL and os.path.getsize(path) > 100 << 10:
            chosen.append(path)
            size += os.path.getsize(path)
    # Layers come in the order of their directories.
    share = FILES // LAYERS
    return iter([path for at in range(0, len(chosen), share) for path in sorted(chosen[at:at + share])])

def piece(source, size):
    at = rng.randrange(0, len(source) - size) if size < len(source) else 0
    return source[at:at + size]

def made_up(size):
    """Text and noise in runs of a few KiB, as object files and data tables are."""
    out = []
    while size > 0:
        run = min(size, rng.randint(1 << 10, 32 << 10))
        out.append(piece(text if rng.random() < 0.88 else noise, run))
        size -= run
    return b"".join(out)

class Layer:
    def __init__(self, number):
        self.path = f"{layout}/layer{number}"
        self.out = open(self.path, "wb")
        self.gzip = subprocess.Popen(["gzip", "-6n"], stdin=subprocess.PIPE, stdout=self.out)
        self.diff = hashlib.sha256()
        self.tar = tarfile.open(fileobj=self, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20)
        self.dirs = set()
        self.bytes = 0

    def write(self, data):
        self.diff.update(data)
        self.gzip.stdin.write(data)
        return len(data)

    def add(self, name, data=None, kind=tarfile.REGTYPE, mode=0o644, link=""):
        parent = os.path.dirname(name)
        if parent and parent not in self.dirs:
            self.dirs.add(parent)
            self.add(parent, kind=tarfile.DIRTYPE, mode=0o755)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.mtime, info.linkname = kind, mode, MTIME, link
        info.size = len(data) if data is not None else 0
        self.tar.addfile(info, io.BytesIO(data) if data is not None else None)
        self.bytes += info.size

    def finish(self):
        self.tar.close()
        self.gzip.stdin.close()
        assert self.gzip.wait() == 0
        self.out.close()
        digest = hashlib.sha256()
        with open(self.path, "rb") as f:
            while data := f.read(1 << 20):
                digest.update(data)
        name = digest.hexdigest()
        size = os.path.getsize(self.path)
        os.rename(self.path, f"{layout}/blobs/sha256/{name}")
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "sha256:" + name, "size": size}

descriptors, diff_ids, made, n_files, n_bytes = [], [], [], 0, 0
usr = usr_files()
for number in range(LAYERS):
    layer = Layer(number)
    for i in range(FILES // LAYERS):
        source = next(usr, None)
        left = TOTAL - n_bytes - layer.bytes
        average = max(left // max(FILES - n_files - i, 1), 1)
        if source:
            name = "opt/usr" + source[4:]
            with open(source, "rb") as f:
                layer.add(name, f.read(), mode=os.stat(source).st_mode & 0o7777)
            made.append(name)
            continue
        # Many small files, few large ones.
        size = int(rng.expovariate(1) ** 2 * average / 2)
        name = f"opt/data{number}/{i // 200:03d}/file{i:05d}"
        layer.add(name, made_up(size))
        made.append(name)
    if number:
        for name in rng.sample(made, 200):
            layer.add(os.path.join(os.path.dirname(name), ".wh." + os.path.basename(name)), b"")
        for name in rng.sample(made, 100):
            layer.add(name, made_up(20000))
    else:
        for path in ("bin", "etc", "tmp"):
            layer.add(path, kind=tarfile.DIRTYPE, mode=0o755)
        with open("/bin/busybox", "rb") as f:
            layer.add("bin/sh", f.read(), mode=0o755)
    n_files += FILES // LAYERS
    n_bytes += layer.bytes
    descriptors.append(layer.finish())
    diff_ids.append("sha256:" + layer.diff.hexdigest())

def blob(value):
    data = json.dumps(value).encode()
    name = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{name}", "wb") as f:
        f.write(data)
    return {"digest": "sha256:" + name, "size": len(data)}

machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
config = blob({"architecture": machine, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
               "rootfs": {"type": "layers", "diff_ids": diff_ids}})
config["mediaType"] = "application/vnd.oci.image.config.v1+json"
manifest = blob({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                 "layers": descriptors})
manifest |= {"mediaType": "application/vnd.oci.image.manifest.v1+json",
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}
with open(f"{layout}/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
with open(f"{layout}/oci-layout", "w") as f:
    json.dump({"imageLayoutVersion": "1.0.0"}, f)
print(f"{n_files} files, {n_bytes >> 20} MiB, {sum(d['size'] for d in descriptors) >> 20} MiB compressed", file=sys.stderr)
PYTHON
touch "$layout/.complete"
