"""Losses for sequences whose labels are not aligned with them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core import Loss, columns, loss
from fnet.core.expect import require, require_array, require_bool, require_floating, require_whole
from fnet.core.trees import wide_integers, widened
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, DataError
from fnet.losses.pointwise import check_range, check_reduction, reduce, require_where


@constructor
def ctc(
    reduction: str = "mean", blank: int = 0, padding: int = -1, zero_infinity: bool = False
) -> Loss:
    """Connectionist temporal classification: −log of the probability of all alignments.

        value = −log Σ_s α[T, s]        over s = S and S − 1, where a path may end
        α[t, s] = p[t, l] (α[t − 1, s] + α[t − 1, s − 1] + α[t − 1, s − 2])     l: label s
        γ[t, s] = α[t, s] β[t, s] / (Σ_s α[T, s])
        dy[t] = p[t] − Σ_s γ[t, s] onehot(l)

    y: (N, T, C) logits, floating point; p is softmax(y). A path has a class for each frame; it
    spells what is left when repetitions are merged and the class `blank` is dropped. The labels
    stand with a blank before, between and behind, S = 2 U + 1 of them; the term of s − 2 is there
    only where label s is no blank and differs from label s − 2. β is as α, from behind, without p.
    All in logarithms, by one scan forwards and one backwards.

    labels: (N, U) integers from 0 to C − 1, none the blank; those of a shorter row are followed by
    `padding`. Of sequences that differ in length `where` (N, T) marks the frames that are there,
    from the first one on; or it is (N,), the rows that count. value is (N,), and the mean is over
    rows that count. A label out of range or after padding, and a frame after one that is not there,
    raise DataError; in a compiled function, which cannot raise, their rows are NaN.

    Labels that no path of so few frames can spell have a value of ∞, or 0 with `zero_infinity`, and
    in both cases a gradient of 0: no direction makes it finite.
    Source: Graves et al. (2006), Connectionist Temporal Classification, equations 5 to 16.

    >>> y, labels = jnp.zeros((1, 2, 3)), jnp.array([[1, -1]])
    >>> value, dy = ctc().value_and_grad(y, labels)  # 1 1, 1 _ and _ 1, of nine paths
    >>> round(float(value), 4), [round(float(d), 4) for d in dy[0, 0, 1:]]
    (1.0986, [-0.3333, 0.3333])
    """
    check_reduction("ctc", reduction)
    require_whole("ctc: blank", blank, least=0)
    require_bool("ctc: zero_infinity", zero_infinity)
    if not isinstance(padding, int) or isinstance(padding, bool) or padding == blank:
        raise ConfigurationError(
            f"ctc: padding is {padding!r}; it must be a whole number, and not the blank"
        )

    def value_and_grad(y: Array, labels: Array, where: Array | None = None) -> tuple[Array, Array]:
        _check(y, labels, blank, padding)
        labels, wide = wide_integers(labels), widened(y)
        rows, frames = where, jnp.ones(y.shape[:2], bool)
        if where is not None:
            require_where(where, wide[..., 0])
            frames = where if where.ndim == 2 else jnp.broadcast_to(where[:, None], y.shape[:2])
            _check_order("frame", "one that is not there", frames)
            rows = frames.any(1)
        wide = jnp.where(frames[..., None], wide, 0)
        there = labels != padding
        known = (~there | ((labels >= 0) & (labels < y.shape[2]) & (labels != blank))).all(1)
        known = known & _in_order(there) & _in_order(frames)
        spelt = jnp.where(there & known[:, None], labels, blank)
        values, dy = _aligned(wide, spelt, there.sum(1), frames, blank)
        never = values == jnp.inf
        values = jnp.where(never & zero_infinity, 0, values)
        values = jnp.where(known, values, jnp.nan)
        dy = jnp.where(never[:, None, None], 0, dy)
        dy = jnp.where(known[:, None, None], dy, jnp.nan)
        value, dy = reduce(values, jnp.where(frames[..., None], dy, 0), rows, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(value_and_grad, None, None, reduction)


def _aligned(
    y: Array, labels: Array, counts: Array, frames: Array, blank: int
) -> tuple[Array, Array]:
    """Values (N,) and dy of rows with so many labels each."""
    log_p = jax.nn.log_softmax(y)
    spelt = jnp.full((len(y), 2 * labels.shape[1] + 1), blank, labels.dtype)
    spelt = spelt.at[:, 1::2].set(labels)
    places = columns(jnp.arange(spelt.shape[1]), spelt)
    differs = jnp.pad(spelt[:, 2:] != spelt[:, :-2], ((0, 0), (2, 0)))[:, : spelt.shape[1]]
    may_skip = differs & (places % 2 == 1)
    emitted = jnp.take_along_axis(log_p, spelt[:, None], axis=-1).swapaxes(0, 1)
    ends = (places == 2 * counts[:, None]) | (places == 2 * counts[:, None] - 1)
    end = jnp.where(ends, 0.0, -jnp.inf).astype(y.dtype)
    begin = jnp.where(places < 2, 0.0, -jnp.inf).astype(y.dtype) + jnp.zeros_like(end)
    alive = frames.T[..., None]
    first = jnp.arange(len(emitted)) == 0

    def forwards(alpha: Array, each: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        p, alive, first = each
        one, two = _moved(alpha, 1), jnp.where(may_skip, _moved(alpha, 2), -jnp.inf)
        after = p + jnp.where(first, begin, _log_sum(alpha, one, two))
        alpha = jnp.where(alive, after, alpha)
        return alpha, alpha

    def backwards(carry: tuple[Array, Array], each: tuple[Array, Array]) -> tuple[Any, Array]:
        later, alive_later = carry
        p, alive = each
        skipped = _moved(jnp.where(may_skip, later, -jnp.inf), -2)
        beta = jnp.where(alive_later, _log_sum(later, _moved(later, -1), skipped), end)
        return (beta + p, alive), beta

    nothing = jnp.full_like(end, -jnp.inf)
    last, alphas = jax.lax.scan(forwards, nothing, (emitted, alive, first))
    nobody = jnp.zeros_like(alive[0]) if len(alive) else jnp.zeros((len(y), 1), bool)
    _, betas = jax.lax.scan(backwards, (nothing, nobody), (emitted, alive), reverse=True)
    total = _log_sum(*jnp.where(ends, last, -jnp.inf).T)
    gamma = _shares(alphas + betas).swapaxes(0, 1)
    n, t = jnp.ogrid[: y.shape[0], : y.shape[1]]
    return -total, jnp.exp(log_p).at[n[..., None], t[..., None], spelt[:, None]].add(-gamma)


def _moved(x: Array, places: int) -> Array:
    """x shifted along the last axis, −∞ where nothing comes from."""
    width = x.shape[-1]
    if places > 0:
        return jnp.pad(x, ((0, 0), (places, 0)), constant_values=-jnp.inf)[:, :width]
    return jnp.pad(x, ((0, 0), (0, -places)), constant_values=-jnp.inf)[:, -width:]


def _log_sum(*terms: Array) -> Array:
    """log Σ exp of arrays, entry by entry; −∞, with a derivative of 0, where all are."""
    x = jnp.stack(terms)
    m = _largest(x, 0)
    total = jnp.exp(x - m).sum(0)
    return jnp.where(total == 0, -jnp.inf, m[0] + jnp.log(jnp.where(total == 0, 1, total)))


def _shares(x: Array) -> Array:
    """γ of the logarithms of α β (..., S), whose sum over s is the same in each frame, Σ_s α[T, s].

    Divided by its own sum, since the logarithms themselves may be too large for their digits.
    """
    e = jnp.exp(x - _largest(x, -1))
    total = e.sum(-1, keepdims=True)
    return e / jnp.where(total == 0, 1, total)


def _largest(x: Array, axis: int) -> Array:
    """The largest entry along an axis, which stays; 0 in place of −∞."""
    m = jax.lax.stop_gradient(x.max(axis, keepdims=True))
    return jnp.where(m == -jnp.inf, 0, m)


def _in_order(there: Array) -> Array:
    """Whether in each row what is there comes before what is not."""
    return (there[:, 1:] <= there[:, :-1]).all(1)


def _check_order(what: str, missing: str, there: Any) -> None:
    """Raise DataError where something follows what is missing; a traced array passes unchecked."""
    if isinstance(there, jax.core.Tracer):
        return
    known = np.asarray(there)
    wrong = known[:, 1:] & ~known[:, :-1]
    if wrong.any():
        row, place = np.unravel_index(wrong.argmax(), wrong.shape)
        raise DataError(
            f"ctc: in row {row} {what} {place + 1} follows {missing}; what is there must come first"
        )


def _check(y: Array, labels: Array, blank: int, padding: int) -> None:
    require_floating("ctc: y", y)
    require_array("ctc: labels", labels)
    require(
        y.ndim == 3 and labels.ndim == 2 and len(labels) == len(y),
        f"ctc: y is {y.shape} and labels {labels.shape}; they must be (N, T, C) and (N, U)",
    )
    require(
        jnp.issubdtype(labels.dtype, jnp.integer),
        f"ctc: labels are {labels.dtype}; they must be integers, from 0 to C - 1",
    )
    if blank >= y.shape[2]:
        raise ConfigurationError(f"ctc: blank is {blank}, and there are {y.shape[2]} classes")
    if isinstance(labels, jax.core.Tracer):
        return
    known = np.asarray(labels)
    check_range("ctc: label", np.where(known == padding, 0, known), 0, y.shape[2] - 1)
    _check_order("label", "padding", known != padding)
    if (known == blank).any():
        raise DataError(f"ctc: a label is {blank}, the blank; choose another: ctc(blank=...)")
