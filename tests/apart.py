"""What two processes with two virtual devices each do, of which none holds all parameters.

    python -m tests.apart FOLDER COORDINATOR PROCESS

trains a network over the four devices, saves it in FOLDER, and resumes it from there. It prints a
line of JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from fnet import data, devices, losses, models, optimizers, solvers, training
from fnet.checkpoint import Checkpoint, load, save
from fnet.errors import CheckpointError

MODEL, LOSS = models.classification_net(2, hidden=8), losses.cross_entropy()
OPTIMIZER = optimizers.adam(0.01)
X = np.random.default_rng(5).normal(size=(40, 12)).astype(np.float32)
ROWS = data.memory({"x": X, "label": (X[:, 0] > 0).astype(int)})


def trained(epochs: int, mesh: Any = None, resume: Any = None) -> Any:
    more = {"epochs": epochs, "batch_size": 8, "mesh": mesh, "resume": resume}
    return [*training.fit(MODEL, LOSS, OPTIMIZER, ROWS, ROWS, **more)]


def checkpoint_of(record: Any) -> Checkpoint:
    return Checkpoint(MODEL, LOSS, OPTIMIZER, (12,), record)


def others(mesh: Any = None) -> dict[str, list[float]]:
    """What descending, sweeping and evaluating give, over the devices or on one."""
    adam, solver, several = (MODEL, LOSS, OPTIMIZER), (MODEL, LOSS, solvers.lbfgs()), (0.1, 0.01)
    odd = ROWS.select(range(38))  # which four devices do not divide
    found = {}
    for name, parts in {"solved": solver, "descended": adam}.items():
        *_, record = training.descend(*parts, odd, odd, epochs=3, mesh=mesh)
        found[name] = [float(value) for value in np.concatenate([*record.history.values()])]
    params = record.best.params
    *_, records = training.sweep(
        *adam, odd, learning_rates=several, epochs=1, batch_size=8, mesh=mesh
    )
    found["swept"] = [record.metrics["train_loss"] for record in records]
    found["evaluated"] = [*training.evaluate(MODEL, LOSS, params, odd, mesh=mesh).values()]
    made = training.predict(MODEL, LOSS, params, odd, mesh=mesh).probabilities
    found["predicted"] = made.ravel().tolist()
    return found


def parts_of(array: Any) -> list[bytes]:
    return [np.asarray(shard.data).tobytes() for shard in array.addressable_shards]


def run(folder: str, coordinator: str, process: int) -> dict[str, Any]:
    with devices.join(coordinator, process, 2) as team:
        mesh = devices.mesh(model=4)  # over both processes
        whole = trained(2, mesh)
        path = Path(folder, "run.npz")
        save(path, checkpoint_of(whole[0]))
        resumed = trained(2, mesh, load(path, mesh=mesh).record)[-1].state
        w = whole[0].state.params[0].w
        found = {"parts": len(w.addressable_shards), "whole": w.is_fully_addressable}
        pairs = zip(*map(jax.tree.leaves, (whole[-1].state, resumed)), strict=True)
        found["bits"] = all(parts_of(a) == parts_of(b) for a, b in pairs)
        found["losses"] = [record.metrics["val_loss"] for record in whole]
        found["others"] = [others(each) for each in (mesh, devices.mesh())]
        rows = trained(1, devices.placement(devices.mesh(), data="rows"))[-1]
        found["rows"] = rows.metrics["val_loss"]
        save(Path(folder, f"whole-{team.index}.npz"), checkpoint_of(rows))  # the first alone writes
        try:  # each in a folder of its own
            save(Path(folder, str(team.index), "run.npz"), checkpoint_of(whole[0]))
        except CheckpointError as error:
            found["said"] = str(error)
    return found


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 2)
    print(json.dumps(run(*sys.argv[1:3], int(sys.argv[3]))), flush=True)
