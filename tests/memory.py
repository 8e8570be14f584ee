"""How much memory there is, and how little of it a worker of the tests may take."""

import ctypes
import gc
import os
from pathlib import Path

import jax
import pytest

WORKER = 1.5e9  # bytes that a worker may take
FULL = 0.85e9  # bytes from which on it drops what JAX has compiled; one test adds up to 0.4
CGROUP = Path("/sys/fs/cgroup")


def worker_count() -> int:
    """As many workers as there are cores, and memory for."""
    return max(1, min(_cores(), int(_available() / WORKER)))


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", lambda pid: range(os.cpu_count() or 1))
    quota, _, period = _words(CGROUP / "cpu.max").partition(" ")
    allowed = [int(quota) / int(period)] if quota.isdigit() else []
    return max(1, int(min(len(affinity(0)), *allowed, 1e9)))


def _available() -> float:
    """Bytes that may still be taken, of the machine and of the group that this process is in."""
    sizes = dict(line.split(":") for line in _words(Path("/proc/meminfo")).splitlines())
    free = [1024 * int(sizes["MemAvailable"].split()[0])] if "MemAvailable" in sizes else []
    most, taken = (_words(CGROUP / f"memory.{name}") for name in ("max", "current"))
    if most.isdigit() and taken.isdigit():
        cached = _words(CGROUP / "memory.stat").partition("\ninactive_file ")[2].split()
        free.append(int(most) - int(taken) + int(cached[0] if cached else 0))
    return min([float("inf") if not free else min(free), 1e15])


def _words(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


class Bounded:
    """Of a process that runs tests: a plugin that keeps it small, and its garbage collector slow.

    JAX keeps what it compiles; a long run would take 5 GB. Programs are compiled no second time:
    they are still on disk. glibc keeps freed memory until it is asked for it.
    """

    def __init__(self) -> None:
        gc.set_threshold(50_000, 20, 100)  # traces are many small objects, few of them garbage

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        if resident() > FULL:
            jax.clear_caches()
            gc.collect()
            trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
            if trim is not None:
                trim(0)


def resident() -> int:
    """Bytes of memory that this process has, where Linux tells; 0 elsewhere."""
    words = _words(Path("/proc/self/statm")).split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if words else 0
