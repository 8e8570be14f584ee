"""The fixed problem, and each library's path on it; 50 steps of a smooth function of nine numbers.

f(w, b) = Σ h (θ − c)² / 2 + Σ sin(3 θ),  θ all entries of w (3, 2) and b (3,)

Where a problem is `wide`, w is (2, 3): the matrices of all that follows are transposed.
"""

from typing import Any

import numpy as np

RATE, STEPS, CHANGE = 0.01, 50, 25
KEPT = (0, 1, 9, 25, 49)  # the steps after which the nine numbers are recorded
_rng = np.random.default_rng(20)
BEGIN = {"w": _rng.normal(size=(3, 2)), "b": _rng.normal(size=3)}
CURVATURE = {name: _rng.uniform(0.1, 10, theta.shape) for name, theta in BEGIN.items()}
CENTRE = {name: _rng.normal(size=theta.shape) for name, theta in BEGIN.items()}


def slopes(theta: dict[str, Any], cos: Any = np.cos) -> dict[str, Any]:
    """The gradient of f, of w as wide or tall as it is."""
    wide = theta["w"].shape != BEGIN["w"].shape
    h, c = turned(CURVATURE, wide), turned(CENTRE, wide)
    return {name: h[name] * (own - c[name]) + 3 * cos(3 * own) for name, own in theta.items()}


def turned(arrays: dict[str, Any], wide: bool) -> dict[str, Any]:
    """These arrays, each transposed where the problem is wide."""
    return {name: np.ascontiguousarray(own.T) if wide else own for name, own in arrays.items()}


def flat(theta: dict[str, Any]) -> list[float]:
    """Nine numbers."""
    return np.concatenate([np.ravel(np.asarray(theta[name])) for name in ("w", "b")]).tolist()


def rate_at(step: int, changes: bool) -> float:
    return RATE / 2 if changes and step >= CHANGE else RATE


def by_jax(optimizer: Any, apply: Any, wide: bool) -> list[list[float]]:
    """The path of an optimizer of fnet or optax: after each step, nine numbers."""
    import jax
    import jax.numpy as jnp

    def step(carry, _):
        theta, state = carry
        updates, state = optimizer.update(slopes(theta, jnp.cos), state, theta)
        theta = apply(theta, updates)
        return (theta, state), theta

    begin = jax.tree.map(jnp.asarray, turned(BEGIN, wide))
    run = jax.jit(lambda begin: jax.lax.scan(step, (begin, optimizer.init(begin)), length=STEPS)[1])
    path = run(begin)
    return [flat({name: leaf[k] for name, leaf in path.items()}) for k in range(STEPS)]


def by_fnet(text: str, changes: bool, wide: bool = False) -> list[list[float]]:
    from fnet.core.values import read
    from fnet.optimizers import apply_updates, scheduled
    from fnet.optimizers.schedules import piecewise
    from fnet.registry import VOCABULARY

    optimizer = read(text, VOCABULARY["optimizer"])
    if changes:
        optimizer = scheduled(optimizer, piecewise((CHANGE,), (1.0, 0.5)))
    return by_jax(optimizer, apply_updates, wide)


def by_optax(text: str, changes: bool, wide: bool = False) -> list[list[float]]:
    import jax
    import optax
    import optax.contrib

    rate = optax.piecewise_constant_schedule(RATE, {CHANGE: 0.5}) if changes else RATE
    with jax.numpy_dtype_promotion("standard"):
        return by_jax(eval(text, {**vars(optax), "α": rate}), optax.apply_updates, wide)


def by_torch(text: str, changes: bool, wide: bool = False) -> list[list[float]]:
    import torch

    torch.set_default_dtype(torch.float64)  # in which NAdam keeps its product of momenta
    begin = turned(BEGIN, wide)
    params = [torch.tensor(begin[name], requires_grad=True) for name in ("w", "b")]
    optimizer = eval(text, {**vars(torch.optim), "params": params, "α": RATE})
    path = []
    for step in range(STEPS):
        theta = {name: p.detach().numpy() for name, p in zip("wb", params, strict=True)}
        for p, name in zip(params, "wb", strict=True):
            p.grad = torch.from_numpy(slopes(theta)[name])
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, changes)
        optimizer.step()
        path.append(flat({n: p.detach().numpy() for n, p in zip("wb", params, strict=True)}))
    return path


