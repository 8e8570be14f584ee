"""How good predictions are, as sums over a batch that add up to figures of all samples.

A batch is scored on the device: the right answers of a classifier, the errors of a regression.
"""

import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core import Loss, rows

NAMES = ("r2", "mae", "rmse")  # of a regression


def score(loss: Loss, y: Array, target: Array, where: Array | None) -> tuple[Array, Array]:
    """What a batch adds to the figures of all samples, and how many rows count.

    For a classifier it is `correct`, for a loss that estimates one number per sample `deviations`,
    for any other 0.

    >>> from fnet import losses
    >>> found, rows = score(losses.mse(), jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]), where=None)
    >>> found.tolist(), int(rows)
    ([2.0, 4.0, 2.5, 4.5], 2)
    """
    if loss.predict is not None:
        return correct(loss, y, target, where)
    rows = jnp.asarray(len(target), int) if where is None else where.sum()
    one_number = target.size == len(target) and (where is None or where.ndim == 1)
    if loss.estimate is None or not one_number:
        return jnp.zeros((), jnp.float32), rows
    return deviations(loss, y, target, where), rows


def correct(loss: Loss, y: Array, target: Array, where: Array | None) -> tuple[Array, Array]:
    """How many rows are classified correctly, and how many count.

    The label of a row of soft labels is its most probable class.

    >>> from fnet import losses
    >>> y, target = jnp.array([0.9, 0.2, 0.4]), jnp.array([1.0, 1.0, 0.0])
    >>> right, rows = correct(losses.bce(), y, target, where=jnp.array([True, True, False]))
    >>> float(right), int(rows)
    (1.0, 2)
    """
    rows = jnp.asarray(len(y), int) if where is None else where.sum()
    assert loss.predict is not None
    guess = loss.predict(y)
    label = _labels(target, guess)
    hits = (guess == label.astype(guess.dtype)).reshape(len(y), -1)
    if loss.ignored is None or jnp.issubdtype(target.dtype, jnp.floating):
        share = hits.mean(axis=1, dtype=jnp.float32)
        return (share if where is None else jnp.where(where, share, 0)).sum(), rows
    counted = ~loss.ignored(target).reshape(hits.shape)
    counted = counted if where is None else counted & where.reshape(len(y), -1)
    sizes = counted.sum(axis=1)
    share = (hits & counted).sum(axis=1, dtype=jnp.float32) / jnp.maximum(sizes, 1).astype(
        jnp.float32
    )
    return share.sum(), (sizes > 0).sum()


def deviations(loss: Loss, y: Array, target: Array, where: Array | None) -> Array:
    """(Σ|e|, Σe², t̄, Σ(t − t̄)²) of the rows that count: e = estimate(y) − t, t̄ the mean target.

    All are in units of `loss.unit`. Squares are of differences from the batch's own mean, which
    keeps their digits where targets are far from 0.

    >>> from fnet import losses
    >>> y, target = jnp.array([1.0, 9.0]), jnp.array([2.0, 0.0])
    >>> deviations(losses.mse(), y, target, where=jnp.array([True, False])).tolist()
    [1.0, 1.0, 2.0, 0.0]
    """
    assert loss.estimate is not None
    guess = loss.estimate(y).reshape(-1)
    t = target.reshape(-1).astype(guess.dtype) / loss.unit
    weights = jnp.ones(len(t), bool) if where is None else where
    n = jnp.maximum(weights.sum(), 1).astype(t.dtype)

    def total(values: Array) -> Array:
        return jnp.where(weights, values, 0).sum()

    e = guess / loss.unit - t
    first = t[weights.argmax()]  # of those that count: others may hold NaN
    shifted = t - first  # makes the deviations of a constant exactly 0
    middle = total(shifted) / n
    return jnp.stack(
        (total(jnp.abs(e)), total(e * e), first + middle, total(jnp.square(shifted - middle)))
    )


def weight(loss: Loss, target: Array, where: Array | None) -> Array:
    """What the mean of a batch divides by, up to a factor: the rows that count, or their weights.

    >>> from fnet import losses
    >>> loss = losses.cross_entropy(weights=(1.0, 3.0))
    >>> float(weight(loss, jnp.array([0, 1, 1]), where=jnp.array([True, True, False])))
    4.0
    """
    sizes = jnp.ones(len(target)) if loss.sizes is None else loss.sizes(target)
    return sizes.sum() if where is None else jnp.where(rows(where, sizes), sizes, 0).sum()


def over_samples(
    loss: Loss,
    values: np.ndarray,
    costs: np.ndarray,
    scores: np.ndarray,
    counts: np.ndarray,
    weights: np.ndarray,
) -> dict[str, float]:
    """Loss and figures over all samples, from the columns of `Metrics`, an entry per batch.

    >>> from fnet import losses
    >>> values, costs, hits, counts = np.array([[1.0, 5.0], [0.5, 0.5], [3, 0], [3, 1]])
    >>> over_samples(losses.bce(), values, costs, hits, counts, weights=counts)
    {'loss': 2.5, 'accuracy': 0.75}
    """
    figures = {name: float(value) for name, value in summed(loss, scores, counts).items()}
    if counts.sum() == 0 or weights.sum() == 0:  # every label is ignored, or without weight
        return {"loss": np.nan, **figures}
    cost, mean = (
        np.average(column.astype(np.float64), weights=by)
        for column, by in ((costs, counts), (values, weights))
    )
    whole = values.astype(np.float64).sum() if loss.reduction == "sum" else mean
    return {"loss": float(whole + cost), **figures}


def summed(loss: Loss, scores: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """The figures of all samples, from scores (..., batches) and counts (..., batches).

    For a classifier the accuracy. For a regression, of errors e and targets t,

        R² = 1 − Σe² / Σ(t − t̄)²       MAE = Σ|e| / n       RMSE = √(Σe² / n)

    the last two in units of the target. R² of a constant target is 1 without errors, else 0. The
    batches' deviations from their means are merged as in `fnet.data.mean_and_std`.

    >>> from fnet import losses
    >>> halves = np.array([[0.0, 0.0, 1.0, 0.0], [2.0, 4.0, 3.0, 0.0]])
    >>> {name: float(v) for name, v in summed(losses.mse(), halves, np.array([1, 1])).items()}
    {'r2': -1.0, 'mae': 1.0, 'rmse': 1.4142135623730951}
    """
    n = np.maximum(counts.sum(axis=-1), 1)
    if loss.predict is not None:
        right = scores.sum(axis=-1) / n
        return {"accuracy": np.where(counts.sum(axis=-1) > 0, right, np.nan)}
    if scores.ndim == counts.ndim:
        return {}
    size, square, middle, spread = np.moveaxis(scores.astype(np.float64), -1, 0)
    middle = middle - middle[..., :1]  # the deviations of a constant are exactly 0
    mean = (counts * middle).sum(axis=-1) / n
    total = (spread + counts * np.square(middle - mean[..., None])).sum(axis=-1)
    error = square.sum(axis=-1)
    r2 = np.where(total > 0, 1 - error / np.where(total > 0, total, 1), error == 0)
    rmse = loss.unit * np.sqrt(error / n)
    return {"r2": r2, "mae": loss.unit * size.sum(axis=-1) / n, "rmse": rmse}


def _labels(target: Array, guess: Array) -> Array:
    """The label of each prediction: of soft labels, one number per class, the most probable."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        return target
    return target.argmax(axis=-1) if target.ndim > guess.ndim else target >= 0.5
