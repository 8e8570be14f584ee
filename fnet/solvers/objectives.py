"""What is minimised: a function with its gradient, and products with its curvature."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Layer, Loss
from fnet.core.expect import require_array, require_floating
from fnet.core.remembering import remembered
from fnet.core.trees import add, cast, is_floating, is_non_trainable
from fnet.errors import ConfigurationError, ShapeError
from fnet.solvers.given import require_function, require_method
from fnet.solvers.numbers import array, arrays, one_number

Product = Callable[[Array], Array]  # a matrix, as what it does to a vector
LARGEST = 2**31  # bytes of a matrix
SUM = ": sum it, or take least_squares for residuals"


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Objective:
    """A function f(θ) of a pytree of parameters, and what is known about it.

        value_and_grad(θ, *data) -> f, ∇f
        curvature(θ, *data)      -> (v -> G v)     G: the Gauss-Newton matrix; None if unknown
        residuals(θ, *data)      -> r              f is ½ ‖r‖²; None if it is no sum of squares

    `data` are arguments of compiled functions: other data of the same shapes compile nothing.
    Make one with `objective`, `function` or `least_squares`.

    >>> f = function(lambda x: (x**2).sum())
    >>> value, grads = f.value_and_grad(jnp.array([3.0]))
    >>> float(value), grads.tolist(), f.residuals
    (9.0, [6.0], None)
    """

    value_and_grad: Callable[..., tuple[Array, ArrayTree]] = dataclasses.field(
        metadata={"static": True}
    )
    data: tuple[Any, ...] = ()
    curvature: Callable[..., Callable[[ArrayTree], ArrayTree]] | None = dataclasses.field(
        default=None, metadata={"static": True}
    )
    residuals: Callable[..., Array] | None = dataclasses.field(
        default=None, metadata={"static": True}
    )


def objective(model: Layer, loss: Loss, x: Any, target: Array) -> Objective:
    """The loss of a model on all samples, with its penalty, as a function of its parameters.

        f = loss(model(θ, x), t) + penalty(θ)
        ∇f = backward(θ, cache, dy) + ∇penalty(θ)
        G v = backward(θ, cache, L J v) + P v

    J v is `jax.jvp` of `forward`, L v that of the loss's gradient dy, and P v of the penalty's. The
    model is as it is in use: without a key, and so without noise. x is cast to the dtype of the
    parameters.

    >>> from fnet import losses, models
    >>> x, t = jnp.array([[0.0], [1.0]]), jnp.array([0.0, 1.0])
    >>> model = models.logistic_regression()
    >>> params, _ = model.init(jax.random.key(0), (1,))
    >>> value, grads = objective(model, losses.bce(), x, t).value_and_grad(params, x, t)
    >>> jax.tree.structure(grads) == jax.tree.structure(params)
    True
    """
    require_method("objective: the model", model, Layer, "affine(1)")
    require_method("objective: the loss", loss, Loss, "mse()")
    if loss.reduction == "none":
        raise ConfigurationError(
            f"objective: one number is minimised, and {loss} gives many; take reduction='mean' or "
            "'sum'"
        )
    value_and_grad, curvature = _of_model(model, loss)
    x, target = arrays("objective: x", x), arrays("objective: the target", target)
    return Objective(value_and_grad, (x, target), curvature)


@remembered
def _of_model(model: Layer, loss: Loss) -> tuple[Any, Any]:
    def value_and_grad(params: ArrayTree, x: Any, target: Array) -> tuple[Array, ArrayTree]:
        y, cache = model.forward(params, _like(params, x))
        value, dy = loss.value_and_grad(y, target)
        grads, _ = model.backward(params, cache, dy)
        if model.penalty is None:
            return value, grads
        cost, dcost = model.penalty.value_and_grad(params)
        return value + cost.astype(value.dtype), add(grads, dcost)

    def curvature(params: ArrayTree, x: Any, target: Array) -> Callable[[ArrayTree], ArrayTree]:
        x = _like(params, x)
        y, cache = model.forward(params, x)
        forward = jax.linearize(lambda params: model.forward(params, x)[0], params)[1]
        bend = jax.linearize(lambda y: loss.value_and_grad(y, target)[1], y)[1]

        def product(v: ArrayTree) -> ArrayTree:
            grads, _ = model.backward(params, cache, bend(forward(v)))
            if model.penalty is None:
                return grads
            slope = model.penalty.value_and_grad
            return add(grads, jax.jvp(lambda p: slope(p)[1], (params,), (v,))[1])

        return product

    return value_and_grad, curvature


def _like(params: ArrayTree, x: Any) -> Any:
    """x in the dtype of the parameters."""
    dtypes = [leaf.dtype for leaf in jax.tree.leaves(params) if is_floating(leaf)]
    return cast(x, dtypes[0]) if dtypes else x


def function(f: Callable[..., Any], *data: Any, with_gradient: bool = False) -> Objective:
    """f(θ, *data), differentiated by JAX; or, `with_gradient`, a function that gives (f, ∇f).

    A hand-written gradient is differentiated forwards for products with the Hessian.

    >>> f = function(lambda x, a: (a * x**2, 2 * a * x), 3.0, with_gradient=True)
    >>> value, grads = f.value_and_grad(jnp.array(2.0), *f.data)
    >>> float(value), float(grads)
    (12.0, 12.0)
    """
    require_function("function: f", f)
    return Objective(f if with_gradient else _by_autodiff(f), data)


@remembered
def _by_autodiff(f: Callable[..., Array]) -> Callable[..., Any]:
    def value(params: ArrayTree, *data: Any) -> Array:
        number = one_number("the objective", f(params, *data), SUM)
        require_floating("the objective", number)
        return number

    return jax.value_and_grad(value)


def least_squares(residuals: Callable[..., Array], *data: Any) -> Objective:
    """f = ½ ‖r‖² of residuals r(θ, *data), an array of any shape, whose Jacobian is J.

        ∇f = Jᵀ r        G = Jᵀ J

    >>> f = least_squares(lambda x, t: x - t, jnp.array([1.0, 2.0]))
    >>> value, grads = f.value_and_grad(jnp.array([4.0, 6.0]), *f.data)
    >>> float(value), grads.tolist()
    (12.5, [3.0, 4.0])
    """
    require_function("least_squares: residuals", residuals)
    value_and_grad, curvature, flat = _of_residuals(residuals)
    return Objective(value_and_grad, data, curvature, flat)


@remembered
def _of_residuals(residuals: Callable[..., Array]) -> tuple[Any, Any, Any]:
    def flat(params: ArrayTree, *data: Any) -> Array:
        r = array("least_squares: the residuals", residuals(params, *data))
        require_floating("least_squares: the residuals", r)
        return r.ravel()

    def value_and_grad(params: ArrayTree, *data: Any) -> tuple[Array, ArrayTree]:
        r, transposed = jax.vjp(lambda params: flat(params, *data), params)
        return 0.5 * jnp.vdot(r, r), transposed(r)[0]

    def curvature(params: ArrayTree, *data: Any) -> Callable[[ArrayTree], ArrayTree]:
        at = jax.linearize(lambda params: flat(params, *data), params)[1]
        back = jax.linear_transpose(at, params)
        return lambda v: back(at(v))[0]

    return value_and_grad, curvature, flat


class Problem(NamedTuple):
    """An objective as a function of one vector x, and the tolerance of its gradient.

    What a solver's `update` takes. Products are linear functions of a vector, at a point.

    >>> problem, x, restore = as_vector(function(lambda p: (p["a"] ** 2).sum()), {"a": jnp.ones(2)})
    >>> problem.hessian(x)(jnp.array([1.0, 0.0])).tolist(), restore(x)["a"].tolist()
    ([2.0, 0.0], [1.0, 1.0])
    """

    value_and_grad: Callable[[Array], tuple[Array, Array]]
    hessian: Callable[[Array], Product]
    gauss_newton: Callable[[Array], Product] | None
    residuals: Callable[[Array], Array] | None
    tol: Any


def as_vector(
    objective: Objective, params: ArrayTree, tol: Any = 0.0
) -> tuple[Problem, Array, Callable[[Array], ArrayTree]]:
    """The problem of one vector, the vector of these parameters, and the way back.

    >>> problem, x, restore = as_vector(function(lambda p: p["w"] @ p["w"]), {"w": jnp.ones(2)})
    >>> float(problem.value_and_grad(x)[0])
    2.0
    """
    require_method("as_vector: the objective", objective, Objective, "function(f)")
    x, restore = raveled(params)
    data = objective.data

    def flat(tree: ArrayTree) -> Array:
        return raveled(tree)[0].astype(x.dtype)

    def value_and_grad(x: Array) -> tuple[Array, Array]:
        at = restore(x)
        value, grads = _pair(objective.value_and_grad(at, *data))
        _require_like(grads, at)
        return one_number("the objective", value, SUM).astype(x.dtype), flat(grads)

    def hessian(x: Array) -> Product:
        product: Product = jax.linearize(lambda x: value_and_grad(x)[1], x)[1]
        return product

    def gauss_newton(x: Array) -> Product:
        assert objective.curvature is not None
        product = objective.curvature(restore(x), *data)
        tangent = jax.linearize(restore, x)[1]
        return lambda v: flat(product(tangent(v)))

    def residuals(x: Array) -> Array:
        assert objective.residuals is not None
        return objective.residuals(restore(x), *data).astype(x.dtype)

    problem = Problem(
        value_and_grad,
        hessian,
        gauss_newton if objective.curvature else None,
        residuals if objective.residuals else None,
        tol,
    )
    return problem, x, restore


def _pair(given: Any) -> tuple[Any, Any]:
    if not (isinstance(given, tuple) and len(given) == 2):
        raise ShapeError(
            f"an objective with its gradient gives a pair (value, gradient), and not {given!r:.80}"
        )
    return given


def _require_like(grads: ArrayTree, params: ArrayTree) -> None:
    """Raise ShapeError unless these are gradients of the trainable parameters."""
    shapes = [
        [
            jnp.shape(leaf)
            for leaf in jax.tree.leaves(tree, is_leaf=is_non_trainable)
            if not is_non_trainable(leaf)
        ]
        for tree in (grads, params)
    ]
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"the gradients of an objective are {shapes[0]}, and its parameters {shapes[1]}; they "
            "are alike"
        )


def raveled(params: ArrayTree) -> tuple[Array, Callable[[Array], ArrayTree]]:
    """The trainable parameters as one vector, in float32 or wider, and the way back.

    `NonTrainable` parts are not in the vector, and come back unchanged.

    >>> x, restore = raveled({"w": jnp.ones((2, 1)), "b": jnp.zeros(1)})
    >>> x.tolist(), restore(x)["w"].shape
    ([0.0, 1.0, 1.0], (2, 1))
    """
    leaves, tree = jax.tree.flatten(params, is_leaf=is_non_trainable)
    moving = [k for k, leaf in enumerate(leaves) if not is_non_trainable(leaf)]
    for k in moving:
        require_array("a parameter", leaves[k])
        if not is_floating(leaves[k]):
            raise ShapeError(
                f"a parameter is {leaves[k].dtype}; solvers move floating point numbers: cast it, "
                "or wrap it in NonTrainable"
            )
    dtypes = [leaves[k].dtype for k in moving] + [jnp.dtype(jnp.float32)]
    dtype = max(dtypes, key=lambda dtype: dtype.itemsize)
    sizes = [leaves[k].size for k in moving]

    def restore(x: Array) -> ArrayTree:
        found, begin = list(leaves), 0
        for k, size in zip(moving, sizes, strict=True):
            part = x[begin : begin + size]
            found[k] = part.reshape(leaves[k].shape).astype(leaves[k].dtype)
            begin += size
        return jax.tree.unflatten(tree, found)

    parts = [jnp.ravel(leaves[k]).astype(dtype) for k in moving]
    return (jnp.concatenate(parts) if parts else jnp.zeros(0, dtype)), restore


def dense(product: Product, like: Array) -> Array:
    """The symmetric matrix (n, n) of these products, for x (n,)."""
    matrix = jax.vmap(product)(identity(like))
    return (matrix + matrix.T) / 2


def identity(like: Array) -> Array:
    """I (n, n) for x (n,); raises ConfigurationError where so large a matrix is no use.

    >>> identity(jnp.zeros(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    n = len(like)
    if n * n * like.dtype.itemsize > LARGEST:
        raise ConfigurationError(
            f"this solver keeps a matrix of {n:,} by {n:,} numbers, one row for each parameter, "
            f"and that is {n * n * like.dtype.itemsize / 1e9:.0f} GB; take lbfgs, newton_cg or "
            "nonlinear_cg, which keep vectors"
        )
    return jnp.eye(n, dtype=like.dtype)
