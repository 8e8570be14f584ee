"""Hinges: losses that are satisfied once a score is beyond its margin."""

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, columns
from fnet.core.values import constructor
from fnet.losses.binary import of_logits
from fnet.losses.classes import softmax
from fnet.losses.labels import class_loss


@constructor
def hinge(reduction: str = "mean") -> Loss:
    """The hinge of a score y against a target t of 0 or 1, of a support vector machine.

        value = max(0, 1 − s y)        dy = −s [s y < 1]        s = 2t − 1

    y and target: one shape, any; y floating point. At the kink, s y = 1, dy is 0. The class is that
    of y's sign; `probabilities`, σ(y), are those of the logistic model with the same scores, which
    this loss does not calibrate.
    Source: Cortes & Vapnik (1995), Support-Vector Networks.

    >>> value, dy = hinge("none").value_and_grad(jnp.array([0.5, 2.0]), jnp.array([1.0, 0.0]))
    >>> value.tolist(), dy.tolist()
    ([0.5, 3.0], [-1.0, 1.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        s, short = _shortfall(y, target)
        return short, jnp.where(short > 0, -s, 0)

    return of_logits(pointwise, "hinge", reduction)


@constructor
def squared_hinge(reduction: str = "mean") -> Loss:
    """The square of the hinge of a score y against a target t of 0 or 1.

        value = max(0, 1 − s y)²        dy = −2 s max(0, 1 − s y)        s = 2t − 1

    y and target: one shape, any; y floating point. Classes and probabilities are as in `hinge`.
    Source: Chang et al. (2008), Coordinate Descent Method for Large-scale L2-loss Linear SVM.

    >>> value, dy = squared_hinge().value_and_grad(jnp.array([0.5]), jnp.array([1.0]))
    >>> float(value), dy.tolist()
    (0.25, [-1.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        s, short = _shortfall(y, target)
        return short * short, -2 * s * short

    return of_logits(pointwise, "squared_hinge", reduction)


@constructor
def multiclass_hinge(
    reduction: str = "mean",
    weights: tuple[float, ...] | None = None,
    ignore: int | None = None,
) -> Loss:
    """The hinge between the score of the label and the best of the others.

        value = w max(0, 1 + y[r] − y[label])        r = argmax y     over the other classes
        dy    = w [value > 0] (onehot(r) − onehot(label))

    y: (N, ..., C) scores, floating point; a score of −∞ is no rival. Of equal rivals r is the first
    one; at the kink dy is 0. Integer labels, `where`, `weights` w and `ignore` are as in
    `cross_entropy`, and so is the mean. `probabilities` is softmax(y), not calibrated by this loss.
    Source: Crammer & Singer (2001), On the Algorithmic Implementation of Multiclass Kernel-based
    Vector Machines.

    >>> y, labels = jnp.array([[0.5, 2.0, 1.0]]), jnp.array([0])
    >>> value, dy = multiclass_hinge().value_and_grad(y, labels)
    >>> float(value), dy.tolist()
    (2.5, [[-1.0, 1.0, 0.0]])
    """

    def of_rows(y: Array, t: Array, u: Array) -> tuple[Array, Array]:
        hit = t > 0
        others = jnp.where(hit, -jnp.inf, y)
        first = columns(jnp.arange(y.shape[-1]), y) == others.argmax(axis=-1, keepdims=True)
        rival = first & ~hit  # none, if no other score is above −∞
        gap = jnp.where(rival, y, 0).sum(axis=-1) - jnp.where(hit, y, 0).sum(axis=-1)
        w, gap = u.sum(axis=-1), jnp.where(rival.any(axis=-1), 1 + gap, 0)
        value = w * jnp.where(gap <= 0, 0, gap)
        dy = w * jnp.where(gap > 0, 1, 0)
        return value, dy[..., None] * (rival.astype(y.dtype) - hit.astype(y.dtype))

    return class_loss("multiclass_hinge", of_rows, reduction, softmax, weights, ignore)


def _shortfall(y: Array, target: Array) -> tuple[Array, Array]:
    """s = 2t − 1, and max(0, 1 − s y), whose derivative at the kink is 0."""
    s = 2 * target - 1
    short = 1 - s * y
    return s, jnp.where(short <= 0, 0, short)
