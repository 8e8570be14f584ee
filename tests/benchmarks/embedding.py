"""The gradient of an embedding's table, and a step of an optimizer on it: all rows, or those seen.

8,192 ids of 50,000 rows of 128 numbers. A run is 128 steps in a compiled loop, over four batches in
turn, as an epoch is: there a table is written in place. fnet updates the rows of the ids
(`optimizers.update_rows`), which is exact with Adagrad; with Adam it is so in the first step, whose
numbers are compared, and then lazy, as PyTorch's SparseAdam is.
"""

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold

HERE = "tests.benchmarks.embedding"
IDS, TABLE, BATCHES, STEPS = 8192, (50_000, 128), 4, 128
RATE, EPS = 0.1, 1e-7
TARGET = 5


def results(rounds: int) -> dict[str, dict]:
    contests = (contest(name) for name in ("adam", "adagrad"))
    return {each.name: hold(each, rounds) for each in contests}


def contest(optimizer: str) -> Contest:
    torch = [
        Contestant(f"PyTorch, sparse, {n} threads", "PyTorch", f"{HERE}:torch", {"threads": n})
        for n in (1, 2)
    ]
    return Contest(
        "sequences, embedding" + ("" if optimizer == "adam" else f", {optimizer}"),
        {"optimizer": optimizer},
        [
            Contestant("fnet", "fnet", f"{HERE}:by_rows"),
            Contestant("fnet, all rows", "fnet, all rows", f"{HERE}:all_rows"),
            Contestant("jax.grad, optax", "jax.grad", f"{HERE}:by_autodiff"),
            *torch,
        ],
        {"jax.grad": TARGET},
        unit="step",
        count=STEPS,
    )


def arrays():
    """The table, ids and dy."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal(TABLE, np.float32)
    ids = rng.integers(0, TABLE[0], (BATCHES, IDS), dtype=np.int32)
    return table, ids, rng.standard_normal((BATCHES, IDS, TABLE[1]), np.float32)


def looped(optimizer, init, step):
    """step(table, state, ids, dy) -> table, state, in a compiled loop.

    Its numbers are those of the first step, or of all if they are exact.
    """
    import jax

    table, ids, dy = map(jax.numpy.asarray, arrays())

    @jax.jit
    def steps(number, table, state):
        def one(i, carry):
            return step(*carry, ids[i % BATCHES], dy[i % BATCHES])

        return jax.lax.fori_loop(0, number, one, (table, state))[0]

    def run(number=STEPS):
        return np.asarray(steps(number, table, init(table)))

    numbers = _numbers(run(STEPS if optimizer == "adagrad" else 1))
    return lambda: (run(), numbers)[1]


def _numbers(table):
    wide = table.astype(np.float64)
    return [np.linalg.norm(wide), *np.linalg.norm(wide - arrays()[0], axis=0)]


def _optimizer(name):
    from fnet import optimizers

    return {"adam": optimizers.adam(RATE), "adagrad": optimizers.adagrad(RATE, 0.1, EPS, "root")}[
        name
    ]


def by_rows(optimizer):
    from fnet.optimizers import update_rows

    ours = _optimizer(optimizer)

    def step(table, state, ids, dy):
        return update_rows(ours, ids, dy, state, table)

    return looped(optimizer, ours.init, step)


def all_rows(optimizer):
    from fnet.layers import embedding
    from fnet.layers.embedding import Embedding

    ours, layer = _optimizer(optimizer), embedding(*TABLE)

    def step(table, state, ids, dy):
        grads, _ = layer.backward(Embedding(table), ids, dy)
        updates, state = ours.update(grads.w, state, table)
        return table + updates, state

    return looped(optimizer, ours.init, step)


def by_autodiff(optimizer):
    import jax
    import optax

    theirs = {"adam": optax.adam(RATE), "adagrad": optax.adagrad(RATE, 0.1, EPS)}[optimizer]

    def step(table, state, ids, dy):
        grads = jax.grad(lambda w: (w[ids] * dy).sum())(table)
        updates, state = theirs.update(grads, state, table)
        return optax.apply_updates(table, updates), state

    return looped(optimizer, theirs.init, step)


def torch(optimizer, threads):
    import torch

    torch.set_num_threads(threads)
    table, ids, dy = map(torch.from_numpy, arrays())

    def run(steps=STEPS):
        net = torch.nn.Embedding.from_pretrained(table.clone(), freeze=False, sparse=True)
        rule = {
            "adam": lambda given: torch.optim.SparseAdam(given, lr=RATE),
            "adagrad": lambda given: torch.optim.Adagrad(
                given, lr=RATE, initial_accumulator_value=0.1, eps=EPS
            ),
        }[optimizer](list(net.parameters()))
        for i in range(steps):
            rule.zero_grad()
            net(ids[i % BATCHES].long()).backward(dy[i % BATCHES])
            rule.step()
        return net.weight.detach().numpy()

    numbers = _numbers(run(STEPS if optimizer == "adagrad" else 1))
    return lambda: (run(), numbers)[1]
