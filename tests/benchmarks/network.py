"""Steps of a network 3072-100-10: several optimizers and batch sizes, data in memory.

All get the same rows, weights and batches. The peers' Python loops get batches cut beforehand;
their scans gather batches inside, as ours does. Only ours counts right answers.
"""

import functools

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold, pytorch_forms
from tests.benchmarks.job import CLASSES, HIDDEN, weights
from tests.benchmarks.loops import by_jax, by_torch

INPUTS = 3072
LIMIT = "physical limit"
RATES = {"sgd": 3e-3, "momentum": 1e-3, "rmsprop": 1e-5, "adam": 1e-5}
EPS = 1e-30  # of RMSProp: tiny, since PyTorch adds it outside the root and the others inside
STEPS = {8: 1000, 64: 200, 256: 100}
FAST = {"PyTorch": 1.3, "jax.grad (in, out) scan": 1.6, "jax.grad (out, in) scan": 1.0}
TARGETS = {
    ("sgd", 8): {"PyTorch": 4, "flax loop": 2, "equinox loop": 2, "NumPy": 2}
    | {"jax.grad (in, out) scan": 1.3, "jax.grad (out, in) scan": 1.3},
    **{
        (optimizer, 8): {"PyTorch": 3, "flax loop": 2, "equinox loop": 2, "NumPy": 2}
        | {"jax.grad (in, out) scan": 1.2, "jax.grad (out, in) scan": 1.2}
        for optimizer in ("momentum", "rmsprop", "adam")
    },
    ("sgd", 64): FAST | {LIMIT: 0.75},
    ("sgd", 256): FAST | {LIMIT: 0.75},
}


def results(rounds: int) -> dict[str, dict]:
    return {
        f"network, batch {batch_size}, {optimizer}": hold(contest(optimizer, batch_size), rounds)
        for optimizer, batch_size in TARGETS
    }


def contest(optimizer: str, batch_size: int, steps: int | None = None) -> Contest:
    """The contest; fewer `steps` than usual make it quick."""
    here = "tests.benchmarks.network"
    jaxes = [
        Contestant(f"{how} {form}", f"{how} {form}", f"{here}:{make}", {"form": form, **options})
        for how, make, options in (
            ("jax.grad (in, out)", "jax_grad", {"layout": "io"}),
            ("jax.grad (out, in)", "jax_grad", {"layout": "oi"}),
            ("flax", "flax", {}),
            ("equinox", "equinox", {}),
        )
        for form in ("scan", "loop")
    ]
    torches = pytorch_forms(f"{here}:pytorch", None)
    return Contest(
        f"network, batch {batch_size}, {optimizer}",
        {
            "optimizer": optimizer,
            "batch_size": batch_size,
            "steps": steps or STEPS[batch_size],
        },
        [
            Contestant("fnet", "fnet", f"{here}:fnet"),
            *jaxes,
            *torches,
            Contestant("NumPy", "NumPy", f"{here}:numpy"),
            Contestant(LIMIT, LIMIT, "tests.benchmarks.machine:limit", computes=False),
        ],
        TARGETS[optimizer, batch_size],
        unit="step",
        count=steps or STEPS[batch_size],
    )


