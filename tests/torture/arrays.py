"""Archives of arrays with damage, and archives made to harm."""

import io
import json
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from fnet.data import npz_images
from fnet.errors import DataError
from tests.torture.hazard import ENDLESS, Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

NAME = "damaged npz"
ARRAYS = {
    "images": np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8),
    "labels": np.array([0, 1, 2, 0, 1, 2]),
    "classes": np.array(["cat", "é, ü", "airplane"]),
}


def _files() -> list[bytes]:
    packed = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **ARRAYS)
        packed.append(file.getvalue())
    return packed


FILES = _files()


def damaged(cases: int, seed: int) -> Outcome:
    """Mutants of two files that NumPy wrote, stored and deflated."""
    failures, read, slowest = [], 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        made = ((f"seed {seed}, case {case}", _mutant(case, seed)) for case in range(cases))
        for where, content in (*kept(NAME), *made):
            path.write_bytes(content)
            begun = time.process_time()
            try:
                read += _is_read(path)
            except Exception as error:
                failures.append(f"{where} ({keep(NAME, content).name}): {error!r}")
            slowest = max(slowest, time.process_time() - begun)
        if slowest > ENDLESS:
            failures.append(f"a file took {slowest:.2f} s")
    told = f"{read} were read, each with the arrays as they were; the others a DataError"
    return Outcome(cases, failures, told)


def _mutant(case: int, seed: int) -> bytes:
    rng = np.random.default_rng([seed, case])
    return mutant(FILES[case % len(FILES)], rng)


def _is_read(path: Path) -> bool:
    try:
        found = npz_images(path)
    except DataError as error:
        if not str(error).startswith(str(path)):
            raise AssertionError(f"a message without the file: {error}") from error
        return False
    np.testing.assert_array_equal(found.arrays["image"], ARRAYS["images"])
    np.testing.assert_array_equal(found.arrays["label"], ARRAYS["labels"])
    assert found.arrays["image"].dtype == np.uint8
    assert found.classes == tuple(ARRAYS["classes"].tolist()), found.classes
    return True


def npy(shape: str, content: bytes = b"", descr: str = "'|u1'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + content


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as written:
        for name, content in members:
            written.writestr(name, content)
    return file.getvalue()


def overlapping(copies: int) -> bytes:
    """One deflated member of 64 MiB, listed under many names."""
    once = archive(("0000.npy", npy(f"({2**26},)", bytes(2**26))), method=zipfile.ZIP_DEFLATED)
    place = once.index(b"PK\1\2")
    entry = once[place:-22]
    entries = b"".join(entry.replace(b"0000", b"%04d" % k) for k in range(copies))
    end = struct.pack("<4s4xHHIIH", b"PK\5\6", copies, copies, len(entries), place, 0)
    return once[:place] + entries + end


def nested(deep: int) -> bytes:
    """An archive within an archive within an archive: none is unpacked but the first."""
    content = b""
    for _ in range(deep):
        content = archive(("a.npy", content), method=zipfile.ZIP_DEFLATED)
    return content


BOMBS = {
    "good, stored": lambda: archive(("a.npy", npy(f"({2**26},)", bytes(2**26)))),
    "good, deflated": lambda: archive(("a.npy", npy(f"({2**26},)", bytes(2**26))), method=8),
    "a header declares 2^40 bytes": lambda: archive(("a.npy", npy(f"({2**40},)"))),
    "a header declares more": lambda: archive(
        ("a.npy", npy(f"({2**27},)", bytes(2**26))), method=8
    ),
    "a header declares less": lambda: archive(("a.npy", npy("(9,)", bytes(2**26))), method=8),
    "text of no width": lambda: archive(("a.npy", npy(f"({2**30},)", descr="'<U0'"))),
    "objects": lambda: archive(("a.npy", npy(f"({2**23},)", bytes(2**26), "'|O'")), method=8),
    "a header of 64 MiB": lambda: archive(
        ("a.npy", b"\x93NUMPY\2\0" + struct.pack("<I", 2**26) + b" " * 2**26), method=8
    ),
    "400 MiB of zeros": lambda: archive(
        ("a.npy", npy(f"({400 * 2**20},)", bytes(400 * 2**20))), method=8
    ),
    "6 members over each other": lambda: overlapping(6),
    "1000 members over each other": lambda: overlapping(1000),
    "100,000 members": lambda: archive(*((f"{k}.npy", b"") for k in range(10**5))),
    "1,000,000 members": lambda: archive(*((f"{k}.npy", b"") for k in range(10**6))),
    "an archive in an archive": lambda: nested(50),
}

PROBE = """
import json, re, sys
from pathlib import Path
from fnet.files.npz import read_npz
from fnet.errors import DataError
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
with open(sys.argv[1], "rb") as file:
    before = peak()
    try:
        total = sum(array.nbytes for array in read_npz(file).values())
    except DataError:
        total = 0
print(json.dumps([peak() - before, total]))
"""
SPARE = 2**23  # bytes that a process grows by, whatever it reads


def memory(cases: int, seed: int) -> Outcome:
    """How much the memory of a process grows by as it reads files that declare too much."""
    failures, worst = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.npz"
        for name in list(BOMBS)[:cases]:
            path.write_bytes(BOMBS[name]())
            out = subprocess.run(
                [sys.executable, "-c", PROBE, path], capture_output=True, text=True, check=False
            )
            if out.returncode:
                failures.append(f"{name}: {out.stderr[-300:]}")
                continue
            peak, total = json.loads(out.stdout)
            if (total > 0) != name.startswith("good"):
                failures.append(f"{name}: {total} bytes were read")
            if peak > 1.5 * total + SPARE:
                failures.append(f"{name}: memory grew by {peak:,} for {total:,} bytes of arrays")
            worst = max(worst, peak / total if total else 0.0)
    told = f"at most {worst:.2f} × the arrays, and 8 MiB where nothing is read"
    return Outcome(min(cases, len(BOMBS)), failures, told)


HAZARDS = (
    Hazard(
        NAME,
        "a DataError that names the file, or every array as it was",
        damaged,
        1500,
        10_000,
    ),
    Hazard(
        "memory of npz",
        "bombs, overlapping and countless members: memory grows by at most 1.5 × the arrays read, "
        "and 8 MiB",
        memory,
        6,
        len(BOMBS),
    ),
)
