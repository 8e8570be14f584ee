"""Archives made to write elsewhere, to link, or to fill a disk; and archives with damage."""

import gzip
import io
import os
import stat
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fnet.errors import DataError
from fnet.files.unpack import unpack
from tests.torture.hazard import ENDLESS, Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

NAME = "damaged archive"
FILES = {
    "set/one.bin": np.random.default_rng(0).bytes(3000),
    "set/two.txt": b"airplane\ncat\n" * 20,
    "set/none": b"",
}
MEMBERS = {"set/one.bin": 3000, "set/two.txt": 1000, "set/none": 10}
BIG = 400 * 2**20


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, **others) -> bytes:
    """A member of a tar: its header, and its content in whole blocks."""
    info = tarfile.TarInfo(name)
    info.size, info.type = others.pop("size", len(content)), kind
    for field, value in others.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def changed(header: bytes, place: int, field: bytes) -> bytes:
    """The header with a field changed, and the sum that fits it."""
    header = header[:place] + field + header[place + len(field) :]
    total = sum(header[:148]) + 8 * ord(" ") + sum(header[156:512])
    return header[:148] + b"%06o\0 " % total + header[156:]


def tar(*before: bytes, files=FILES, after: bytes = b"", end: bytes = bytes(1024)) -> bytes:
    return b"".join((*before, *(member(*file) for file in files.items()), after, end))


