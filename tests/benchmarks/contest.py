"""A contest: several programs that compute the same thing, timed side by side.

The rules of fair measurement are here, not in the tasks. Each contestant has its own process, and
gets the same problem, initial weights and order. Its loss curve is compared with ours before
anything is timed, and a contestant whose curve differs is not timed. Rounds alternate their order,
and reported ratios are taken within a round: a slow minute of the machine slows all contestants.
"""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-5  # of loss curves, relative
ROUNDS = 7
MEMORY = {  # of glibc: one arena, and nothing smaller than 32 MB is given back
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
PAUSE = 0.25  # seconds; idle OpenMP threads spin for a while, and would slow the next contestant


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program in a contest.

    `name` heads its row; `peer` is its group, whose best member counts ("PyTorch"). `make` is
    "module:function", called with the task's problem and the `options` as keyword arguments. It
    returns `run() -> curve`, which does the whole job from the beginning and returns its losses as
    an array; a job without losses (a loader) returns its results instead. `environment` is set
    before the process starts. If `computes` is false (a physical limit), there is no curve to
    compare.
    """

    name: str
    peer: str
    make: str
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    computes: bool = True


def keeping_memory(contestants: Sequence[Contestant]) -> list[Contestant]:
    """They, in processes that keep the memory which a run gives back.

    To have it again from the system page by page, as happens to some processes and not to others,
    takes longer than a layer does.
    """
    return [dataclasses.replace(each, environment=MEMORY) for each in contestants]


def pytorch_forms(make: str, many: int | None) -> list[Contestant]:
    """PyTorch eager and compiled, each on one thread and on `many`; None is all that there are."""
    return [
        Contestant(
            f"PyTorch {'compiled' if compiled else 'eager'}, {threads or 'all'} threads",
            "PyTorch",
            make,
            {"threads": threads, "compiled": compiled},
        )
        for compiled in (False, True)
        for threads in (1, many)
    ]


@dataclasses.dataclass(frozen=True)
class Contest:
    """A task: the first contestant is ours; `targets` are ratios of a peer's time to ours.

    A run has `count` of `unit`: 400, "step".
    """

    name: str
    problem: Mapping[str, Any]
    contestants: Sequence[Contestant]
    targets: Mapping[str, float]
    unit: str
    count: int


class Process:
    """A contestant's process, and its answer when it was ready."""

    def __init__(self, contestant: Contestant, problem: Mapping[str, Any]) -> None:
        self.contestant = contestant
        order = {**contestant.options, **problem}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.worker", contestant.make, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **contestant.environment},
        )
        self.ready = self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"missing": "it died; its last words are above"}

    def seconds(self) -> float:
        """The duration of one run."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self._read()["seconds"])

    def close(self) -> None:
        """End the process."""
        with self.process:  # closes its pipes, and waits
            pass


def hold(contest: Contest, rounds: int = ROUNDS) -> dict[str, Any]:
    """Hold a contest; the result has one row per contestant and one entry per target."""
    processes = []
    try:
        for contestant in contest.contestants:
            processes.append(Process(contestant, contest.problem))
            print(f"  {contestant.name}: {_state(processes[-1].ready)}", file=sys.stderr)
        return _race(contest, processes, rounds)
    finally:
        for process in processes:
            process.close()


def _race(contest: Contest, processes: list[Process], rounds: int) -> dict[str, Any]:
    ours = processes[0]
    if "missing" in ours.ready:
        raise RuntimeError(f"{contest.name}: {ours.contestant.name}: {ours.ready['missing']}")
    errors = [
        disagreement(ours.ready, process.ready) if process.contestant.computes else 0.0
        for process in processes
    ]
    timed = [p for p, e in zip(processes, errors, strict=True) if e is not None and e <= TOLERANCE]
    seconds: dict[str, list[float]] = {process.contestant.name: [] for process in timed}
    for number in range(rounds):
        for process in timed if number % 2 == 0 else timed[::-1]:
            time.sleep(PAUSE)
            seconds[process.contestant.name].append(process.seconds())
    base = np.array(seconds[ours.contestant.name])
    rows = []
    for process, error in zip(processes, errors, strict=True):
        row: dict[str, Any] = {"name": process.contestant.name, "peer": process.contestant.peer}
        if "missing" in process.ready:
            row["why"] = process.ready["missing"]
        elif error is None or error > TOLERANCE:
            row["why"] = f"not timed: its curve differs from ours by {error:.1e}"
        else:
            own = np.array(seconds[row["name"]])
            row |= {
                "ratio": float(np.median(own / base)),
                "least_ratio": float(np.min(own / base)),
                "microseconds": float(np.median(own)) / contest.count * 1e6,
                "setup_seconds": process.ready["setup_seconds"],
                "difference": error,
            } | process.ready["facts"]
        rows.append(row)
    return {
        "problem": dict(contest.problem),
        "unit": contest.unit,
        "rows": rows,
        "targets": judge(contest.targets, rows),
    }


def judge(targets: Mapping[str, float], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each target with the ratio achieved, against the best of that peer's programs."""
    found = []
    for peer, target in targets.items():
        ratios = [row["ratio"] for row in rows if row["peer"] == peer and "ratio" in row]
        best = min(ratios) if ratios else None
        found.append({"against": peer, "target": target, "ratio": best})
    return found


def disagreement(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float | None:
    """The largest relative difference of two curves; None if there is no curve."""
    if "missing" in theirs:
        return None
    a, b = (np.asarray(ready["curve"], np.float64) for ready in (ours, theirs))
    if a.shape != b.shape:
        return float("inf")
    difference = np.abs(a - b) / np.maximum(np.abs(a), 1e-30)
    return float(np.max(np.where(a == b, 0, difference), initial=0))


def _state(ready: Mapping[str, Any]) -> str:
    return ready.get("missing") or f"ready after {ready['setup_seconds']:.1f} s"
