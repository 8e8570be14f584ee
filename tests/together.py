"""What the processes of tests/test_processes.py run: `python -m tests.together RESULTS train ...`.

It is `fnet train ...`, which first trains on a few rows by `fit` itself, in all processes, and
writes to RESULTS-I.json what process I saw.
"""

import contextlib
import hashlib
import json
import sys
from pathlib import Path
from unittest import mock

import jax
import numpy as np

from fnet import data, devices, losses, models, optimizers
from fnet.cli import main, together
from fnet.data.dataset import Memory
from fnet.training import feeding, fit

ROWS, BATCH, EPOCHS = 61, 8, 3  # the last batch has five rows


def training(mesh):
    """The losses of three epochs in a mesh, or on one device, and a digest of the weights."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(ROWS + 20, 5)).astype(np.float32)
    label = (x[:, 0] + rng.normal(size=len(x)) > 0).astype(np.int64)
    whole = data.memory({"x": x, "label": label})
    train, val = whole.select(range(ROWS)), whole.select(range(ROWS, len(whole)))
    arguments = (
        models.classification_net(2, hidden=7),
        losses.cross_entropy(),
        optimizers.adam(0.01),
    )
    records = fit(*arguments, train, val, epochs=EPOCHS, batch_size=BATCH, seed=1, mesh=mesh)
    metrics = []
    for record in records:
        metrics.append(record.metrics)
    weights = hashlib.sha256()
    for leaf in jax.tree.leaves(record.state.params):
        weights.update(np.asarray(leaf).tobytes())
    return metrics, weights.hexdigest()


@contextlib.contextmanager
def streaming():
    """No dataset fits a device; yields the rows of training that are read, one list per read."""
    read, gather = [], Memory.gather

    def watched(self, indices):
        if len(self) == ROWS and len(indices) > BATCH:
            read.append(np.asarray(indices).tolist())
        return gather(self, indices)

    with mock.patch.object(feeding, "SHARE", 0), mock.patch.object(Memory, "gather", watched):
        yield read


def sums_at_once(mesh):
    """Which of many sums over all devices, none of which waits for another's result, are right.

    Each is of another size, and one that meets another's messages ends the process or hangs.
    """
    place = devices.placement(mesh)
    rows = place.rows(np.ones((8, 64), np.float32))
    few = place.jit(lambda x, n: place.everywhere(x[:, :1].sum(0) * n))
    many = place.jit(lambda x, n: place.everywhere(x.sum(0) * n))
    found = [each(rows, n) for n in range(50) for each in (few, many)]
    wanted = [len(rows) * (k // 2) for k in range(100)]
    return [bool((np.asarray(y) == n).all()) for y, n in zip(found, wanted, strict=True)]


def seen():
    """What this process finds, training with the others."""
    mesh = devices.mesh()
    found = {"devices": len(jax.devices()), "own": len(jax.local_devices())}
    found["resident"] = training(mesh)
    found["again"] = training(mesh)
    with streaming() as read:
        found["streamed"] = training(mesh)
    found["read"] = read
    found["sums"] = sums_at_once(mesh)
    return found


def run(results, *words):
    """`fnet train` with these words."""
    join = together.join

    def joined(*arguments):
        team = join(*arguments)
        Path(f"{results}-{team.index}.json").write_text(json.dumps(seen()), "utf-8")
        return team

    with mock.patch.object(together, "join", joined):
        status = main(words)
    if "fnet.cli.pictures" in sys.modules:  # imported where something is drawn
        Path(f"{results}-drew-{words[words.index('--process') + 1]}").touch()
    return status


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