def entry(name: str, mode: int = 0o100644, kind: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type = mode << 16, kind
    return info


def packed(*others: tuple[zipfile.ZipInfo, bytes], files=FILES) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in (*((entry(name), c) for name, c in files.items()), *others):
            archive.writestr(info, content)
    return file.getvalue()


def replaced(content: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    assert old in content
    return content.replace(old, new, count)


def _without(name: str) -> dict[str, bytes]:
    return {other: content for other, content in FILES.items() if other != name}


def tars() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What is tried by tar files."""
    one, link, hard = "set/one.bin", tarfile.SYMTYPE, tarfile.LNKTYPE
    rest = _without(one)
    for name in ("../RAN", "/RAN", "set/../../RAN", "set/..", "..", "//RAN", "./../RAN"):
        yield f"the name {name}", lambda name=name: tar(member(name, b"x"))
    yield "an absolute name", lambda: tar(member(f"{Path.cwd()}/RAN", b"x"))
    for kind in (b"1", b"2", b"3", b"4", b"6", b"S", b"M", b"D", b"V", b"Z"):
        yield f"a member of kind {kind!r}", lambda kind=kind: tar(member("set/x", kind=kind))
        yield f"a file of kind {kind!r}", lambda kind=kind: tar(member(one, kind=kind), files=rest)
    yield "a directory for a file", lambda: tar(member(one, kind=b"5"), files=rest)
    yield "a directory for a file, by its name", lambda: tar(member(one + "/"), files=rest)
    yield "a link for the folder", lambda: tar(member("set", kind=link, linkname="/tmp"))
    yield "a link to the folder above", lambda: tar(member("set", kind=link, linkname=".."))
    yield "a link before its file", lambda: tar(member(one, kind=link, linkname="../../RAN"))
    yield "a hard link before its file", lambda: tar(member(one, kind=hard, linkname="/etc/passwd"))
    yield "a link behind its file", lambda: tar(after=member(one, kind=link, linkname="/tmp"))
    yield "a file twice", lambda: tar(member(one, b"x"))
    yield "a file with another size, twice", lambda: tar(after=member(one, bytes(5000)))
    yield "no file", lambda: tar(files={})
    yield "a file less", lambda: tar(files=rest)
    yield "other capitals", lambda: tar(member("SET/ONE.BIN", FILES[one]), files=rest)
    yield "a point before the name", lambda: tar(member("./" + one, FILES[one]), files=rest)
    yield "too many bytes", lambda: tar(member(one, bytes(3001)), files=rest)
    yield "a size of 8 GiB", lambda: tar(member(one, size=2**33 - 1), files=rest)
    yield "a size in base 256", lambda: tar(member(one, size=2**40), files=rest)
    yield "a size below zero", lambda: tar(changed(member(one), 124, b"-0000000001\0"), files=rest)
    yield (
        "a size that is none",
        lambda: tar(changed(member(one), 124, b"12 34567890\0"), files=rest),
    )
    yield "a wrong sum", lambda: tar(member(one)[:-1] + b"\1", files=rest)
    yield "something behind its end", lambda: tar(end=bytes(1024) + b"x")
    yield "an archive behind its end", lambda: tar() + tar(member("../RAN", b"x"))
    yield "no end", lambda: tar(end=b"")
    yield "half an end", lambda: tar(end=bytes(511))
    yield "half of it", lambda: tar()[: len(tar()) // 2]
    yield "20,000 members", lambda: tar(*(member(f"set/{k}") for k in range(20_000)))
    yield "bytes that nobody asked for", lambda: gzip.compress(tar(member("set/x", bytes(BIG))))
    yield "a file of far too many", lambda: gzip.compress(tar(member(one, bytes(BIG)), files=rest))
    yield "a header of far too many", lambda: gzip.compress(tar(member("x", bytes(BIG), b"x")))
    yield "a name of far too many", lambda: gzip.compress(tar(member("x", bytes(BIG), b"L")))
    yield "an end of far too many", lambda: gzip.compress(tar(end=bytes(BIG)))
    yield "a wrong CRC-32", lambda: gzip.compress(tar())[:-8] + b"\0\0\0\0" + struct.pack("<I", 9)
    yield "half of a stream", lambda: gzip.compress(tar())[:-500]
    yield "a stream with something behind it", lambda: gzip.compress(tar()) + b"x"
    yield "a stream in a stream", lambda: gzip.compress(gzip.compress(tar()))
    yield "a stream of nothing", lambda: gzip.compress(b"")
    yield "nothing", lambda: b""
    yield "zeros", lambda: bytes(10240)
    yield "text", lambda: b"hello" * 300


def zips() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """What is tried by zip files."""
    one = "set/one.bin"
    rest, content = _without(one), FILES["set/one.bin"]
    for name in ("../RAN", "/RAN", "set/../../RAN", "set/.."):
        yield f"zip: the name {name}", lambda name=name: packed((entry(name), b"x"))
    kinds = (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK)
    for kind in kinds:
        yield f"zip: mode {kind:o}", lambda kind=kind: packed((entry("x", kind | 0o777), b"/tmp"))
        other = (entry(one, kind | 0o777), b"/tmp")
        yield f"zip: a file of mode {kind:o}", lambda other=other: packed(other, files=rest)
    yield (
        "zip: a directory for a file",
        lambda: packed((entry(one + "/", 0o040755), b""), files=rest),
    )
    yield (
        "zip: a file twice",
        lambda: replaced(packed((entry("set/two.bin"), b"x")), b"two.b", b"one.b"),
    )
    yield "zip: a file less", lambda: packed(files=rest)
    yield "zip: too many bytes", lambda: packed((entry(one), bytes(3001)), files=rest)
    yield "zip: far too many", lambda: packed((entry(one), bytes(BIG)), files=rest)
    yield "zip: 20,000 members", lambda: packed(*((entry(f"x{k}"), b"") for k in range(20_000)))
    yield "zip: by bzip2", lambda: packed((entry(one, kind=zipfile.ZIP_BZIP2), content), files=rest)
    yield "zip: by LZMA", lambda: packed((entry(one, kind=zipfile.ZIP_LZMA), content), files=rest)
    yield "zip: something before it", lambda: b"x" + packed()
    yield "zip: something behind it", lambda: packed() + b"x"
    yield "zip: half of it", lambda: packed()[: len(packed()) // 2]
    yield "zip: no list of members", lambda: packed()[: packed().index(b"PK\1\2")]
    yield "zip: another name in the list", lambda: _listed(b"set/two.txt", b"set/2wo.txt")
    yield "zip: an encrypted file", lambda: _flagged(1)
    yield "zip: a patch", lambda: _flagged(0x20)
    yield "zip: members over each other", _overlapping
    yield "zip: nothing in it", lambda: packed(files={})


def _listed(old: bytes, new: bytes) -> bytes:
    start = packed().index(b"PK\1\2")
    return packed()[:start] + replaced(packed()[start:], old, new)


def _flagged(flag: int) -> bytes:
    content = bytearray(packed())
    content[6] |= flag
    content[content.index(b"PK\1\2") + 8] |= flag
    return bytes(content)


def _overlapping() -> bytes:
    """The list has a member twice, by two names."""
    content = packed()
    start = content.index(b"PK\1\2")
    entries, end = content[start:-22], content[-22:]
    first = entries[: entries.index(b"PK\1\2", 4)]
    count, size = len(FILES) + 1, len(entries) + len(first)
    end = end[:8] + struct.pack("<HHIIH", count, count, size, start, 0)
    return content[:start] + entries + first.replace(b"one", b"1ne") + end


def _good() -> dict[str, bytes]:
    """Archives that are unpacked, whatever else is in them."""
    extra = member("set", kind=b"5", mode=0o755) + member("set/readme.html", b"<html>")
    odd = member("set\\..\\..\\RAN", b"x") + member("C:\\RAN", b"x") + member("a\nb", b"x")
    return {
        "tar": tar(),
        "tar.gz": gzip.compress(tar(), mtime=0),
        "tar of more": tar(extra),
        "tar of odd names": tar(odd),
        "tar of rights": tar(member("set/x", b"x", mode=0o7777, uid=0)),
        "tar of a header that names": tar(member("././@LongLink", b"../../RAN\0", b"L")),
        "tar of a header of pax": tar(member("x", b"19 path=../../../RAN\n", b"x")),
        "tar.gz in two parts": gzip.compress(tar()[:2048]) + gzip.compress(tar()[2048:]),
        "zip": packed(),
        "zip of more": packed((entry("set/"), b""), (entry("set/readme.html"), b"<html>")),
        "zip of odd names": packed((entry("set\\..\\..\\RAN"), b"x"), (entry("C:\\RAN"), b"x")),
        "zip, stored": packed((entry("x", kind=zipfile.ZIP_STORED), b"x")),
    }


class _Sandbox:
    """A folder in which an archive is unpacked, and what the interpreter is told to change."""

    def __init__(self, home: Path) -> None:
        self.archive, self.folder = home / "a" / "archive", home / "a" / "b" / "set"
        self.folder.parent.mkdir(parents=True)
        self.home, self.paths, self.on = home, [], False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if event == "open" and (arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            self.paths.append(str(arguments[0]))
        if event in CHANGES:
            self.paths += [str(one) for one in arguments if isinstance(one, str | os.PathLike)]
        if event.startswith(LINKS):
            self.paths.append(f"{event} {arguments}")

    def try_one(self, content: bytes) -> tuple[bool, str]:
        """Whether it was unpacked, and what is wrong with that."""
        self.archive.write_bytes(content)
        self.paths, self.on = [], True
        begun, wrong, done = time.process_time(), "", False
        try:
            unpack(self.archive, self.folder, MEMBERS)
            done = True
        except DataError as error:
            if not str(error).startswith(str(self.archive)):
                wrong = f"a message without the archive: {error}"
        except Exception as error:
            wrong = repr(error)
        self.on = False
        self.took = time.process_time() - begun
        return done, wrong or self._left(done)

    def _left(self, done: bool) -> str:
        own = str(self.folder.parent)
        if outside := [path for path in self.paths if not path.startswith(own)]:
            return f"it went to {outside[0]}"
        found = sorted(path for path in self.home.rglob("*") if path != self.archive)
        expected = {self.folder.parent.parent, self.folder.parent}
        if done:
            expected |= {self.folder, *(self.folder / Path(name).name for name in FILES)}
        if set(found) != expected or any(path.is_symlink() for path in found):
            return f"left {[str(path) for path in set(found) ^ expected]}"
        return self._differs() if done else ""

    def _differs(self) -> str:
        wrong = ""
        for name, content in FILES.items():
            path = self.folder / Path(name).name
            if path.read_bytes() != content or path.stat().st_mode & 0o7111 or not path.is_file():
                wrong = f"{name} is another"
            path.unlink()
        self.folder.rmdir()
        return wrong


CHANGES = ("os.mkdir", "os.rename", "os.chmod", "os.chown", "os.truncate", "os.utime")
LINKS = ("os.link", "os.symlink", "os.mknod", "tarfile.", "shutil.unpack_archive", "subprocess.")


def crafted(cases: int, seed: int) -> Outcome:
    """Each of the archives made to harm, and of those that are good."""
    failures, good = [], _good()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = _Sandbox(Path(folder).resolve())
        for name, content in good.items():
            done, wrong = sandbox.try_one(content)
            if wrong or not done:
                failures.append(f"{name}: {wrong or 'it was refused'}")
        harmful = [*tars(), *zips()]
        made = [one for one in harmful if cases >= len(harmful) or "far too many" not in one[0]]
        for name, make in made:
            done, wrong = sandbox.try_one(make())
            if wrong or done:
                failures.append(f"{name}: {wrong or 'it was unpacked'}")
    told = f"{len(made)} made to harm, {len(good)} good: 0 writes elsewhere, 0 links or devices"
    return Outcome(len(made) + len(good), failures, told)


def damaged(cases: int, seed: int) -> Outcome:
    """Mutants of a .tar.gz and a .zip."""
    failures, read, slowest = [], 0, 0.0
    good = [content for name, content in _good().items() if name in ("tar.gz", "zip")]
    made = ((f"seed {seed}, case {case}", _mutant(good, case, seed)) for case in range(cases))
    with tempfile.TemporaryDirectory() as folder:
        sandbox = _Sandbox(Path(folder).resolve())
        for where, content in (*kept(NAME), *made):
            done, wrong = sandbox.try_one(content)
            read, slowest = read + done, max(slowest, sandbox.took)
            if wrong:
                failures.append(f"{where} ({keep(NAME, content).name}): {wrong}")
    if slowest > ENDLESS:
        failures.append(f"an archive took {slowest:.2f} s")
    told = f"{read} were unpacked, each file as it was; the others a DataError, and nothing left"
    return Outcome(cases, failures, told)


def _mutant(good: list[bytes], case: int, seed: int) -> bytes:
    rng = np.random.default_rng([seed, case])
    return mutant(good[case % len(good)], rng)


HAZARDS = (
    Hazard(
        "hostile archive",
        "tar and zip files made to write elsewhere, to link, or to fill a disk: a DataError, "
        "nothing is left, and nothing was written outside of the folder",
        crafted,
        40,
        len([*tars(), *zips()]),
    ),
    Hazard(
        NAME,
        "mutants of a .tar.gz and a .zip: a DataError and nothing left, or every file as it was",
        damaged,
        1500,
        10_000,
    ),
)
