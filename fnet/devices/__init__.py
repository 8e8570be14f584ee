"""Several devices that train as one: meshes, what is placed where, and rules to change that.

From one device to many in three steps. A CPU is divided into virtual devices, by
`jax.config.update("jax_num_cpu_devices", 4)` before anything else of JAX runs; GPUs are there as
they are. A mesh is made of devices, and training is given it:

>>> import numpy as np
>>> from fnet import data, losses, models, optimizers, training
>>> x = np.linspace(-1, 1, 60)[:, None]
>>> train = data.memory({"x": x, "label": np.arange(60) // 30})
>>> parts = models.logistic_regression(), losses.bce(), optimizers.adam(0.1), train
>>> *_, record = training.fit(*parts, epochs=20, batch_size=12, mesh=mesh(1))
>>> record.metrics["train_accuracy"] > 0.95
True

On the command line that is `fnet train --devices 4`. Losses and weights are those of one device up
to rounding, whatever is random is the same, and a checkpoint of one is read by any number. Each
device runs the layers on its own rows of every batch; layers that mix rows, as `batch_norm` does,
and losses see all of them. A layer of one's own is divided by the compiler: as right, but often
slower.

What a step takes on D devices, of N rows, with P parameters of b bytes (4, or 2 with
`placement(mesh, reduced="bfloat16")`):

    t = t₁ / D + 2 (D − 1) / D · b P / B + 2 (D − 1) L

t₁ is what one device takes for all rows, B what a link moves in a second, and L what a message
takes at least. Gradients are added once a step, however many layers there are, and once in the k
steps of `optimizers.accumulate`. Parameters, their gradients and Adam's moments take 16 P bytes on
each device. With `mesh(8, model=4)` four devices divide those that the rule of a `placement` names,
`split_weights` unless another is given, and each has a quarter of them (`fnet train --devices 8
--tensor-parallel 4`):

>>> table = by_table({"[0].w": -2})  # of an embedding, with which the model begins
>>> placement(mesh(1), rule=table).parts
1

Several processes, of one machine or of many, first `join`, each with the address of process 0, its
own number and how many there are. The devices of all are then in `mesh()`, and training is the
same. Of a dataset that is read block by block each process reads the rows of its own devices alone,
from the order that one process would read. All call `fnet.checkpoint.save`: the first of the team
writes what is whole, and each its own parts of what is divided:

>>> with join() as team:
...     team.count, team.is_first
(1, True)

A process that dies or hangs ends the others with a word. `fnet launch -n 2 -- train` does all this
on one machine.
"""

from fnet.devices.costs import Cost, Machine, Work, step_cost, work_per_device
from fnet.devices.dividing import divided
from fnet.devices.measuring import measured_machine
from fnet.devices.meshes import mesh
from fnet.devices.placements import Placement, placement
from fnet.devices.placing import on_one, own_places, placed, replicated
from fnet.devices.processes import Team, join
from fnet.devices.rules import by_table, split_weights
from fnet.devices.sizes import Memory, memory_per_device

__all__ = [
    "Cost",
    "Machine",
    "Memory",
    "Placement",
    "Team",
    "Work",
    "by_table",
    "divided",
    "join",
    "measured_machine",
    "memory_per_device",
    "mesh",
    "on_one",
    "own_places",
    "placed",
    "placement",
    "replicated",
    "split_weights",
    "step_cost",
    "work_per_device",
]
