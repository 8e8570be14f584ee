"""What devices of one process or of several find when they train: in processes that are forked.

Each is told how many devices it has, and sends back what a function of this module found.
"""

import contextlib
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from fnet import devices, models
from fnet.devices import facts
from fnet.devices.dividing import divided
from fnet.devices.lines import free_port
from fnet.devices.processes import join
from fnet.errors import FnetError
from tests.forked import FORKED
from tests.on_devices import trained

SECONDS = 300.0


def found(name: str, *given: Any, processes: int = 1, count: int = 1) -> list[Any]:
    """name(*given) in so many processes that train as one, of `count` devices each."""
    pipes = [FORKED.Pipe(duplex=False) for _ in range(processes)]
    where = ("127.0.0.1", free_port())
    children = [
        FORKED.Process(target=_child, args=(pipe[1], where, index, processes, count, name, given))
        for index, pipe in enumerate(pipes)
    ]
    try:
        for child in children:
            child.start()
        return [reader.recv() for reader, _ in pipes if reader.poll(SECONDS)]
    finally:
        for child in children:
            child.kill()
            child.join()


def _child(
    came: Any,
    where: tuple[str, int],
    index: int,
    processes: int,
    count: int,
    name: str,
    given: tuple[Any, ...],
) -> None:
    for number in (1, 2):  # gloo speaks on one
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count={count}"
    jax.config.update("jax_enable_x64", False)
    place = (f"{where[0]}:{where[1]}", index, processes) if processes > 1 else ()
    with contextlib.ExitStack() as around:
        try:
            if name == "of_other_code":
                around.enter_context(_other_code(*given, index))
                place += ({"--epochs": 1},)
            around.enter_context(join(*place))
            came.send(globals()[name](*given))
        except FnetError as error:
            came.send(f"{type(error).__name__}: {error}")


def losses_and_bits(kind: str, spread: bool) -> tuple[list[list[float]], list[str]]:
    """The losses of three epochs and a digest of the weights, of a run and of its repetition."""
    runs = [trained(kind, devices.mesh() if spread else None) for _ in range(2 if spread else 1)]
    return [losses for _, losses in runs], [_digest(record.state.params) for record, _ in runs]


def _digest(params: Any) -> str:
    whole = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        whole.update(np.asarray(leaf).tobytes())
    return whole.hexdigest()


def of_other_code(folder: str) -> str:
    """Nothing: process 1 has a source of fnet with one line more."""
    return "joined"


@contextlib.contextmanager
def _other_code(folder: str, index: int) -> Any:
    if not index:
        yield
        return
    other = Path(folder) / "fnet"
    shutil.copytree(facts.PACKAGE, other, ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "errors.py").open("a", encoding="utf-8") as file:
        file.write("\n")
    with mock.patch.object(facts, "PACKAGE", other):
        yield


def narrow() -> list[float]:
    """By how much gradients that are added in 16 bits are off, on all devices: as a part of the
    sum of sizes, at most; and of the gradient's norm."""
    model, mesh = models.classification_net(10, hidden=64), devices.mesh()
    rng = np.random.default_rng(1)
    params, _ = model.init(jax.random.key(0), (50,))
    x, dy = (jnp.asarray(rng.normal(size=(64, n)), "float32") for n in (50, 10))

    def gradient(*how: Any) -> Any:
        spread = divided(model, mesh, *how)

        @jax.jit
        def run(x: Any, dy: Any) -> Any:
            return spread.backward(params, spread.forward(params, x)[1], dy)[0]

        rows = mesh.size if how[1:] else 1  # those of each device, where they are not added up
        leaves = [np.asarray(leaf).reshape(rows, -1) for leaf in jax.tree.leaves(run(x, dy))]
        return np.concatenate(leaves, axis=1)

    whole, half = gradient(), gradient("bfloat16")
    sizes = np.abs(gradient(None, False)).sum(0)
    off = np.abs(half - whole)[0]
    return [
        float((off[sizes > 0] / sizes[sizes > 0]).max()),
        float(np.linalg.norm(off) / np.linalg.norm(whole)),
    ]
