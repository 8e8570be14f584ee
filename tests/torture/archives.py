"""Archives made to write elsewhere, to link, or to fill a disk; and archives with damage."""

import gzip
import os
import struct
import sys
import tarfile
import tempfile
import time
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


def packed(*before: bytes, **how) -> bytes:
    return gzip.compress(tar(*before, **how), mtime=0)


def _without(name: str) -> dict[str, bytes]:
    return {other: content for other, content in FILES.items() if other != name}


def tars() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Archives that try something, each refused or without any effect."""
    one, link, hard = "set/one.bin", tarfile.SYMTYPE, tarfile.LNKTYPE
    rest = _without(one)
    for name in ("../RAN", "/RAN", "set/../../RAN", "set/..", "..", "//RAN", "./../RAN"):
        yield f"the name {name}", lambda name=name: packed(member(name, b"x"))
    yield "an absolute name", lambda: packed(member(f"{Path.cwd()}/RAN", b"x"))
    for kind in (b"1", b"2", b"3", b"4", b"6", b"S", b"M", b"D", b"V", b"Z"):
        yield f"a member of kind {kind!r}", lambda kind=kind: packed(member("set/x", kind=kind))
        yield (
            f"a file of kind {kind!r}",
            lambda kind=kind: packed(member(one, kind=kind), files=rest),
        )
    yield "a directory for a file", lambda: packed(member(one, kind=b"5"), files=rest)
    yield "a directory for a file, by its name", lambda: packed(member(one + "/"), files=rest)
    yield "a link for the folder", lambda: packed(member("set", kind=link, linkname="/tmp"))
    yield "a link to the folder above", lambda: packed(member("set", kind=link, linkname=".."))
    yield "a link before its file", lambda: packed(member(one, kind=link, linkname="../../RAN"))
    yield (
        "a hard link before its file",
        lambda: packed(member(one, kind=hard, linkname="/etc/passwd")),
    )
    yield "a link behind its file", lambda: packed(after=member(one, kind=link, linkname="/tmp"))
    yield "a file twice", lambda: packed(member(one, b"x"))
    yield "a file with another size, twice", lambda: packed(after=member(one, bytes(5000)))
    yield "no file", lambda: packed(files={})
    yield "a file less", lambda: packed(files=rest)
    yield "other capitals", lambda: packed(member("SET/ONE.BIN", FILES[one]), files=rest)
    yield "a point before the name", lambda: packed(member("./" + one, FILES[one]), files=rest)
    yield "too many bytes", lambda: packed(member(one, bytes(3001)), files=rest)
    yield "a size of 8 GiB", lambda: packed(member(one, size=2**33 - 1), files=rest)
    yield "a size in base 256", lambda: packed(member(one, size=2**33), files=rest)
    yield (
        "a size below zero",
        lambda: packed(changed(member(one), 124, b"-0000000001\0"), files=rest),
    )
    yield (
        "a size that is none",
        lambda: packed(changed(member(one), 124, b"12 34567890\0"), files=rest),
    )
    yield "a header that names", lambda: packed(member("././@LongLink", b"../../RAN\0", b"L"))
    yield "a header of pax", lambda: packed(member("x", b"19 path=../../../RAN\n", b"x"))
    yield "a wrong sum", lambda: packed(member(one)[:-1] + b"\1", files=rest)
    yield "something behind its end", lambda: packed(end=bytes(1024) + b"x")
    yield "an archive behind its end", lambda: gzip.compress(tar() + tar(member("../RAN", b"x")))
    yield "no end", lambda: packed(end=b"")
    yield "half an end", lambda: packed(end=bytes(511))
    yield "half of it", lambda: gzip.compress(tar()[: len(tar()) // 2])
    yield "20,000 members", lambda: packed(*(member(f"set/{k}") for k in range(20_000)))
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
    yield "zeros", lambda: gzip.compress(bytes(10240))
    yield "text", lambda: b"hello" * 300


def _good() -> dict[str, bytes]:
    """Archives that must be unpacked."""
    extra = member("set", kind=b"5", mode=0o755) + member("set/readme.html", b"<html>")
    odd = member("set\\..\\..\\RAN", b"x") + member("C:\\RAN", b"x") + member("a\nb", b"x")
    return {
        "tar.gz": packed(),
        "of more": packed(extra),
        "of odd names": packed(odd),
        "of rights": packed(member("set/x", b"x", mode=0o7777, uid=0)),
        "in two parts": gzip.compress(tar()[:2048]) + gzip.compress(tar()[2048:]),
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
    failures, good, harmless = [], _good(), 0
    with tempfile.TemporaryDirectory() as folder:
        sandbox = _Sandbox(Path(folder).resolve())
        for name, content in good.items():
            done, wrong = sandbox.try_one(content)
            if wrong or not done:
                failures.append(f"{name}: {wrong or 'it was refused'}")
        harmful = [*tars()]
        made = [one for one in harmful if cases >= len(harmful) or "far too many" not in one[0]]
        for name, make in made:
            done, wrong = sandbox.try_one(make())
            harmless += done
            if wrong:
                failures.append(f"{name}: {wrong}")
    told = (
        f"{len(good)} good; {len(made)} made to harm, of which {harmless} were without effect; 0 "
        "writes elsewhere, 0 links or devices"
    )
    return Outcome(len(made) + len(good), failures, told)


def damaged(cases: int, seed: int) -> Outcome:
    """Mutants of a .tar.gz."""
    failures, read, slowest, good = [], 0, 0.0, packed()
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


def _mutant(good: bytes, case: int, seed: int) -> bytes:
    return mutant(good, np.random.default_rng([seed, case]))


HAZARDS = (
    Hazard(
        "hostile archive",
        "tar files made to write elsewhere, to link, or to fill a disk: a DataError and nothing "
        "left, or every file as it was; nothing is written outside of the folder",
        crafted,
        40,
        len([*tars()]),
    ),
    Hazard(
        NAME,
        "mutants of a .tar.gz: a DataError and nothing left, or every file as it was",
        damaged,
        1500,
        10_000,
    ),
)
