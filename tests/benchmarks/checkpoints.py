"""A checkpoint of a network whose parameters four devices divide: written, and read back to them.

Parameters, Adam's two moments and the best parameters of a network of 2048 inputs, three hidden
layers of 2048 and 1000 classes, on four virtual devices of a CPU, all of whose weights are divided.
*In parts* is what `save` and `load` do there with tensorstore, *in one file* without it; orbax has
the same arrays, and writes what it is given. Curves are the sums of the arrays that were read. The
disk is that of the temporary folder, and all wait until the bytes are on it.
"""

import importlib.util
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold

SIZE, CLASSES, DEVICES = 2048, 1000, 4


def results(rounds):
    return {"a checkpoint of divided weights": hold(contest(), rounds)}


def contest(size=SIZE):
    """The contest; a small `size` makes it quick."""
    here = "tests.benchmarks.checkpoints"
    players = [
        ("fnet, in parts", "fnet", "fnet", {}),
        ("fnet, in one file", "", "fnet", {"whole": True}),
        ("orbax", "orbax", "orbax", {}),
    ]
    return Contest(
        "a checkpoint of divided weights",
        {"size": size},
        [Contestant(name, peer, f"{here}:{make}", more) for name, peer, make, more in players],
        {"orbax": 1.0},
        unit="checkpoint",
        count=1,
    )


def trained(size):
    """The placement, and a checkpoint of a run before its first epoch."""
    import jax

    jax.config.update("jax_num_cpu_devices", DEVICES)
    from fnet import devices, losses, models, optimizers, training
    from fnet.checkpoint import Checkpoint

    place = devices.placement(devices.mesh(DEVICES, model=DEVICES))
    model = models.classification_net(CLASSES, hidden=size, layers=4)
    optimizer = optimizers.adam(1e-3)
    record = training.start(model, optimizer, (size,))
    rng = np.random.default_rng(0)

    def drawn(leaf):  # orbax compresses, and the moments would be zeros
        return rng.standard_normal(leaf.shape, np.float32) if leaf.ndim else leaf

    state = place.state(jax.tree.map(drawn, record.state))
    best = record.best._replace(params=place.state(jax.tree.map(drawn, state.params)))
    record = record._replace(state=state, best=best)
    return place, Checkpoint(model, losses.cross_entropy(), optimizer, (size,), record)


def sums(record):
    import jax

    arrays = jax.block_until_ready((record.state, record.best.params))
    return np.array([np.asarray(x).sum(dtype=np.float64) for x in jax.tree.leaves(arrays)])


def fnet(size, whole=False):
    place, checkpoint = trained(size)
    from fnet.checkpoint import load, save

    if importlib.util.find_spec("tensorstore") is None and not whole:
        raise ModuleNotFoundError("tensorstore", name="tensorstore")
    known = None if whole else importlib.util.find_spec("tensorstore")

    def run():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run.npz")
            with mock.patch.object(importlib.util, "find_spec", return_value=known):
                save(path, checkpoint)
            return sums(load(path, mesh=place).record)

    return run


def orbax(size):
    _, checkpoint = trained(size)
    import jax
    import orbax.checkpoint as ocp

    record = checkpoint.record
    arrays = {"state": record.state, "best": record.best.params}
    like = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), arrays
    )

    def run():
        folder = Path(tempfile.mkdtemp())
        with ocp.StandardCheckpointer() as checkpointer:
            checkpointer.save(folder / "run", arrays)
            checkpointer.wait_until_finished()
            read = checkpointer.restore(folder / "run", like)
        shutil.rmtree(folder)
        best = record.best._replace(params=read["best"])
        return sums(record._replace(state=read["state"], best=best))

    return run
