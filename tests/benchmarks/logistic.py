"""25,000 epochs of full-batch logistic regression, with a validation loss after each.

Each contestant keeps the training and validation loss of every epoch, and the best weights. All
compute from logits in float32, and start from zero weights.
"""

import numpy as np

from tests.benchmarks.contest import Contest, Contestant, hold

RATE = 1.0
SETS = {"506 x 14": (506, 14), "876 x 1": (876, 1)}
TARGETS = {"NumPy": 8, "jax.grad scan": 3, "PyTorch": 80}


def results(rounds: int) -> dict[str, dict]:
    return {f"logistic regression, {name}": hold(contest(name), rounds) for name in SETS}


def contest(name: str, epochs: int = 25_000) -> Contest:
    here = "tests.benchmarks.logistic"
    n, d = SETS[name]
    return Contest(
        f"logistic regression, {name}",
        {"n": n, "d": d, "epochs": epochs},
        [
            Contestant("fnet", "fnet", f"{here}:fnet"),
            Contestant("jax.grad scan", "jax.grad scan", f"{here}:jax_grad"),
            Contestant("NumPy", "NumPy", f"{here}:numpy"),
            Contestant("PyTorch, 1 thread", "PyTorch", f"{here}:pytorch", {"threads": 1}),
            Contestant("PyTorch, all threads", "PyTorch", f"{here}:pytorch", {"threads": None}),
        ],
        TARGETS,
        unit="epoch",
        count=epochs,
    )


def rows(n: int, d: int) -> tuple[np.ndarray, ...]:
    """x and target of the training set, and of a validation set a third its size."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(n + n // 3, d)).astype(np.float32)
    score = x @ rng.standard_normal(d).astype(np.float32)
    noisy = score + 0.5 * score.std() * rng.standard_normal(len(x))
    target = (noisy > np.median(score)).astype(np.float32)
    return x[:n], target[:n], x[n:], target[n:]


def _curve(train, val):
    """Every hundredth epoch of both losses."""
    return np.concatenate([np.asarray(train)[::100], np.asarray(val)[::100]])


def fnet(n, d, epochs):
    import jax
    import jax.numpy as jnp

    from fnet import data, losses, optimizers, serial
    from fnet.layers import affine, squeeze
    from fnet.training import start
    from fnet.training.descent import descend

    x, t, val_x, val_t = rows(n, d)
    train, val = (data.memory({"x": a, "y": b}) for a, b in ((x, t), (val_x, val_t)))
    model, optimizer = serial(affine(1), squeeze()), optimizers.sgd(RATE)
    first = start(model, optimizer, (d,))
    params = jax.tree.map(jnp.zeros_like, first.state.params)
    first = first._replace(
        state=first.state._replace(params=params), best=first.best._replace(params=params)
    )
    loss = losses.bce_with_logits()

    def run():
        records = list(descend(model, loss, optimizer, train, val, epochs=epochs, resume=first))
        names = ("train_loss", "val_loss")
        return _curve(*(np.concatenate([r.history[name] for r in records]) for name in names))

    return run


def jax_grad(n, d, epochs):
    import jax
    import jax.numpy as jnp
    import optax

    x, t, val_x, val_t = map(jnp.asarray, rows(n, d))

    def value(params, x, t):
        return optax.sigmoid_binary_cross_entropy(x @ params[0] + params[1], t).mean()

    @jax.jit
    def descent(params):
        def epoch(carry, _):
            params, best = carry
            loss, grads = jax.value_and_grad(value)(params, x, t)
            params = jax.tree.map(lambda p, g: p - RATE * g, params, grads)
            after = value(params, val_x, val_t)
            better = after < best[0]
            pairs = zip((after, params), best, strict=True)
            best = tuple(
                jax.tree.map(lambda new, old: jnp.where(better, new, old), new, old)
                for new, old in pairs
            )
            return (params, best), (loss, after)

        return jax.lax.scan(epoch, (params, (jnp.inf, params)), length=epochs)

    begin = (jnp.zeros(d), jnp.zeros(()))
    return lambda: _curve(*descent(begin)[1])


def numpy(n, d, epochs):
    """A loop as in course notes, in float32 and without overflow."""
    x, t, val_x, val_t = rows(n, d)
    x, val_x = np.ascontiguousarray(x), np.ascontiguousarray(val_x)

    def cost(z, t):
        return (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - t * z).mean()

    def run():
        w, b = np.zeros(d, np.float32), np.float32(0)
        best, kept, train_losses, val_losses = np.inf, None, [], []
        for _ in range(epochs):
            z = x @ w + b
            train_losses.append(cost(z, t))
            dz = (1 / (1 + np.exp(-z)) - t) / np.float32(n)
            w, b = w - np.float32(RATE) * (dz @ x), b - np.float32(RATE) * dz.sum()
            val_losses.append(cost(val_x @ w + b, val_t))
            if val_losses[-1] < best:
                best, kept = val_losses[-1], (w, b)
        assert kept is not None
        return _curve(train_losses, val_losses)

    return run


def pytorch(threads, n, d, epochs):
    import torch

    torch.set_num_threads(threads or torch.get_num_threads())
    x, t, val_x, val_t = map(torch.from_numpy, rows(n, d))
    cost = torch.nn.BCEWithLogitsLoss()

    def run():
        w, b = torch.zeros(d, requires_grad=True), torch.zeros((), requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=RATE, fused=True)
        best, kept, train_losses, val_losses = float("inf"), None, [], []
        for _ in range(epochs):
            optimizer.zero_grad()
            loss = cost(x @ w + b, t)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                after = cost(val_x @ w + b, val_t).item()
                if after < best:
                    best, kept = after, (w.clone(), b.clone())
            train_losses.append(loss.item())
            val_losses.append(after)
        assert kept is not None
        return _curve(train_losses, val_losses)

    return run
