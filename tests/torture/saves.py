"""Saves that are cut short: by kill -9, by the loss of power, by a disk that is full or broken."""

import contextlib
import errno
import io
import itertools
import os
import signal
import tempfile
import time
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np

from fnet.checkpoint import load, previous, save
from fnet.errors import CheckpointError
from fnet.files import writing as files
from tests.forked import FORKED
from tests.torture.hazard import Hazard, Outcome
from tests.torture.saver import number_of, numbered, save_for_ever

SITUATIONS = ("first save", "small", "large", "epoch under way", "read meanwhile")


def killed(cases: int, seed: int) -> Outcome:
    """kill -9 at a random moment of a process that saves, in five situations."""
    failures, cut = [], 0
    for case in range(cases):
        rng, situation = np.random.default_rng([seed, case]), SITUATIONS[case % len(SITUATIONS)]
        with tempfile.TemporaryDirectory() as folder:
            path, first = Path(folder) / "checkpoint.npz", 1
            if situation != "first save":
                save(path, numbered(0))
            try:
                acknowledged = _kill_saver(path, first, situation, rng)
                cut += any(Path(folder).glob(".*.tmp"))
                if acknowledged or situation != "first save" or path.exists():
                    found = number_of(path)
                    assert found >= acknowledged, f"{found} is there, {acknowledged} was saved"
                if previous(path).exists():
                    number_of(previous(path))
            except Exception as error:
                failures.append(f"seed {seed}, case {case}, {situation}: {error}")
    return Outcome(cases, failures, f"{cut} kills hit a file half written")


def _kill_saver(path, first, situation, rng) -> int:
    """The number of the last checkpoint that the process said it had saved."""
    ours, theirs = FORKED.Pipe()
    process = FORKED.Process(target=save_for_ever, args=(path, first, situation, theirs))
    process.start()
    theirs.close()
    last, wanted = 0, int(rng.integers(0 if situation == "first save" else 1, 4))
    began = time.monotonic()
    while last < wanted:
        last = ours.recv()
        if situation == "read meanwhile":
            number_of(path)
    each = (time.monotonic() - began) / max(wanted, 1)
    time.sleep(float(rng.uniform(0, max(each, 0.005))))
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with contextlib.suppress(EOFError):
        while ours.poll():
            last = ours.recv()
    return last


