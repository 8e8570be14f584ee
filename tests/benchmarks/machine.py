"""The machine: a description, and a lower bound on the time of a step of the network."""

import importlib.metadata
import os
import platform
import time
from pathlib import Path

import numpy as np

from tests.benchmarks.job import CLASSES, HIDDEN

INPUTS = 3072
PACKAGES = ("jax", "numpy", "optax", "flax", "equinox", "torch", "grain")
MOMENTS = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2}  # arrays like the weights


def describe() -> dict[str, object]:
    """Processor, cores, Python, and the version of each contestant."""
    import jax

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": jax.devices()[0].device_kind,
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def limit(optimizer, batch_size, steps):
    """The five matrix products of a step, by the fastest BLAS here, and a copy of as many bytes as
    must move: inputs read, weights and moments read and written. Nothing else of the step."""
    rng = np.random.default_rng(0)

    def array(*shape):
        return rng.standard_normal(shape, np.float32)

    x, h, dh, dz = (array(batch_size, n) for n in (INPUTS, HIDDEN, HIDDEN, CLASSES))
    w1, w2 = array(HIDDEN, INPUTS), array(CLASSES, HIDDEN)
    pairs = [(x, w1.T), (h, w2.T), (dz, w2), (dh.T, x), (dz.T, h)]
    # One BLAS for all of them: the threads of two would compete.
    products = _fastest([_in_turn([make(*pair) for pair in pairs]) for make in _blas()])
    moved = x.size + 2 * (1 + MOMENTS[optimizer]) * (w1.size + w2.size)
    copy = _fastest(_copies(moved // 2))  # a copy reads and writes

    def run():
        for _ in range(steps):
            products()
            copy()
        return []

    return run


def _in_turn(functions):
    def all_of_them():
        for function in functions:
            function()

    return all_of_them


def _fastest(candidates):
    def seconds(f):
        found = []
        for _ in range(30):
            start = time.perf_counter()
            f()
            found.append(time.perf_counter() - start)
        return np.median(found)

    return min(candidates, key=seconds)


def _blas():
    """Functions that prepare the product of two arrays, by NumPy's BLAS, XLA's or PyTorch's."""

    def by_numpy(a, b):
        out = np.empty((a.shape[0], b.shape[1]), np.float32)
        return lambda: np.matmul(a, b, out=out)

    def by_xla(a, b):
        import jax

        multiply = jax.jit(jax.numpy.matmul)
        a, b = jax.numpy.asarray(a), jax.numpy.asarray(b)
        return lambda: multiply(a, b).block_until_ready()

    found = [by_numpy, by_xla]
    try:
        import torch
    except ImportError:
        return found

    def by_torch(a, b):
        a, b = torch.from_numpy(a), torch.from_numpy(b)
        out = torch.empty(a.shape[0], b.shape[1])
        return lambda: torch.mm(a, b, out=out)

    return [*found, by_torch]


def _copies(size):
    """Functions that copy `size` float32 numbers."""
    a, b = np.ones(size, np.float32), np.ones(size, np.float32)
    found = [lambda: np.copyto(b, a)]
    try:
        import torch
    except ImportError:
        return found
    c, d = torch.ones(size), torch.ones(size)
    return [*found, lambda: d.copy_(c)]
