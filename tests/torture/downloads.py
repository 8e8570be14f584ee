"""Downloads over a network that fails in every way, and by processes that are killed."""

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np

from fnet.data import sets
from fnet.errors import DataError
from fnet.files import download as module
from fnet.files.download import download
from tests.forked import FORKED
from tests.https_server import LASTING, PASSING, Fault, serving
from tests.torture.hazard import Hazard, Outcome

KINDS = (*PASSING, *PASSING, *LASTING)
LEFT = ("nothing", "a part", "a part", "other bytes", "a part with a hole", "too much")


def faulty(cases: int, seed: int) -> Outcome:
    """One to eight faults in a row, over what an earlier process may have left."""
    failures, met, refused = [], 0, 0
    with tempfile.TemporaryDirectory() as home, serving(b"", Path(home)) as server:
        for case in range(cases):
            rng = np.random.default_rng([seed, case])
            content = rng.bytes(int(rng.integers(1, 200_000)))
            faults = [
                Fault(KINDS[int(rng.integers(len(KINDS)))], int(rng.integers(len(content))))
                for _ in range(rng.integers(1, 9))
            ]
            server.content, server.faults = content, list(faults)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    left = LEFT[int(rng.integers(len(LEFT)))]
                    _leave(Path(folder) / "file.part", left, content, rng)
                    refused += _through(server, Path(folder))
                    met += len(faults) - len(server.faults)
            except Exception as error:
                failures.append(f"seed {seed}, case {case}, {left} left, {faults}: {error!r}")
    return Outcome(cases, failures, f"{met} faults met; {refused} calls ended in a DataError")


def _leave(part: Path, left: str, content: bytes, rng: np.random.Generator) -> None:
    length = int(rng.integers(len(content) + 1))
    if left == "a part":
        part.write_bytes(content[:length])
    if left == "other bytes":
        part.write_bytes(rng.bytes(length))
    if left == "a part with a hole":  # as a disk may have it once the power has gone
        part.write_bytes(content[: length // 2] + bytes(length - length // 2))
    if left == "too much":
        part.write_bytes(content + bytes(length))


def _through(server, folder: Path) -> int:
    """Call until the server has done its worst, and once more; how many calls raised DataError."""
    path, refused = folder / "file", 0
    sha256 = hashlib.sha256(server.content).hexdigest()
    words = (f"{server.url}/file", path, sha256, len(server.content))
    with mock.patch.object(module, "PAUSES", (0.0, 0.0)):
        while server.faults and not path.exists():
            with mock.patch.object(module, "TIMEOUT", 0.3):
                refused += _refuses(words, path, server.content)
            if server.faults and server.faults[0].kind == "in circles":
                server.faults.pop(0)
        server.faults = []
        download(*words)
    assert path.read_bytes() == server.content, "another file was accepted"
    assert list(folder.iterdir()) == [path], "something was left"
    return refused


def _refuses(words: tuple, path: Path, content: bytes) -> bool:
    try:
        download(*words)
    except DataError:
        assert not path.exists(), "it is there, and was refused"
        part = path.with_name("file.part")
        assert not part.exists() or part.stat().st_size <= len(content), "too much was written"
        return True
    assert path.read_bytes() == content, "another file was accepted"
    return False


FILES = {f"{k}.bin": np.random.default_rng(k).bytes(300_000) for k in range(2)}


def _archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in FILES.items():
            info = tarfile.TarInfo(f"batches/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)  # the same bytes in every process


PACKED = _archive()
PINNED = sets.Archive(
    "set.tar.gz",
    hashlib.sha256(PACKED).hexdigest(),
    len(PACKED),
    "batches",
    {name: len(content) for name, content in FILES.items()},
)


def get_set(folder: Path, environment: dict[str, str], begun) -> None:
    """In a process of its own: the set, by way of the network."""
    os.environ.update(environment)  # the fork server may be older than the variables
    sets.CIFAR10 = (PINNED,)
    begun.send(True)
    sets.download_cifar10(folder)


def killed(cases: int, seed: int) -> Outcome:
    """kill -9 of one to three processes, one after the other, as they get a set and unpack it."""
    failures, kills, cut, unpacking = [], 0, 0, 0
    with (
        tempfile.TemporaryDirectory() as home,
        serving(PACKED, Path(home)) as server,
        mock.patch.object(sets, "CIFAR10", (PINNED,)),
        mock.patch.dict(os.environ, {"FNET_MIRROR": server.url}),
    ):
        for case in range(cases):
            rng, folder = np.random.default_rng([seed, case]), Path(home) / f"set-{case}"
            try:
                for _ in range(rng.integers(1, 4)):
                    server.slow = float(rng.choice([0.0, 0.001, 0.01]))
                    _kill_one(folder, float(rng.uniform(0, 0.1)))
                    kills += 1
                    cut += (folder / ".set.tar.gz.part").exists()
                    unpacking += (folder / ".set.tar.gz").exists()
                    assert not (folder / "batches").exists() or _whole(folder), "a set in part"
                server.slow = 0.0
                assert sets.download_cifar10(folder) == folder
                assert _whole(folder), "the next run ended wrong"
                assert os.listdir(folder) == ["batches"], "something was left"  # noqa: PTH208
            except Exception as error:
                failures.append(f"seed {seed}, case {case}: {error!r}")
    told = f"{kills} kills: {cut} left a part, {unpacking} an archive to unpack"
    return Outcome(cases, failures, told)


def _kill_one(folder: Path, after: float) -> None:
    ours, theirs = FORKED.Pipe()
    process = FORKED.Process(target=get_set, args=(folder, dict(os.environ), theirs))
    process.start()
    theirs.close()
    ours.recv()
    time.sleep(after)
    process.kill()
    process.join()
    process.close()
    ours.close()


def _whole(folder: Path) -> bool:
    found = {path.name: path.read_bytes() for path in (folder / "batches").iterdir()}
    return found == FILES


HAZARDS = (
    Hazard(
        "download under faults",
        "a server that cuts, stalls, corrupts, resets, leads to http, answers 500, ignores ranges, "
        "and more, up to eight in a row: the right file or none, and the next run ends right",
        faulty,
        40,
        600,
    ),
    Hazard(
        "download killed",
        "kill -9 at a random moment of download and unpacking: never a set in part, and the next "
        "run ends right",
        killed,
        5,
        100,
    ),
)