def rows(batch_size: int, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (N, 3072), labels (N,), the indices of each batch (steps, batch_size)."""
    rng = np.random.default_rng(0)
    n = batch_size * steps
    labels = rng.integers(0, CLASSES, n, dtype=np.int32)
    means = rng.standard_normal((CLASSES, INPUTS), np.float32)
    x = 0.1 * means[labels] + rng.standard_normal((n, INPUTS), np.float32)
    return x, labels, rng.permutation(n).astype(np.int32).reshape(steps, batch_size)


def fnet(optimizer, batch_size, steps):
    import jax
    import jax.numpy as jnp

    from fnet import losses, models, optimizers
    from fnet.training import make_epoch, start

    options = {"eps": EPS} if optimizer == "rmsprop" else {}
    update = getattr(optimizers, optimizer)(RATES[optimizer], **options)
    model = models.classification_net(CLASSES, HIDDEN)
    x, labels, order = map(jnp.asarray, rows(batch_size, steps))
    state = start(model, update, (INPUTS,)).state
    values = map(jnp.asarray, weights(0))
    params = jax.tree.unflatten(jax.tree.structure(state.params), values)
    state = state._replace(params=params, opt_state=update.init(params))
    epoch = make_epoch(model, losses.cross_entropy(), update)
    return lambda: np.asarray(epoch(state, x, labels, order)[1].loss)


def jax_grad(layout, form, optimizer, batch_size, steps):
    import jax

    def apply(params, x):
        w1, b1, w2, b2 = params
        if layout == "oi":
            w1, w2 = w1.T, w2.T
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    w1, b1, w2, b2 = weights(0)
    params = (w1, b1, w2, b2) if layout == "oi" else (w1.T, b1, w2.T, b2)
    return _in_jax(apply, params, form, optimizer, batch_size, steps)


def flax(form, optimizer, batch_size, steps):
    from flax import linen

    net = linen.Sequential([linen.Dense(HIDDEN), linen.relu, linen.Dense(CLASSES)])
    w1, b1, w2, b2 = weights(0)
    layers = {"layers_0": {"kernel": w1.T, "bias": b1}, "layers_2": {"kernel": w2.T, "bias": b2}}
    return _in_jax(net.apply, {"params": layers}, form, optimizer, batch_size, steps)


def equinox(form, optimizer, batch_size, steps):
    import equinox as eqx
    import jax

    first, second = (
        eqx.tree_at(lambda layer: (layer.weight, layer.bias), layer, values)
        for layer, values in (
            (eqx.nn.Linear(INPUTS, HIDDEN, key=jax.random.key(0)), weights(0)[:2]),
            (eqx.nn.Linear(HIDDEN, CLASSES, key=jax.random.key(0)), weights(0)[2:]),
        )
    )
    net = eqx.nn.Sequential([first, eqx.nn.Lambda(jax.nn.relu), second])
    params, static = eqx.partition(net, eqx.is_array)

    def apply(params, x):
        return jax.vmap(eqx.combine(params, static))(x)

    return _in_jax(apply, params, form, optimizer, batch_size, steps)


def _in_jax(apply, params, form, optimizer, batch_size, steps):
    """Autodiff and optax: a scan over all steps, or a compiled step in a Python loop."""
    import jax
    import jax.numpy as jnp
    import optax

    update = {
        "sgd": optax.sgd,
        "momentum": functools.partial(optax.sgd, momentum=0.9),
        "rmsprop": functools.partial(optax.rmsprop, decay=0.9, eps=EPS),
        "adam": optax.adam,
    }[optimizer](RATES[optimizer])
    x, labels, order = map(jnp.asarray, rows(batch_size, steps))
    params = jax.tree.map(jnp.asarray, params)

    def value(params, x, labels):
        losses = optax.softmax_cross_entropy_with_integer_labels(apply(params, x), labels)
        return losses.mean()

    def step(carry, x, labels):
        params, state = carry
        loss, grads = jax.value_and_grad(value)(params, x, labels)
        updates, state = update.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), loss

    begin = (params, update.init(params))
    if form == "scan":

        @jax.jit
        def scan(carry, x, labels, order):
            return jax.lax.scan(lambda c, i: step(c, x[i], labels[i]), carry, order)[1]

        return lambda: np.asarray(scan(begin, x, labels, order))
    batches = [(x[places], labels[places]) for places in order]
    return by_jax(step, begin, batches)


def pytorch(compiled, threads, optimizer, batch_size, steps):
    import torch
    from torch import nn

    torch.set_num_threads(threads or torch.get_num_threads())
    net = nn.Sequential(nn.Linear(INPUTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), weights(0), strict=True):
            parameter.copy_(torch.from_numpy(value))
    x, labels, order = rows(batch_size, steps)
    batches = [(torch.from_numpy(x[i]), torch.from_numpy(labels[i]).long()) for i in order]
    make = {
        "sgd": functools.partial(torch.optim.SGD, fused=True),
        "momentum": functools.partial(torch.optim.SGD, momentum=0.9, fused=True),
        "rmsprop": functools.partial(torch.optim.RMSprop, alpha=0.9, eps=EPS, foreach=True),
        "adam": functools.partial(torch.optim.Adam, fused=True),
    }[optimizer]
    make = functools.partial(make, lr=RATES[optimizer])
    return by_torch(net, make, batches, compiled)


def numpy(optimizer, batch_size, steps):
    x, labels, order = rows(batch_size, steps)
    batches = [(x[places], labels[places]) for places in order]
    rate = np.float32(RATES[optimizer])

    def run():
        params = [w.copy() for w in weights(0)]
        m, v = ([np.zeros_like(w) for w in params] for _ in range(2))
        losses = []
        for t, (x, label) in enumerate(batches, start=1):
            w1, b1, w2, b2 = params
            h = np.maximum(x @ w1.T + b1, 0)
            z = h @ w2.T + b2
            z -= z.max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1, keepdims=True)
            rank = np.arange(len(label))
            losses.append((np.log(total[:, 0]) - z[rank, label]).mean())
            dz = e / total
            dz[rank, label] -= 1
            dz /= len(label)
            dh = (dz @ w2) * (h > 0)
            for p, g, m_, v_ in zip(
                params, (dh.T @ x, dh.sum(0), dz.T @ h, dz.sum(0)), m, v, strict=True
            ):
                _numpy_update(optimizer, rate, t, p, g, m_, v_)
        return losses

    return run


def _numpy_update(optimizer, rate, t, p, g, m, v):
    """Update in place, for speed."""
    if optimizer == "sgd":
        g *= rate
        p -= g
    elif optimizer == "momentum":
        m *= np.float32(0.9)
        g *= rate
        m -= g
        p += m
    elif optimizer == "rmsprop":
        v *= np.float32(0.9)
        v += np.float32(0.1) * g * g
        p -= rate * g / np.sqrt(v + np.float32(EPS))
    else:
        m *= np.float32(0.9)
        m += np.float32(0.1) * g
        v *= np.float32(0.999)
        v += np.float32(0.001) * g * g
        m_hat, v_hat = m / np.float32(1 - 0.9**t), v / np.float32(1 - 0.999**t)
        p -= rate * m_hat / (np.sqrt(v_hat) + np.float32(1e-8))
