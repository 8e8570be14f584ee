"""Coordinate descent: linear models with ℓ₁ and ℓ₂ penalties, one weight after the other."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array

from fnet.core.choices import require_choice
from fnet.core.expect import require, require_bool, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.solvers.convex import shrunk, within
from fnet.solvers.given import require_known, require_method, require_tolerance
from fnet.solvers.looping import looped
from fnet.solvers.numbers import real
from fnet.solvers.outcomes import BAD_START, CONVERGED, RUNNING, SINGULAR, ending, first

LOSSES = ("squares", "logistic")
FEW = 64  # columns: their products take less than the passes that they save
LINEAR_WORDS = {
    CONVERGED: "converged: no weight moves by more than the tolerance",
    SINGULAR: "out of range: a column of x is so small that its squares are 0; scale it",
}


class Weights(NamedTuple):
    """w (d,) and the intercept b, what they make of the data, and how far the last pass moved.

    `own` is G w (d,) where the products G = XᵀX / N are used, and else the scores X w + b (N,).

    >>> Weights(jnp.zeros(2), jnp.zeros(()), jnp.zeros(2), jnp.zeros(())).w.tolist()
    [0.0, 0.0]
    """

    w: Array
    b: Array
    own: Array
    moved: Array


class _Products(NamedTuple):
    """Of the centred data: XᵀX / N, Xᵀt / N, tᵀt / N; and the means taken off."""

    G: Array
    q: Array
    tt: Array
    mean_x: Array
    mean_t: Array


class _Rows(NamedTuple):
    """Xᵀ (d, N), t, and the curvature h (d,) of each weight; of squares, centred as above."""

    xt: Array
    t: Array
    h: Array
    mean_x: Array
    mean_t: Array


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LinearModel(Value):
    """A stateless pair for a penalised linear model, and what it is measured by.

        prepare(x, t)        -> rows            what of the data is computed once
        init_state(rows)     -> Weights
        update(rows, state)  -> Weights         one pass over all weights
        measure(rows, state) -> value, gap

    >>> coordinate_descent(l1=0.1)
    coordinate_descent(l1=0.1)
    """

    prepare: Callable[[Array, Array], Any]
    init_state: Callable[[Any], Weights]
    update: Callable[[Any, Weights], Weights]
    measure: Callable[[Any, Weights], tuple[Array, Array]]
    probable: bool = False  # t are probabilities, 0 and 1 among them


class Fitted(NamedTuple):
    """w (d,), the intercept, the objective, its duality gap, and how it ended.

    >>> x, t = jnp.array([[0.0], [1.0]]), jnp.array([1.0, 3.0])
    >>> fit_linear(coordinate_descent(), x, t).w.tolist()
    [2.0]
    """

    w: Array
    intercept: Array
    value: float
    gap: float
    reason: str
    converged: bool
    steps: int
    history: np.ndarray


def fit_linear(
    method: LinearModel, x: Array, t: Array, *, tol: float | None = None, max_steps: int = 1000
) -> Fitted:
    """Fit t (N,) by x (N, d), until no weight moves by more than tol · max |w| in a pass.

    `gap` bounds how far the value is above the least possible, whatever the reason to end;
    `history` has how far weights moved in each pass. tol is ε^¾ unless given.

    >>> x = jax.random.normal(jax.random.key(0), (100, 5))
    >>> fitted = fit_linear(coordinate_descent(l1=0.5), x, 3 * x[:, 0])
    >>> fitted.w.round(1).tolist(), fitted.gap < 1e-9
    ([2.5, 0.0, 0.0, 0.0, 0.0], True)
    """
    require_method("fit_linear: the method", method, LinearModel, "coordinate_descent()")
    require_tolerance("fit_linear: tol", tol)
    x, t = real("fit_linear: x", x), real("fit_linear: t", t)
    require(
        x.ndim == 2 and t.shape == x.shape[:1] and x.size > 0,
        f"fit_linear: x is {x.shape} and t {t.shape}; they must be (N, d) and (N,)",
    )
    if method.probable and not isinstance(t, jax.core.Tracer):
        require(
            not bool(((t < 0) | (t > 1)).any()),
            f"fit_linear: t is between {t.min()} and {t.max()}; for a logistic loss it is 0 or 1",
        )
    require_whole("fit_linear: max_steps", max_steps, least=1)
    goal = float(jnp.finfo(x.dtype).eps) ** 0.75 if tol is None else tol
    state, value, gap, reason, k, moves = _fit(method, max_steps, x, t.astype(x.dtype), goal)
    require_known("fit_linear", state, reason)
    said, done = ending(reason, LINEAR_WORDS), int(reason) == CONVERGED
    history = np.asarray(moves)[1 : int(k) + 1]
    return Fitted(state.w, state.b, float(value), float(gap), said, done, int(k), history)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _fit(method: LinearModel, most: int, x: Array, t: Array, tol: Any) -> Any:
    rows = method.prepare(x, t)

    def step(state: Weights) -> tuple[Weights, Array, Array]:
        state = method.update(rows, state)
        reason = first(
            (~jnp.isfinite(state.moved), BAD_START),
            (state.moved <= tol * jnp.max(jnp.abs(state.w)), CONVERGED),
        )
        return state, reason, state.moved

    tops = jnp.max(jnp.abs(x), axis=0)
    lost = jnp.any((tops > 0) & (tops**2 == 0))
    obstacle = jnp.where(lost, jnp.int32(SINGULAR), jnp.int32(RUNNING))
    begin = method.init_state(rows)
    state, reason, k, moves = looped(step, begin, begin.moved, most, obstacle)
    return state, *method.measure(rows, state), reason, k, moves


@constructor
def coordinate_descent(
    l1: float = 0.0, l2: float = 0.0, loss: str = "squares", intercept: bool = True
) -> LinearModel:
    """The lasso, ridge, the elastic net, and their logistic kin; λ₁ is `l1` and λ₂ is `l2`.

        f = Σᵢ (xᵢᵀ w + b − tᵢ)² / (2 N) + λ₁ Σⱼ |wⱼ| + (λ₂ / 2) ‖w‖²
        f = Σᵢ log(1 + exp(−sᵢ (xᵢᵀ w + b))) / N + λ₁ Σⱼ |wⱼ| + (λ₂ / 2) ‖w‖²
        wⱼ ← S(hⱼ wⱼ − gⱼ, λ₁) / (hⱼ + λ₂)        S(v, λ) = sign(v) max(|v| − λ, 0)

    The first for loss="squares", the second for "logistic". One weight after the other, where gⱼ is
    the derivative of the mean and hⱼ = ‖xⱼ‖² / N its curvature, or a quarter of that, which bounds
    the curvature of the logistic loss. s = ±1 for t = 1 and 0. The intercept has no penalty. A pass
    leaves out weights that are 0 and would stay there, |gⱼ| ≤ λ₁ as it begins. Up to 64 columns,
    and no more than rows, squares are minimised from the products XᵀX alone. scikit-learn's
    Lasso(alpha) is l1=alpha, and ElasticNet(alpha, l1_ratio=r) is l1=alpha·r, l2=alpha·(1 − r).

    Source: Friedman, Hastie & Tibshirani (2010), Regularization paths for generalized linear models
    via coordinate descent; Kim et al. (2007) for the duality gap.

    >>> x, t = jnp.array([[-1.0], [1.0], [2.0], [3.0]]), jnp.array([0.0, 1.0, 0.0, 1.0])
    >>> fit_linear(coordinate_descent(l2=0.1, loss="logistic"), x, t).converged
    True
    """
    require_number("coordinate_descent: l1", l1, least=0)
    require_number("coordinate_descent: l2", l2, least=0)
    require_choice("coordinate_descent: loss", loss, *LOSSES)
    require_bool("coordinate_descent: intercept", intercept)
    logistic = loss == "logistic"

    def prepare(x: Array, t: Array) -> _Products | _Rows:
        n, d = x.shape
        centred = intercept and not logistic
        mean_x = x.mean(axis=0) if centred else jnp.zeros(d, x.dtype)
        mean_t = t.mean() if centred else jnp.zeros((), x.dtype)
        t = t - mean_t
        if logistic or d > min(n, FEW):
            xt, squares = _columns(x, mean_x)
            return _Rows(xt, t, squares / (4 * n if logistic else n), mean_x, mean_t)
        x = x - mean_x[None]
        return _Products(x.T @ x / n, t @ x / n, t @ t / n, mean_x, mean_t)

    def init_state(rows: _Products | _Rows) -> Weights:
        own = jnp.zeros_like(rows.q if isinstance(rows, _Products) else rows.t)
        d = len(rows.q) if isinstance(rows, _Products) else len(rows.xt)
        none = jnp.zeros((), own.dtype)
        return Weights(jnp.zeros(d, own.dtype), none, own, none)

    def update(rows: _Products | _Rows, state: Weights) -> Weights:
        if isinstance(rows, _Products):
            return _pass_of_products(rows, state, l1, l2)
        return _pass_of_rows(rows, state, l1, l2, logistic, intercept)

    def measure(rows: _Products | _Rows, state: Weights) -> tuple[Array, Array]:
        if isinstance(rows, _Products):
            return _measured_by_products(rows, state.w, l1, l2)
        return _measured_by_rows(rows, state, l1, l2, logistic)

    return LinearModel(prepare, init_state, update, measure, logistic)


def _new_weight(w: Array, slope: Array, h: Array, l1: float, l2: float) -> Array:
    """The weight that is best with the others as they are; 0 where nothing depends on it."""
    curved = h + l2
    none = curved == 0
    return jnp.where(none, 0, shrunk(h * w - slope, l1) / jnp.where(none, 1, curved))


def _pass_of_products(rows: _Products, state: Weights, l1: float, l2: float) -> Weights:
    def one(j: Array, state: Weights) -> Weights:
        w, b, Gw, moved = state
        new = _new_weight(w[j], Gw[j] - rows.q[j], rows.G[j, j], l1, l2)
        change = new - w[j]
        return Weights(w.at[j].set(new), b, Gw + rows.G[j] * change, _max(moved, change))

    state = jax.lax.fori_loop(0, len(rows.q), one, state._replace(moved=jnp.zeros_like(state.b)))
    return state._replace(b=rows.mean_t - rows.mean_x @ state.w)


def _columns(x: Array, mean_x: Array) -> tuple[Array, Array]:
    """(x − mean)ᵀ (d, N), row by row, so that nothing of its size is beside it; and their ‖·‖²."""

    def column(j: Array) -> tuple[Array, Array]:
        centred = x[:, j] - mean_x[j]
        return centred, jnp.vdot(centred, centred)

    columns: tuple[Array, Array] = jax.lax.map(column, jnp.arange(x.shape[1]))
    return columns


def _pass_of_rows(
    rows: _Rows, state: Weights, l1: float, l2: float, logistic: bool, intercept: bool
) -> Weights:
    """Over the weights that are not 0, and those that would not stay there."""

    def excess(scores: Array) -> Array:
        return (jax.nn.sigmoid(scores) if logistic else scores) - rows.t

    def one(k: Array, state: Weights) -> Weights:
        w, b, scores, moved = state
        j = places[k]
        slope = jnp.vdot(rows.xt[j], excess(scores)) / len(rows.t)
        change = _new_weight(w[j], slope, rows.h[j], l1, l2) - w[j]
        return Weights(w.at[j].add(change), b, scores + rows.xt[j] * change, _max(moved, change))

    slopes = rows.xt @ excess(state.own) / len(rows.t)
    chosen = (state.w != 0) | ~(jnp.abs(slopes) <= l1) if l1 > 0 else jnp.ones_like(slopes, bool)
    (places,) = jnp.nonzero(chosen, size=len(slopes), fill_value=0)
    still = state._replace(moved=jnp.zeros_like(state.b))
    state = jax.lax.fori_loop(0, chosen.sum(), one, still)
    if not logistic:
        return state._replace(b=rows.mean_t - rows.mean_x @ state.w)
    if not intercept:
        return state
    change = -4 * excess(state.own).mean()
    return Weights(state.w, state.b + change, state.own + change, _max(state.moved, change))


def _max(moved: Array, change: Array) -> Array:
    return jnp.maximum(moved, jnp.abs(change))


def _penalty(w: Array, l1: float, l2: float) -> Array:
    return l1 * jnp.abs(w).sum() + l2 / 2 * jnp.vdot(w, w)


def _dual(slopes: Array, l1: float, l2: float) -> tuple[Array, Array]:
    """How far dual variables with these Xᵀu / N must shrink, and the penalty's conjugate there."""
    if l2 > 0:
        return jnp.ones((), slopes.dtype), jnp.sum(shrunk(slopes, l1) ** 2) / (2 * l2)
    return within(l1, slopes), jnp.zeros((), slopes.dtype)


