"""Losses for several classes: softmax, cross-entropy, and what stands beside it."""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss
from fnet.core.expect import require_floating, require_number
from fnet.core.limits import times
from fnet.core.trees import wide_integers, widened
from fnet.core.values import constructor
from fnet.core.wiring import loss
from fnet.losses.labels import Rows, check_labels, class_loss, hits, is_soft, most_probable
from fnet.losses.pointwise import reduce


@constructor
def cross_entropy(
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    weights: tuple[float, ...] | None = None,
    ignore: int | None = None,
    z_loss: float = 0.0,
) -> Loss:
    """Cross-entropy of softmax(y) against integer labels or soft ones, from the logits y.

        value = −log softmax(y)[label] = log Σ exp(y − m) + m − y[label],   m = max y
        dy    = softmax(y) − onehot(label)        (divided by N for the mean)

    y: (N, C) logits, floating point, of any size; a logit may be −inf. labels: (N,) integers from
    0 to C − 1. Of sequences y is (N, T, C) and labels (N, T), N above is N T, and `where` (N,) or
    (N, T). A label out of range raises DataError; inside a compiled function, which cannot
    raise, it makes its row's value and gradient NaN.

    Soft labels are floating point in the shape of y, from 0 to 1, and sum to 1 over the classes.
    For them, for `label_smoothing` ε and for `weights`, one number w per class, it is

        value = −Σ_c u_c log p_c        p = softmax(y)     u = w ((1 − ε) t + ε/C)
        dy    = (Σ_c u_c) p − u

    where t is onehot(label) or the soft labels; where it is 0 a logit of −∞ costs nothing. With
    weights the mean divides by the sum of the rows' weights, Σ_N Σ_c w_c t_c, and not by N. Rows
    whose label is `ignore` do not count, in range or not: their value and gradient are 0, and a
    mean is over the others, or 0 if there are none. `z_loss` ζ keeps the logits of large models
    from drifting: ζ z² is added, z = log Σ exp y, times Σ_c u_c, and 2 ζ z p to dy.
    Source: Goodfellow et al., Deep Learning (2016), section 6.2.2.3; label smoothing: Szegedy et
    al. (2016), Rethinking the Inception Architecture, section 7, arXiv:1512.00567; z-loss:
    Chowdhery et al. (2022), PaLM, section 5, arXiv:2204.02311.

    >>> value, dy = cross_entropy().value_and_grad(jnp.array([[0.0, 1000.0]]), jnp.array([0]))
    >>> float(value), dy.tolist()
    (1000.0, [[-1.0, 1.0]])
    >>> loss = cross_entropy("none", label_smoothing=0.5, ignore=-1)
    >>> loss.apply(jnp.array([[0.0, 8.0], [0.0, 9.0]]), jnp.array([0, -1])).round(4).tolist()
    [6.0003, 0.0]
    """
    require_number("cross_entropy: label_smoothing", label_smoothing, least=0, most=1)
    require_number("cross_entropy: z_loss", z_loss, least=0)

    of_rows = _of_shares(label_smoothing, weights, z_loss)
    general = class_loss("cross_entropy", of_rows, reduction, softmax, weights, ignore, soft=True)
    plain = not label_smoothing and not z_loss and weights is None and ignore is None

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating("cross_entropy: y", y)
        if not plain or is_soft(y, target):
            return general.value_and_grad(y, target, where)
        check_labels("cross_entropy", y, target, ignore, soft=True)
        labels, wide = wide_integers(target), widened(y)
        hit = hits(labels, y.shape[-1])
        shifted = wide - jax.lax.stop_gradient(wide.max(axis=-1, keepdims=True))
        e = jnp.exp(shifted)
        total = e.sum(axis=-1, keepdims=True)
        value = jnp.log(total[..., 0]) - jnp.where(hit, shifted, 0).sum(axis=-1)
        dy = e / total - hit.astype(wide.dtype)
        known = (labels >= 0) & (labels < y.shape[-1])
        value = jnp.where(known, value, jnp.nan)
        dy = jnp.where(known[..., None], dy, jnp.nan)
        value, dy = reduce(value, dy, where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(
        *(value_and_grad, softmax, most_probable, reduction),
        *(general.ignored, general.sizes, general.targets),
    )


def _of_shares(smoothing: float, weights: tuple[float, ...] | None, z_loss: float) -> Rows:
    """Cross-entropy of rows whose labels are shared among the classes, smoothed or soft."""

    def of_rows(y: Array, t: Array, u: Array) -> tuple[Array, Array]:
        if smoothing:
            w = jnp.ones_like(y) if weights is None else jnp.asarray(weights, y.dtype)
            u = (1 - smoothing) * u + smoothing / y.shape[-1] * w
        m = jax.lax.stop_gradient(y.max(axis=-1, keepdims=True))
        shifted = y - m
        e = jnp.exp(shifted)
        total = e.sum(axis=-1, keepdims=True)
        size = u.sum(axis=-1, keepdims=True)
        value = size * jnp.log(total) - times(u, shifted).sum(axis=-1, keepdims=True)
        dy = size * (e / total) - u
        if z_loss:
            z = m + jnp.log(total)
            value, dy = value + z_loss * size * z * z, dy + 2 * z_loss * size * z * (e / total)
        return value[..., 0], dy

    return of_rows


@constructor
def nll(
    reduction: str = "mean",
    weights: tuple[float, ...] | None = None,
    ignore: int | None = None,
) -> Loss:
    """Negative log-likelihood of integer labels or soft ones, from log-probabilities y.

        value = −Σ_c u_c y_c        dy = −u        u = w t

    where t is onehot(label) or the soft labels; where it is 0 a y of −∞ costs nothing. y: (N, ...,
    C) log-probabilities, floating point, as the layer `log_softmax` returns them; of logits
    `cross_entropy` is the same in one step. Labels, soft labels, `where`, `weights` w and `ignore`
    are as in `cross_entropy`, and so is the mean.
    Source: Goodfellow et al., Deep Learning (2016), section 5.5.

    >>> y = jnp.log(jnp.array([[0.25, 0.75]]))
    >>> value, dy = nll().value_and_grad(y, jnp.array([0]))
    >>> round(float(value), 4), float(dy[0, 0])
    (1.3863, -1.0)
    """

    def of_rows(y: Array, t: Array, u: Array) -> tuple[Array, Array]:
        return -times(u, y).sum(axis=-1), -u

    return class_loss("nll", of_rows, reduction, jnp.exp, weights, ignore, soft=True)


@constructor
def focal(
    gamma: float = 2.0,
    reduction: str = "mean",
    weights: tuple[float, ...] | None = None,
    ignore: int | None = None,
) -> Loss:
    """Cross-entropy that counts rows the less, the better they are classified, from the logits y.

        value = −w pow(q, γ) log p        p = softmax(y)[label]     q = 1 − p
        dy    = w pow(q, γ) (γ p log p / q − 1) (onehot(label) − softmax(y))

    y: (N, ..., C) logits, floating point, of any size; γ >= 0, and 0 is `cross_entropy`. q is
    the sum of the other probabilities, so that it has its digits where p is nearly 1. Of two
    classes with logits (0, z) it is the focal loss of σ(z). Integer labels, `where`, `weights` w
    and `ignore` are as in `cross_entropy`, and so is the mean.
    Source: Lin et al. (2017), Focal Loss for Dense Object Detection, eq. 5, arXiv:1708.02002.

    >>> value, dy = focal().value_and_grad(jnp.array([[0.0, 0.0]]), jnp.array([1]))
    >>> round(float(value), 4), round(float(dy[0, 1]), 4)
    (0.1733, -0.2983)
    """
    require_number("focal: gamma", gamma, least=0)

    def of_rows(y: Array, t: Array, u: Array) -> tuple[Array, Array]:
        hit = t > 0
        shifted = y - jax.lax.stop_gradient(y.max(axis=-1, keepdims=True))
        e = jnp.exp(shifted)
        total = e.sum(axis=-1, keepdims=True)
        p = jnp.where(hit, e, 0).sum(axis=-1, keepdims=True) / total
        q = jnp.where(hit, 0, e).sum(axis=-1, keepdims=True) / total
        sure = q < 0.5  # either form of log p has its digits where the other has not
        log_p = jnp.where(hit, shifted, 0).sum(axis=-1, keepdims=True) - jnp.log(total)
        log_p = jnp.where(sure, jnp.log1p(-jnp.where(sure, q, 0)), log_p)
        ratio = jnp.where(q > 0, log_p / jnp.where(q > 0, q, 1), -1)  # → −1 as p → 1
        factor = u.sum(axis=-1, keepdims=True) * q**gamma
        dy = factor * (gamma * times(p, ratio) - 1) * jnp.where(hit, q, -e / total)
        return -(factor * log_p)[..., 0], dy

    return class_loss("focal", of_rows, reduction, softmax, weights, ignore)


def softmax(logits: Array) -> Array:
    """exp(z − max z) / Σ exp(z − max z) over the last axis: probabilities, whatever the size of z.

    >>> softmax(jnp.array([800.0, 800.0])).tolist()
    [0.5, 0.5]
    """
    wide = widened(logits)
    e = jnp.exp(wide - wide.max(axis=-1, keepdims=True))
    probabilities: Array = (e / e.sum(axis=-1, keepdims=True)).astype(logits.dtype)
    return probabilities
