"""A network 3072-100-10 on two devices of one core and one thread each, by SGD, data in memory.

At 8 and at 256 rows a device, against the same batch in flax with optax, its rows divided by `jit`,
and in PyTorch's DistributedDataParallel (gloo, two processes of one thread). *One device, all of
the batch* is fnet on one core with all rows; *one device, its share* has half of them, and so
another curve: two devices should take as long for twice the rows, and weak scaling is twice its
ratio. *A mesh of one* is the divided program on one device. *Gradients not added* is no training
but a limit: two devices that wait for each other at every step, and add up a loss alone. What a
step takes beyond it is the sum of the gradients, 1.2 MB, which each device reads and writes; what
it takes beyond *its share* are the waiting and the memory that two cores have in common.
"""

import os

import numpy as np

from tests.benchmarks import cores
from tests.benchmarks.contest import Contest, Contestant, hold
from tests.benchmarks.job import CLASSES, HIDDEN, weights
from tests.benchmarks.network import INPUTS, rows
from tests.benchmarks.scanned import optax_losses

RATE = 3e-3
STEPS = {8: 400, 256: 40}
SHARE = "one device, its share"
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "OMP_NUM_THREADS": "1"}
SCALING, OVERHEAD = 1.8, 1.03
LIMITS = {"share", "added"}  # options of what has another curve


def results(rounds: int) -> dict[str, dict]:
    found = {}
    for rows_each in STEPS:
        result = hold(contest(rows_each), rounds)
        result["targets"] += _ratios(result["rows"])
        found[f"two devices, {rows_each} rows each"] = result
    return found


def _ratios(found: list[dict]) -> list[dict]:
    """Weak scaling, and what dividing costs on one device."""
    ratio = {row["name"]: row.get("ratio") for row in found}
    whole, mesh = ratio["fnet, one device, all of the batch"], ratio["fnet, a mesh of one"]
    share = ratio[f"fnet, {SHARE}"]
    return [
        {"against": SHARE + ", twice", "target": SCALING, "ratio": 2 * share},
        {"against": "a program without a mesh", "target": OVERHEAD, "ratio": mesh / whole}
        | {"most": True},
    ]


def contest(rows_each: int, steps: int | None = None) -> Contest:
    """The contest; fewer `steps` than usual make it quick."""
    here, count = "tests.benchmarks.devices", steps or STEPS[rows_each]
    players = [
        ("fnet, two devices", "fnet", "fnet", {"devices": 2}),
        ("fnet, one device, all of the batch", "", "fnet", {"devices": 0}),
        ("fnet, a mesh of one", "", "fnet", {"devices": 1}),
        (f"fnet, {SHARE}", "", "fnet", {"devices": 0, "share": 2}),
        ("fnet, two devices, gradients not added", "", "fnet", {"devices": 2, "added": False}),
        ("flax and optax, jit, two devices", "flax", "flax", {}),
        ("PyTorch, DistributedDataParallel", "PyTorch", "pytorch", {}),
    ]
    return Contest(
        f"two devices, {rows_each} rows each",
        {"batch_size": 2 * rows_each, "steps": count},
        [
            Contestant(name, peer, f"{here}:{make}", more, ONE_THREAD, not LIMITS & {*more})
            for name, peer, make, more in players
        ],
        {"flax": 1.0, "PyTorch": 1.0},
        unit="step",
        count=count,
    )


def pinned(cores: int, first: int = 0) -> None:
    """This process on so many cores."""
    there = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, there[first : first + cores])


def fnet(devices, batch_size, steps, share=1, added=True):
    pinned(max(devices, 1))
    place = cores.placement(devices)
    import jax
    import jax.numpy as jnp

    from fnet import losses, models, optimizers
    from fnet.devices import dividing
    from fnet.training import make_epoch, start

    if not added:
        dividing.total = lambda grads, reduced: grads
    model, update = models.classification_net(CLASSES, HIDDEN), optimizers.sgd(RATE)
    x, labels, order = rows(batch_size // share, steps)
    state = start(model, update, (INPUTS,)).state
    values = map(jnp.asarray, weights(0))
    params = jax.tree.unflatten(jax.tree.structure(state.params), values)
    state = place.state(state._replace(params=params, opt_state=update.init(params)))
    x, labels = (place.arrays(jnp.asarray(each)) for each in (x, labels))
    order = place.order(order) if devices else jnp.asarray(order)
    epoch = make_epoch(model, losses.cross_entropy(), update, placement=place)
    return lambda: np.asarray(epoch(state, x, labels, order)[1].loss)


def flax(batch_size, steps):
    pinned(2)
    import jax

    cores.divide(2)
    import optax
    from flax import linen

    net = linen.Sequential([linen.Dense(HIDDEN), linen.relu, linen.Dense(CLASSES)])
    w1, b1, w2, b2 = weights(0)
    layers = {"layers_0": {"kernel": w1.T, "bias": b1}, "layers_2": {"kernel": w2.T, "bias": b2}}
    params, update = jax.tree.map(jax.numpy.asarray, {"params": layers}), optax.sgd(RATE)

    scan = optax_losses(net.apply, update)
    x, labels, order = rows(batch_size, steps)
    carry, (x, labels), order = cores.placed(2, (params, update.init(params)), (x, labels), order)
    return lambda: np.asarray(scan(carry, x, labels, order))


def pytorch(batch_size, steps):
    import socket

    import torch.multiprocessing as processes

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = processes.get_context("spawn")
    other = context.Process(target=_follow, args=(port, batch_size, steps), daemon=True)
    other.start()
    train, go = _ddp(0, port, batch_size, steps)

    def run():
        go()
        return train()

    return run


def _follow(port, batch_size, steps):
    train, go = _ddp(1, port, batch_size, steps)
    while True:
        go()
        train()


def _ddp(rank, port, batch_size, steps):
    """Train on this process's half of each batch; and wait for both to begin."""
    pinned(1, first=rank)
    import datetime

    import torch
    from torch import distributed, nn

    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo",
        init_method=f"tcp://127.0.0.1:{port}",
        rank=rank,
        world_size=2,
        timeout=datetime.timedelta(hours=1),
    )
    x, labels, order = rows(batch_size, steps)
    own = np.array_split(order, 2, axis=1)[rank]
    batches = [(torch.from_numpy(x[i]), torch.from_numpy(labels[i]).long()) for i in own]

    net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    spread = nn.parallel.DistributedDataParallel(net, gradient_as_bucket_view=True)
    optimizer, criterion = torch.optim.SGD(net.parameters(), RATE), nn.CrossEntropyLoss()

    def train():
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), weights(0), strict=True):
                parameter.copy_(torch.from_numpy(value))
        losses = []
        for batch, label in batches:
            optimizer.zero_grad()
            loss = criterion(spread(batch), label)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        found = torch.stack(losses)
        distributed.all_reduce(found)
        return (found / 2).numpy()

    return train, distributed.barrier
