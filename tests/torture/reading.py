"""Loaders: the same batches however they are read, and workers that die, hang or are dropped."""

import gc
import hashlib
import itertools
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from fnet import data
from fnet.data.workers import Workers
from fnet.errors import WorkerError
from tests.torture.hazard import Hazard, Outcome

# Numbers of workers, of batches ahead; those of the quick form first.
WAYS = sorted(
    itertools.product((0, 1, 2, 4), (0, 1, 8)), key=lambda way: (way not in ((0, 0), (2, 1)), way)
)


def order(cases: int, seed: int) -> Outcome:
    """SHA-256 of three epochs, for each number of workers and of batches read ahead."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        dataset = data.image_folder(data.synthetic_images(f"{folder}/shapes", per_class=7))
        for count, ahead in WAYS[:cases]:
            digest = hashlib.sha256()
            with Workers(count) as workers:
                for epoch in range(3):
                    for batch in data.batches(
                        dataset, 16, seed=seed, epoch=epoch, workers=workers, prefetch=ahead
                    ):
                        for name, array in batch.items():
                            digest.update(f"{name}{array.dtype}{array.shape}".encode())
                            digest.update(np.ascontiguousarray(array).data)
            found[count, ahead] = digest.hexdigest()
    first = next(iter(found.values()))
    failures = [
        f"workers, prefetch = {way}: {name}" for way, name in found.items() if name != first
    ]
    return Outcome(len(found), failures, f"each {first[:12]}…")


class Slow:
    """Gives what it is asked for after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, item: int) -> tuple[int, np.ndarray]:
        begun = time.monotonic()
        while time.monotonic() - begun < self.seconds:
            pass  # it computes, and so is not taken to hang
        return item, np.full(1000, item)


def asleep(item: int) -> int:
    """A reader that waits for a disk that never answers."""
    time.sleep(1000 if item == 3 else 0)
    return item


def died(cases: int, seed: int) -> Outcome:
    """A worker is killed, stopped, or waits for ever: a WorkerError within seconds."""
    failures, slowest = [], 0.0
    for case in range(cases):
        rng = np.random.default_rng([seed, case])
        how = ("killed", "killed", "killed", "stopped", "asleep")[case % 5]
        with Workers(int(rng.integers(1, 4))) as workers:
            function = asleep if how == "asleep" else Slow(0.01)
            results = workers.map(function, range(10**6), ahead=4)
            try:
                next(results)
                while how != "asleep" and not all(worker.ready for worker in workers._workers):
                    next(results)  # until each has begun to work: one that has not is not missed
                pids = [child.pid for child in multiprocessing.active_children()]
                moment = float(rng.uniform(0, 0.05))
                if how == "killed":
                    threading.Timer(moment, os.kill, (rng.choice(pids), signal.SIGKILL)).start()
                elif how == "stopped":  # all: one that has no task is not missed
                    for pid in pids:
                        threading.Timer(moment, os.kill, (pid, signal.SIGSTOP)).start()
                begun = time.monotonic()
                try:
                    for _ in results:
                        if time.monotonic() - begun > 30:
                            break
                    failures.append(f"seed {seed}, case {case}, {how}: nothing is raised")
                except WorkerError:
                    slowest = max(slowest, time.monotonic() - begun)
            except Exception as error:
                failures.append(f"seed {seed}, case {case}, {how}: {error!r}")
        left = multiprocessing.active_children()
        if left:
            failures.append(f"seed {seed}, case {case}, {how}: {len(left)} processes are left")
    return Outcome(cases, failures, f"told within {slowest:.1f} s")


def dropped(cases: int, seed: int) -> Outcome:
    """Generators with workers are dropped when they have given a batch or some: nothing is left."""
    failures = []
    dataset = data.memory({"x": np.arange(64.0)[:, None], "y": np.zeros(64)})
    shared = _shared()
    for case in range(cases):
        rng = np.random.default_rng([seed, case])
        batches = data.batches(dataset, 4, workers=1, prefetch=int(rng.integers(3)))
        for _ in range(int(rng.integers(3))):
            next(batches)
        del batches
        gc.collect()
        left = multiprocessing.active_children()
        if left:
            failures.append(f"seed {seed}, case {case}: {len(left)} processes are left")
    if _shared() != shared:
        failures.append("shared memory is left")
    return Outcome(cases, failures, "0 processes, 0 shared memory")


def _shared() -> set[str]:
    """Blocks of shared memory, by the names that Python gives them."""
    return {path.name for path in Path("/dev/shm").glob("psm_*")}


def grown(cases: int, seed: int) -> Outcome:
    """So many epochs by two workers, after as many: how the memory of all three has grown.

    Twice the growth of the quarter of the epochs that grew less: memory may be taken once, whenever
    that is, and what grows with the epochs does so in both.
    """
    rng = np.random.default_rng(seed)
    dataset = data.memory(
        {"x": rng.normal(size=(256, 3072)).astype(np.float32), "y": np.zeros(256)}
    )
    sizes = []
    with Workers(2) as workers:
        for epoch in range(2 * cases):
            for batch in data.batches(dataset, 32, epoch=epoch, workers=workers, prefetch=2):
                assert len(batch["x"]) == 32
            sizes.append(_resident())
    before, between, last = sizes[cases], sizes[cases + cases // 2], sizes[-1]
    growth = 2 * (min(between - before, last - between) / before)
    failures = [f"memory grew by {growth:.1%}"] if growth > 0.01 else []
    return Outcome(cases, failures, f"{growth:+.2%}")


def _resident() -> int:
    """Bytes of memory of this process and its children, where Linux tells."""
    total = 0
    for pid in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
        with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123
            total += int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


HAZARDS = (
    Hazard(
        "order under workers",
        "three epochs have one SHA-256 for 0, 1, 2, 4 workers and 0, 1, 8 batches ahead",
        order,
        2,
        12,
    ),
    Hazard(
        "a worker dies or hangs",
        "killed, stopped or waiting for ever: a typed error within seconds, no process left",
        died,
        5,
        100,
    ),
    Hazard(
        "generators dropped",
        "with workers, after a batch or none: 0 processes and 0 shared memory are left",
        dropped,
        3,
        1000,
    ),
    Hazard("memory over epochs", "by two workers, at most 1 % more", grown, 20, 50),
)