class Recorded(io.BufferedIOBase):
    """A file being written: each write is noted, and may be made to fail after half of it."""

    def __init__(self, path: Path, disk: "Disk") -> None:
        self.path, self.disk, self.file = path, disk, io.FileIO(path, "w")
        disk.names[self.file.fileno()] = path.name

    def write(self, content) -> int:
        content = bytes(content)
        failing = self.disk.fails()
        self.file.write(content[: len(content) // 2] if failing else content)
        self.disk.done("write", self.path.name, content, failing=failing)
        return len(content)

    def fileno(self) -> int:
        return self.file.fileno()

    def close(self) -> None:
        self.file.close()


class Disk:
    """What is done to a folder, in order; call number `failing` fails with this error."""

    def __init__(self, failing: int = -1, code: int = errno.ENOSPC) -> None:
        self.calls: list[tuple] = []
        self.names: dict[int, str] = {}
        self.failing, self.code = failing, code

    def fails(self) -> bool:
        return len(self.calls) == self.failing

    def done(self, *call, failing: bool = False) -> None:
        self.calls.append(call)
        if failing:
            raise OSError(self.code, os.strerror(self.code))

    @contextlib.contextmanager
    def watched(self):
        """fnet.files.writing, every call of which to the system is noted."""
        real_replace, real_unlink = Path.replace, Path.unlink
        real_link, real_sync, real_open = os.link, os.fsync, os.open

        def opened(path, mode="r", *rest, **more):
            if mode != "wb":
                return io.open(path, mode, *rest, **more)  # noqa: UP020  Path.open is ours here
            self.done("open", path.name, failing=self.fails())
            return Recorded(path, self)

        def call(name, real, words):
            def act(*args):
                failing = self.fails()
                result = None if failing else real(*args)
                self.done(name, *words(*args), failing=failing)
                return result

            return act

        def of_directory(path, flags):
            descriptor = real_open(path, flags)
            self.names[descriptor] = "."
            return descriptor

        with (
            mock.patch.object(Path, "open", opened),
            mock.patch.object(
                Path, "replace", call("rename", real_replace, lambda a, b: (a.name, Path(b).name))
            ),
            mock.patch.object(Path, "unlink", lambda path: real_unlink(path)),
            mock.patch.object(
                files.os, "link", call("link", real_link, lambda a, b: (a.name, b.name))
            ),
            mock.patch.object(
                files.os, "fsync", call("sync", real_sync, lambda fd: (self.names[fd],))
            ),
            mock.patch.object(files.os, "open", of_directory),
        ):
            yield


def power_lost(cases: int, seed: int) -> Outcome:
    """Power lost after each call of a save; what was not synced is lost, in part, or kept."""
    with tempfile.TemporaryDirectory() as folder:
        path = _two_saved(folder)
        before = {p.name: p.read_bytes() for p in Path(folder).iterdir()}
        disk = Disk()
        with disk.watched():
            save(path, numbered(3))
    failures, states = [], 0
    for end in _some(disk.calls, cases):
        whole = end == len(disk.calls)
        for state in _after_loss(before, disk.calls[:end]):
            states += 1
            with tempfile.TemporaryDirectory() as folder:
                for name, content in state.items():
                    (Path(folder) / name).write_bytes(content)
                path = Path(folder) / "checkpoint.npz"
                try:
                    assert number_of(path) in ({3} if whole else {2, 3})
                    assert number_of(previous(path)) in ({2} if whole else {1, 2})
                except Exception as error:
                    failures.append(f"after {end} of {len(disk.calls)} calls: {error}")
    return Outcome(states, failures, f"{len(disk.calls)} calls of a save, each a moment of loss")


def _some(calls: list[tuple], number: int) -> list[int]:
    """So many moments of a save: all that are no writes, the end, and writes between them."""
    telling = {k + after for k, call in enumerate(calls) if call[0] != "write" for after in (0, 1)}
    spread = np.linspace(0, len(calls), min(number, len(calls) + 1)).astype(int).tolist()
    return sorted({*telling, *spread})


def _after_loss(before: dict[str, bytes], calls: list[tuple]):
    """Every folder that may be found: any of the renames not synced, and unsynced content."""
    content: dict[str, bytes] = {}  # by the name it was written under
    synced: dict[str, bytes] = {}
    durable: list[tuple] = []
    pending: list[tuple] = []
    for kind, *words in calls:
        if kind == "open":
            content[words[0]] = b""
            pending.append((kind, *words))
        elif kind == "write":
            content[words[0]] += words[1]
        elif kind == "sync" and words[0] == ".":
            durable, pending = durable + pending, []
        elif kind == "sync":
            synced[words[0]] = content[words[0]]
        else:
            pending.append((kind, *words))
    for kept in itertools.product((False, True), repeat=len(pending)):
        chosen = durable + [call for call, one in zip(pending, kept, strict=True) if one]
        for share in (0.0, 0.5, 1.0):
            written = {
                name: synced.get(name, data[: int(share * len(data))])
                for name, data in content.items()
            }
            yield _played(before, chosen, written)


def _played(before, calls, written):
    folder = dict(before)
    for kind, name, *to in calls:
        if kind == "open":
            folder[name] = written[name]
        elif name in folder and kind == "rename":
            folder[to[0]] = folder.pop(name)
        elif name in folder and kind == "link":
            folder[to[0]] = folder[name]
        elif kind == "rename" and name in written:  # made and renamed, of which only this is kept
            folder[to[0]] = written[name]
    return folder


def broken_disk(cases: int, seed: int) -> Outcome:
    """A full, broken or read-only disk, at every call of a save."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk()
        _two_saved(folder)
        with disk.watched():
            save(Path(folder) / "checkpoint.npz", numbered(3))
    failures, tried = [], 0
    for failing in _some(disk.calls, cases // 3)[:-1]:
        for code in (errno.ENOSPC, errno.EIO, errno.EROFS):
            kind = disk.calls[failing][0]
            tried += 1
            try:
                _save_on(Disk(failing, code), kind)
            except Exception as error:
                failures.append(f"{os.strerror(code)} at call {failing}, {kind}: {error}")
    return Outcome(tried, failures, "each a CheckpointError, the old checkpoint whole")


def _two_saved(folder: str) -> Path:
    path = Path(folder) / "checkpoint.npz"
    for number in (1, 2):
        save(path, numbered(number))
    return path


def _save_on(disk: Disk, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, raised = _two_saved(folder), None
        with disk.watched():
            try:
                save(path, numbered(3))
            except CheckpointError as error:
                raised = str(error)
        if kind != "link":  # without links the old file is copied
            assert raised, "nothing is raised"
            assert str(path) in raised, raised
            assert os.strerror(disk.code) in raised, raised
        assert number_of(path) in (2, 3)
        assert number_of(previous(path)) in (1, 2)
        assert not list(Path(folder).glob(".*")), "a temporary file is left"


def rotten(cases: int, seed: int) -> Outcome:
    """A bit of a saved checkpoint flips; in the content of an array, the error names it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.npz"
        save(path, numbered(7, seen=5))
        whole = path.read_bytes()
        spans = _spans(whole)
        failures, named = [], 0
        for case in range(cases):
            place, bit = divmod(
                int(np.random.default_rng([seed, case]).integers(8 * len(whole))), 8
            )
            spoilt = bytearray(whole)
            spoilt[place] ^= 1 << bit
            path.write_bytes(spoilt)
            inside = [name for name, (start, end) in spans.items() if start <= place < end]
            try:
                load(path)
                failures.append(f"byte {place}, bit {bit}: not noticed")
            except CheckpointError as error:
                named += bool(inside)
                if inside and f"the array {inside[0]} " not in str(error):
                    failures.append(f"byte {place}, bit {bit}, in {inside[0]}: {error}")
            except Exception as error:
                failures.append(f"byte {place}, bit {bit}: {error!r}")
    return Outcome(cases, failures, f"all noticed; {named} lay in an array, which was named")


def _spans(content: bytes) -> dict[str, tuple[int, int]]:
    """Where in the file the content of each array lies."""
    spans = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            start = info.header_offset
            names = int.from_bytes(content[start + 26 : start + 28], "little")
            extra = int.from_bytes(content[start + 28 : start + 30], "little")
            first = start + 30 + names + extra
            spans[info.filename.removesuffix(".npy")] = first, first + info.compress_size
    return spans


HAZARDS = (
    Hazard(
        "killed as it saves",
        "kill -9 at a random moment, in five situations: never corrupt, never older than the last "
        "save that was acknowledged",
        killed,
        20,
        500,
    ),
    Hazard(
        "power lost as it saves",
        "after each call, whatever of it was not synced is lost: the old checkpoint or the new one",
        power_lost,
        20,
        1000,
    ),
    Hazard(
        "full or broken disk",
        "no space, an error, read-only, at each call: a typed error, and the old checkpoint whole",
        broken_disk,
        60,
        700,
    ),
    Hazard(
        "bit rot",
        "each bit that flips in a checkpoint is noticed, and the array named that it lies in",
        rotten,
        1000,
        10_000,
    ),
)
