"""Cross-entropy of an affine layer's logits, which are never stored whole."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss
from fnet.core.across import by_device
from fnet.core.expect import require, require_floating, require_number
from fnet.core.trees import cast_like, wide_integers, widened
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.losses.classes import cross_entropy
from fnet.losses.labels import check_ignored, check_labels, not_ignored
from fnet.losses.pointwise import require_where

BLOCK = 2**21  # logits at a time
FEWEST, MOST = 64, 512  # rows at a time: fewer make slow products, and more are no faster


@constructor
def linear_cross_entropy(
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    ignore: int | None = None,
    z_loss: float = 0.0,
) -> Loss:
    """`cross_entropy` of the logits y = x wᵀ + b, of which only a part is ever there.

        value = z − (1 − ε) y[label] − ε mean y + ζ z²        z = log Σ exp y      p = exp(y − z)
        g     = (1 + 2 ζ z) p − (1 − ε) onehot(label) − ε/V          (divided by N for the mean)
        dx    = g w        dw = gᵀ x        db = Σ_N g

    The predictions are a triple (x, w, b), and so is the gradient: x (N, ..., D) features, w (V, D)
    and b (V,) or None, the parameters of the last layer; or w the table of an `embedding`. labels:
    (N, ...), and `where`, `label_smoothing` ε, `ignore` and `z_loss` ζ are those of
    `cross_entropy`. `reduction` is "mean" or "sum"; "none" is for logits. Logits are finite.

    One loop over blocks of rows makes value, dx and dw, in float32 or wider: with a dense loss the
    logits, their softmax and their gradient, N × V numbers each, are the largest arrays of a
    language model. What a row counts is known before the loop, so that nothing is computed twice.
    Differentiate `apply` by x, w and b: jax.grad(lambda y: loss.apply(y, labels))((x, w, b)).

    `fit` and `evaluate` leave the last affine layer of a model to this loss, and the model stays
    what it is. Of logits, an array y, it is `cross_entropy`. It counts no right answers, for which
    logits would be made once more: of the trained model `evaluate` with `cross_entropy` does.
    Source: Wijmans et al. (2024), Cut Your Losses in Large-Vocabulary Language Models,
    arXiv:2411.09009.

    >>> x, w = jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> value, (dx, dw, db) = linear_cross_entropy().value_and_grad((x, w, None), jnp.array([0]))
    >>> round(float(value), 4), [round(float(d), 4) for d in dx[0]], dw.shape, db
    (0.862, [0.1554, -0.1554], (3, 2), None)
    """
    check_ignored("linear_cross_entropy", ignore)
    require_number("linear_cross_entropy: label_smoothing", label_smoothing, least=0, most=1)
    require_number("linear_cross_entropy: z_loss", z_loss, least=0)
    dense = cross_entropy(reduction, label_smoothing, None, ignore, z_loss)

    def value_and_grad(y: Any, labels: Array, where: Array | None = None) -> tuple[Array, Any]:
        if hasattr(y, "dtype"):
            return dense.value_and_grad(y, labels, where)
        require(
            isinstance(y, tuple) and len(y) == 3,
            "linear_cross_entropy: y must be (x, w, b): the features, and the parameters of the "
            "last layer; b may be None",
        )
        if reduction == "none":
            raise ConfigurationError(
                "linear_cross_entropy: reduction is 'none'; it must be 'mean' or 'sum', since the "
                "gradient of w is made before anything is known of what follows the loss"
            )
        x, w, b = y
        _check(x, w, b, labels, ignore)
        rows, wide_w, wide_b = widened((x.reshape(-1, x.shape[-1]), w, b))
        shares = _shares(labels, where, ignore, reduction, rows)
        rows = jnp.where(shares[:, None] > 0, rows, 0)  # what does not count may hold NaN

        def of_rows(rows: Any, whole: Any) -> Any:
            (x, labels, shares), (w, b) = rows, whole
            return _in_blocks(_Rows(x, w, b, labels, shares), label_smoothing, z_loss)

        each = rows, wide_integers(labels).ravel(), shares
        (values, dx), (dw, db) = by_device(of_rows, each, (wide_w, wide_b))
        value = (jnp.where(shares > 0, values, 0) * shares).sum()
        return value.astype(x.dtype), cast_like((dx.reshape(x.shape), dw, db), y)

    return loss(
        *(value_and_grad, dense.probabilities, None, reduction),
        *(dense.ignored, dense.sizes, dense.targets),
    )


class _Rows(NamedTuple):
    """x (R, D), w (V, D), b (V,) or None, labels (R,), and what each row counts (R,)."""

    x: Array
    w: Array
    b: Array | None
    labels: Array
    shares: Array


def _in_blocks(flat: _Rows, smoothing: float, z_loss: float) -> tuple[Any, Any]:
    """Values (R,) and dx; and dw and db, which are sums over rows."""
    x, w, b, labels, shares = flat
    known = (labels >= 0) & (labels < len(w))
    labels = jnp.where(known, labels, 0)
    rows, classes = len(x), len(w)
    size = min(max(BLOCK // classes, FEWEST), MOST, max(rows, 1))
    blocks = -(-rows // size)

    def cut(array: Array) -> Array:
        extra = jnp.pad(array, ((0, blocks * size - rows),) + ((0, 0),) * (array.ndim - 1))
        return extra.reshape(blocks, size, *array.shape[1:])

    def block(sums: Any, each: tuple[Array, Array]) -> tuple[Any, tuple[Array, Array]]:
        x, shares = each
        s = w @ x.T if b is None else w @ x.T + b[:, None]  # (V, R), reduced along the memory
        m = jax.lax.stop_gradient(s.max(0))
        e = jnp.exp(s - m[None])
        total = e.sum(0)
        z = m + jnp.log(total)
        g = e * (shares * (1 + 2 * z_loss * z) / total)[None]
        dw, db = sums
        return (dw + g @ x, None if db is None else db + g.sum(1)), (z, g.T @ w)

    begin = jnp.zeros_like(w), None if b is None else jnp.zeros_like(b)
    (dw, db), (z, dx) = jax.lax.scan(block, begin, (cut(x), cut(shares)))
    z, dx = z.reshape(-1)[:rows], dx.reshape(-1, x.shape[1])[:rows]

    # The rest of g is sparse or constant.
    hit, even = (1 - smoothing) * shares, smoothing / classes
    own = (x * w[labels]).sum(1) + (0 if b is None else b[labels])
    mean = x @ w.mean(0) + (0 if b is None else b.mean())
    values = z - (1 - smoothing) * own - smoothing * mean + z_loss * z * z
    dx = dx - hit[:, None] * w[labels] - smoothing * shares[:, None] * w.mean(0)[None]
    dw = dw.at[labels].add(-hit[:, None] * x) - even * (shares @ x)[None]
    db = None if db is None else db.at[labels].add(-hit) - even * shares.sum()
    wrong = ~known & (shares > 0)
    dw, db = jax.tree.map(lambda d: jnp.where(wrong.any(), jnp.nan, d), (dw, db))
    values, dx = jnp.where(wrong, jnp.nan, values), jnp.where(wrong[:, None], jnp.nan, dx)
    return (values, dx), (dw, db)


def _shares(
    labels: Array, where: Array | None, ignore: int | None, reduction: str, like: Array
) -> Array:
    """What each row counts: 0 or 1, divided by how many count for the mean."""
    counted = jnp.ones(labels.shape, bool)
    if where is not None:
        require_where(where, labels)
        counted = counted & where.reshape(where.shape + (1,) * (labels.ndim - where.ndim))
    some = not_ignored(wide_integers(labels), ignore)
    counted = (counted if some is None else counted & some).ravel()
    shares = counted.astype(like.dtype)
    return shares / jnp.maximum(shares.sum(), 1) if reduction == "mean" else shares


def _check(x: Any, w: Any, b: Any, labels: Any, ignore: int | None) -> None:
    require_floating("linear_cross_entropy: x", x)
    require_floating("linear_cross_entropy: w", w)
    require(
        x.ndim > 1 and w.ndim == 2 and x.shape[-1] == w.shape[1],
        f"linear_cross_entropy: x is {x.shape} and w {w.shape}; they must be (N, ..., D), (V, D)",
    )
    require(
        b is None or b.shape == w.shape[:1],
        f"linear_cross_entropy: b is {getattr(b, 'shape', b)}; it must be (V,), V = {len(w)}",
    )
    logits = jax.ShapeDtypeStruct((*x.shape[:-1], len(w)), x.dtype)
    check_labels("linear_cross_entropy", logits, labels, ignore, soft=False)
