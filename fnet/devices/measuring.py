"""What the devices of a mesh do in a second, measured: products, memory, and sums over all."""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array
from jax.sharding import Mesh, PartitionSpec

from fnet.core.across import ROWS
from fnet.devices.costs import Machine

WIDTHS = {"cpu": 512}  # of a product that a device does at full speed
WIDTH = 4096
NUMBERS = 2**22  # of an array that no cache holds
SIZES = tuple(2**k for k in (8, 12, 16, 18, 20))  # of arrays that are added over devices
LOOPS = 16  # that a call does, so that its start counts little
ROUNDS = 5


def measured_machine(mesh: Mesh, rows: int = 128) -> Machine:
    """The constants of a mesh, measured within a few seconds, all devices working at once.

        rate = 4 r W² / t                 of z = x w and xᵀ z, with x: (r, W) and w: (W, W)
        memory = 8 K / t                  of x ← a x + b, K numbers of four bytes
        t = 2 (n − 1) L + 2 (n − 1) / n · S / wire

    `rows` are those of a device's share of a batch, r, since products of few rows are slower. The
    last is fitted to sums over the axis "data" of S bytes, from 1 kB to 4 MB, so that relative
    errors are least. Each t is the least of five calls, of a loop of sixteen, since other work only
    adds to it. In several processes all must call it. With one device there is nothing to send: the
    wire is infinite. Virtual devices of a CPU share its cores and its memory, which is in what they
    do at once: with more devices than cores each does less.

    >>> from fnet.devices.meshes import mesh
    >>> machine = measured_machine(mesh(1))
    >>> machine.rate > 1e8, machine.wire, machine.latency
    (True, inf, 0.0)
    """
    n = mesh.shape[ROWS]
    width = WIDTHS.get(mesh.devices.flat[0].platform, WIDTH)
    rate = 4 * rows * width**2 / seconds(mesh, _products, (rows, width), (width, width))
    memory = 8 * NUMBERS / seconds(mesh, _update, (NUMBERS,))
    if n == 1:
        return Machine(rate, memory, float("inf"), 0.0)
    took = [seconds(mesh, mean, (size,)) for size in SIZES]
    alone, each = line([4 * size for size in SIZES], took)
    wire = 2 * (n - 1) / n / each if each else float("inf")
    return Machine(rate, memory, wire, alone / (2 * (n - 1)))


def line(x: Any, t: Any) -> tuple[float, float]:
    """The a and b, not negative, for which t is about a + b x, by relative errors.

        Σ ((a + b x) / t − 1)² is least

    >>> [round(number, 6) for number in line([1, 2, 4], [3.0, 5.0, 9.0])]
    [1.0, 2.0]
    """
    rows = np.stack([np.ones(len(x)), np.asarray(x, float)], axis=1) / np.asarray(t)[:, None]
    both = np.linalg.lstsq(rows, np.ones(len(rows)))[0]
    if min(both) >= 0:
        return float(both[0]), float(both[1])
    alone = [float(column.sum() / (column @ column)) for column in rows.T]
    return (0.0, alone[1]) if both[0] < 0 else (alone[0], 0.0)


def _products(x: Array, w: Array) -> tuple[Array, Array]:
    return x, x.T @ (x @ w) / jnp.float32(x.size)  # of numbers that do not grow


def _update(x: Array) -> tuple[Array]:
    return (jnp.float32(0.5) * x + jnp.float32(1),)


def mean(x: Array) -> tuple[Array]:
    """The mean over devices, which many calls leave as large as it is."""
    return (jax.lax.pmean(x, ROWS),)


def seconds(mesh: Mesh, function: Callable[..., Any], *shapes: tuple[int, ...]) -> float:
    """The time of one call among many, which follow each other, on all devices of a mesh.

    The function takes arrays of these shapes, each whole on every device, and returns as many.

    >>> from fnet.devices.meshes import mesh
    >>> seconds(mesh(1), mean, (8,)) > 0
    True
    """

    whole = PartitionSpec()

    @jax.jit
    @jax.shard_map(mesh=mesh, in_specs=(), out_specs=whole, check_vma=False)
    def make() -> tuple[Array, ...]:
        numbers = (jnp.cos(jnp.arange(math.prod(shape), dtype=jnp.float32)) for shape in shapes)
        return tuple(map(jnp.reshape, numbers, shapes))

    @jax.jit
    @jax.shard_map(mesh=mesh, in_specs=whole, out_specs=whole, check_vma=False)
    def run(*arrays: Array) -> Array:
        arrays = jax.lax.fori_loop(0, LOOPS, lambda _, arrays: function(*arrays), arrays)
        return sum((array.sum() for array in arrays), jnp.zeros((), jnp.float32))

    arrays, took = make(), []
    run(*arrays).block_until_ready()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run(*arrays).block_until_ready()
        took.append(time.perf_counter() - began)
    return min(took) / LOOPS
