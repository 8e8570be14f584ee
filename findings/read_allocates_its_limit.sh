#!/bin/sh
# Python's file.read(n) allocates n bytes before it reads, however short the file is.
#
# "Read at most n bytes" is how a reader caps what it takes from a file: file.read(MOST + 1). With
# open (binary, unbuffered or text), gzip, bz2 and lzma the cap itself is allocated on each call,
# and a limit on memory (ulimit -v, a container, Windows) turns it into a MemoryError for a file of
# five bytes. A member of a zip archive and io.BytesIO allocate what there is. (On Linux the
# memory is reserved but hardly touched, so that top shows little of it.) Ask os.fstat for the size
# first, or read in pieces. The documentation of io, gzip, bz2 and lzma does not mention it.
#
# Seen with CPython 3.11.7 on Linux, for a file of 5 bytes and n = 2**28:
#
#   open           268,435,456 bytes or more      gzip, bz2, lzma   268,435,456 bytes or more
#   BytesIO, zip   below 1 MiB                    ulimit -v         MemoryError
#
# Needs nothing but the standard library. Exits with 1 if another behaviour is seen.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > look.py <<'EOF'
import bz2, gzip, io, lzma, platform, resource, sys, tracemalloc, zipfile

MOST = 2**28
with open("small", "wb") as file:
    file.write(b"hello")
for name, module in (("small.gz", gzip), ("small.bz2", bz2), ("small.xz", lzma)):
    with module.open(name, "wb") as file:
        file.write(b"hello")
with zipfile.ZipFile("small.zip", "w") as archive:
    archive.write("small")

OPENED = {
    "open": (lambda: open("small", "rb"), True),
    "open, unbuffered": (lambda: open("small", "rb", buffering=0), True),
    "open, text": (lambda: open("small"), True),
    "gzip": (lambda: gzip.open("small.gz"), True),
    "bz2": (lambda: bz2.open("small.bz2"), True),
    "lzma": (lambda: lzma.open("small.xz"), True),
    "BytesIO": (lambda: io.BytesIO(b"hello"), False),
    "zip": (lambda: zipfile.ZipFile("small.zip").open("small"), False),
}
print(f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}")
changed = []
for name, (opened, expected) in OPENED.items():
    tracemalloc.start()
    with opened() as file:
        length = len(file.read(MOST))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{name:18} read({MOST:,}) of {length} bytes allocates {peak:13,}")
    if length != 5 or (peak >= MOST) != expected or (not expected and peak > 2**20):
        changed.append(name)

resource.setrlimit(resource.RLIMIT_AS, (2**27, 2**27))  # below MOST, far above five bytes
with open("small", "rb") as file:
    try:
        file.read(MOST)
        changed.append("no MemoryError")
    except MemoryError:
        print("with a limit on memory below that: MemoryError")
if changed:
    sys.exit(f"another behaviour than written above: {', '.join(changed)}")
EOF
python3 look.py