def _measured_by_products(rows: _Products, w: Array, l1: float, l2: float) -> tuple[Array, Array]:
    Gw = rows.G @ w
    wq = jnp.vdot(w, rows.q)
    squares = rows.tt - 2 * wq + jnp.vdot(w, Gw)
    part, conjugate = _dual(rows.q - Gw, l1, l2)
    value = squares / 2 + _penalty(w, l1, l2)
    return value, value - (part * (rows.tt - wq) - part**2 * squares / 2 - conjugate)


def _measured_by_rows(
    rows: _Rows, state: Weights, l1: float, l2: float, logistic: bool
) -> tuple[Array, Array]:
    n, scores, t = len(rows.t), state.own, rows.t
    penalty = _penalty(state.w, l1, l2)
    if not logistic:
        u = t - scores
        part, conjugate = _dual(rows.xt @ u / n, l1, l2)
        value = jnp.vdot(u, u) / n / 2 + penalty
        dual = part * jnp.vdot(u, t) / n - part**2 * jnp.vdot(u, u) / n / 2 - conjugate
        return value, value - dual
    u = t - jax.nn.sigmoid(scores)
    part, conjugate = _dual(rows.xt @ u / n, l1, l2)
    value = jnp.mean(jnp.logaddexp(0, scores) - t * scores) + penalty
    p = part * jnp.abs(u)
    entropy = -jax.scipy.special.xlogy(p, p) - jax.scipy.special.xlog1py(1 - p, -p)
    return value, value - (entropy.mean() - conjugate)