def by_keras(text: str, changes: bool, wide: bool = False) -> list[list[float]]:
    import keras

    keras.config.set_floatx("float64")
    begin = turned(BEGIN, wide)
    params = [keras.Variable(begin[name], dtype="float64", name=name) for name in ("w", "b")]
    optimizer = eval(text, {**vars(keras.optimizers), "α": RATE})
    optimizer.build(params)
    path = []
    for step in range(STEPS):
        theta = {name: np.asarray(p) for name, p in zip("wb", params, strict=True)}
        grads = slopes(theta)
        optimizer.learning_rate = rate_at(step, changes)
        optimizer.apply([keras.ops.convert_to_tensor(grads[n], "float64") for n in "wb"], params)
        path.append(flat({name: np.asarray(p) for name, p in zip("wb", params, strict=True)}))
    return path


RUN = {"torch": by_torch, "keras": by_keras, "optax": by_optax}


def times_torch(text: str, steps: int) -> list[float]:
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = eval(text, {**vars(torch.optim.lr_scheduler), "optimizer": optimizer})
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if len(rates) < steps:
            schedule.step()
    return rates


def times_keras(text: str, steps: int) -> list[float]:
    import keras

    keras.config.set_floatx("float64")
    schedule = eval(text, vars(keras.optimizers.schedules))
    return [float(schedule(np.float64(step))) for step in range(steps)]


def times_optax(text: str, steps: int) -> list[float]:
    import jax
    import optax

    schedule = eval(text, vars(optax))
    with jax.numpy_dtype_promotion("standard"):
        return [float(schedule(step)) for step in range(steps)]


def times_fnet(text: str, steps: int) -> list[float]:
    from fnet.core.values import read
    from fnet.optimizers import schedules

    schedule = read(text, vars(schedules))
    return [float(schedule(step)) for step in range(steps)]


TIMES = {"torch": times_torch, "keras": times_keras, "optax": times_optax}


def plateau_torch(losses: Any) -> list[float]:
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    rule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.5)
    rates = []
    for loss in losses:
        rule.step(loss)
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return rates


def plateau_keras(losses: Any) -> list[float]:
    import types

    import keras

    rule = keras.callbacks.ReduceLROnPlateau("loss", patience=2, factor=0.5, verbose=0)
    rule.set_model(types.SimpleNamespace(optimizer=keras.optimizers.SGD(1.0)))
    rule.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        rule.on_epoch_end(epoch, {"loss": loss})
        rates.append(float(rule.model.optimizer.learning_rate))
    return rates


def plateau_optax(losses: Any) -> list[float]:
    import jax
    import jax.numpy as jnp
    import optax.contrib

    rule = optax.contrib.reduce_on_plateau(0.5, patience=2)
    with jax.numpy_dtype_promotion("standard"):
        state, rates = rule.init(jnp.zeros(())), []
        for loss in losses:
            _, state = rule.update(jnp.ones(()), state, value=loss)
            rates.append(float(state.scale))
    return rates


def plateau_fnet(losses: Any, patience: int) -> list[float]:
    import jax.numpy as jnp

    from fnet.optimizers import plateau, sgd

    rule = plateau(sgd(1.0), patience=patience, factor=0.5)
    state, rates = rule.init(jnp.zeros(())), []
    for loss in losses:
        _, state = rule.update(jnp.ones(()), state, value=loss)
        rates.append(float(state.learning_rate))
    return rates


PLATEAU = {"torch": plateau_torch, "keras": plateau_keras, "optax": plateau_optax}


def difference(a: Any, b: Any) -> float:
    """The largest difference of two paths, relative to the larger of one and the entry."""
    a, b = np.asarray(a), np.asarray(b)
    return float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b))))
