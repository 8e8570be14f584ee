"""Convex functions that ADMM and primal-dual methods are made of, by their proximal operators."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array
from jax.tree_util import Partial

from fnet.core.expect import require, require_number
from fnet.errors import ConfigurationError
from fnet.solvers.given import require_function
from fnet.solvers.numbers import real


class Term(NamedTuple):
    """A convex function f, as its methods take it; each part is a pytree with its data.

        prox(t)(v)   -> the x of least f(x) + ‖x − v‖² / 2t; prox(t) does once what t needs
        value(x)     -> f(x)
        conjugate(y) -> the largest yᵀx − f(x) for any x, where it is finite
        fits(y)      -> the largest s ≤ 1 for which the conjugate of s y is finite

    >>> term = l1_norm(2.0)
    >>> term.prox(1.0)(jnp.array([3.0, -1.0])).tolist(), float(term.value(jnp.array([3.0, -1.0])))
    ([1.0, 0.0], 8.0)
    """

    prox: Callable[[Any], Callable[[Array], Array]]
    value: Callable[[Array], Array]
    conjugate: Callable[[Array], Array]
    fits: Callable[[Array], Array]


def _finite(y: Array) -> Array:
    return jnp.ones((), y.dtype)


def _zero(x: Array) -> Array:
    return jnp.zeros((), x.dtype)


def l1_norm(weight: float) -> Term:
    """λ ‖x‖₁; its proximal operator shrinks, and its conjugate is 0 where |y| ≤ λ.

    >>> float(l1_norm(2.0).fits(jnp.array([4.0, 1.0])))
    0.5
    """
    require_number("l1_norm: weight", weight, least=0)
    return Term(
        Partial(_shrinking, weight), Partial(_l1, weight), Partial(_zero), Partial(within, weight)
    )


def shrunk(v: Array, by: Any) -> Array:
    """sign(v) max(|v| − λ, 0), entry by entry; NaN stays NaN."""
    return jnp.where(jnp.abs(v) <= by, 0, v - jnp.sign(v) * by)


def _shrinking(weight: Any, t: Any) -> Callable[[Array], Array]:
    return lambda v: shrunk(v, t * weight)


def _l1(weight: Any, x: Array) -> Array:
    return weight * jnp.abs(x).sum()


def within(weight: Any, y: Array) -> Array:
    """The largest s ≤ 1 for which no entry of s y exceeds λ in size."""
    largest = jnp.max(jnp.abs(y), initial=0)
    return jnp.where(largest > weight, weight / jnp.where(largest > 0, largest, 1), 1)


def squared_distance(b: Array, weight: float = 1.0) -> Term:
    """λ/2 ‖x − b‖², for b of any shape.

    >>> squared_distance(jnp.array([2.0])).prox(1.0)(jnp.zeros(1)).tolist()
    [1.0]
    """
    require_number("squared_distance: weight", weight, above=0)
    data = (real("squared_distance: b", b), weight)
    return Term(
        Partial(_towards, *data),
        Partial(_distance, *data),
        Partial(_distance_conjugate, *data),
        Partial(_finite),
    )


def _towards(b: Array, weight: Any, t: Any) -> Callable[[Array], Array]:
    return lambda v: (v + t * weight * b) / (1 + t * weight)


def _distance(b: Array, weight: Any, x: Array) -> Array:
    return weight / 2 * jnp.sum((x - b) ** 2)


def _distance_conjugate(b: Array, weight: Any, y: Array) -> Array:
    return jnp.sum(y**2) / (2 * weight) + jnp.vdot(y, b)


def squares(A: Array, b: Array) -> Term:
    """½ ‖A x − b‖² / N for A (N, d), the mean of squares of a linear regression, halved.

    With `l1_norm` it is the lasso. prox(t) inverts AᵀA / N + I / t once, or with more columns than
    rows a matrix of N². The conjugate is at y in the range of Aᵀ, where alone it is finite.

    >>> term = squares(jnp.eye(2), jnp.array([2.0, 4.0]))
    >>> print(term.value(jnp.zeros(2)), term.prox(1.0)(jnp.zeros(2)).round(4))
    5.0 [0.6667 1.3333]
    """
    A, b = real("squares: A", A), real("squares: b", b)
    require(
        A.ndim == 2 and b.shape == A.shape[:1] and A.size > 0,
        f"squares: A is {A.shape} and b {b.shape}; they must be (N, d) and (N,)",
    )
    return Term(
        Partial(_regressed, A, b),
        Partial(_residual, A, b),
        Partial(_residual_conjugate, A, b),
        Partial(_finite),
    )


def _regressed(A: Array, b: Array, t: Any) -> Callable[[Array], Array]:
    n, d = A.shape
    if d <= n:
        inverse = _inverse(A.T @ A / n + jnp.eye(d, dtype=A.dtype) / t)
        q = b @ A / n
        return lambda v: inverse @ (q + v / t)
    # The matrix inversion lemma: N numbers are fewer than d.
    inverse = _inverse(jnp.eye(n, dtype=A.dtype) + t / n * (A @ A.T))
    return lambda v: v - t / n * (A.T @ (inverse @ (A @ v - b)))


def _inverse(positive: Array) -> Array:
    """The inverse of a positive definite matrix: a product with it is faster than two solves."""
    factor = jax.scipy.linalg.cho_factor(positive)
    inverse: Array = jax.scipy.linalg.cho_solve(
        factor, jnp.eye(len(positive), dtype=positive.dtype)
    )
    return inverse


def _residual(A: Array, b: Array, x: Array) -> Array:
    return jnp.sum((A @ x - b) ** 2) / (2 * len(b))


def _residual_conjugate(A: Array, b: Array, y: Array) -> Array:
    n, d = A.shape
    G, q = A.T @ A / n, y + b @ A / n
    x = jax.scipy.linalg.solve(G, q, assume_a="pos") if d <= n else jnp.linalg.lstsq(G, q)[0]
    return jnp.vdot(y, x) - _residual(A, b, x)


def box(low: float | Array = 0.0, high: float | Array = jnp.inf) -> Term:
    """0 where low ≤ x ≤ high, and ∞ elsewhere: a constraint. `box()` is x ≥ 0.

    >>> box().prox(1.0)(jnp.array([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    numbers = all(isinstance(bound, int | float) for bound in (low, high))
    if not numbers:
        low, high = real("box: low", low), real("box: high", high)
    known = not isinstance(low, jax.core.Tracer) and not isinstance(high, jax.core.Tracer)
    if known and not np.all(np.asarray(low) <= np.asarray(high)):
        raise ConfigurationError(f"box: low is {low} and high {high}; nothing is between them")
    return Term(
        Partial(_clipping, low, high),
        Partial(_zero),
        Partial(_support, low, high),
        Partial(_supported, low, high),
    )


def _clipping(low: Any, high: Any, t: Any) -> Callable[[Array], Array]:
    return lambda v: jnp.clip(v, low, high)


def _support(low: Any, high: Any, y: Array) -> Array:
    return jnp.sum(jnp.where(y > 0, high, low) * jnp.where(y == 0, 0, y), where=y != 0)


def _supported(low: Any, high: Any, y: Array) -> Array:
    endless = ((y > 0) & jnp.isinf(high)) | ((y < 0) & jnp.isinf(low))
    return jnp.where(endless.any(), jnp.zeros((), y.dtype), 1)


def consensus() -> Term:
    """0 where all rows of x (m, n) are equal, and ∞ elsewhere: m workers that must agree.

    >>> consensus().prox(1.0)(jnp.array([[0.0], [2.0]])).tolist()
    [[1.0], [1.0]]
    """
    return Term(Partial(_agreeing), Partial(_zero), Partial(_zero), Partial(_finite))


def _agreeing(t: Any) -> Callable[[Array], Array]:
    return lambda v: jnp.broadcast_to(v.mean(axis=0), v.shape)


def separable(term: Callable[..., Term], *data: Array) -> Term:
    """The sum of term(*data[i])(xᵢ) over the rows of x (m, n): one function per worker.

    >>> term = separable(squared_distance, jnp.array([[1.0], [3.0]]))
    >>> term.prox(1.0)(jnp.zeros((2, 1))).tolist()
    [[0.5], [1.5]]
    """
    require_function("separable: term", term)
    rows = [real("separable: data", array) for array in data]
    lengths = {array.shape[:1] for array in rows}
    require(
        len(lengths) == 1 and () not in lengths,
        f"separable: data are {[array.shape for array in rows]}; each has one row per worker",
    )
    each = jax.vmap(lambda *row: _made(term, row))(*rows)
    return Term(
        Partial(_each_prox, each.prox),
        Partial(_each_sum, each.value),
        Partial(_each_sum, each.conjugate),
        Partial(_each_least, each.fits),
    )


def _made(term: Callable[..., Any], row: Any) -> Term:
    made = term(*row)
    if not isinstance(made, Term):
        raise ConfigurationError(f"separable: term gives {made!r:.80}; it must give a Term")
    return made


def _each_prox(prox: Any, t: Any) -> Callable[[Array], Array]:
    return lambda v: jax.vmap(lambda one, v: one(t)(v))(prox, v)


def _each_sum(value: Any, x: Array) -> Array:
    return jax.vmap(lambda one, x: one(x))(value, x).sum()


def _each_least(fits: Any, y: Array) -> Array:
    return jax.vmap(lambda one, y: one(y))(fits, y).min()
