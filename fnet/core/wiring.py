"""The one place where a hand-written backward pass is wired into JAX."""

from collections.abc import Callable
from types import EllipsisType
from typing import Any

import jax
from chex import Array, ArrayTree, PRNGKey

from fnet.core.broadcasting import rows
from fnet.core.contract import Layer, Loss, Penalty, Recipe, Shape, Stream
from fnet.errors import ConfigurationError


def layer(
    init: Callable[[PRNGKey, Shape], tuple[ArrayTree, Shape]],
    forward: Callable[..., tuple[Any, ArrayTree]],
    backward: Callable[[ArrayTree, ArrayTree, Any], tuple[ArrayTree, Any]],
    penalty: Penalty | EllipsisType | None = ...,
    layers: tuple[Layer, ...] = (),
    observe: Callable[[ArrayTree, ArrayTree], ArrayTree] | None = None,
    recipe: Recipe | None = None,
    stream: Stream | None = None,
) -> Layer:
    """The Layer of these functions: its `apply` is `forward`, differentiated by `backward`.

    Without `penalty` it has that of its only part in `layers`, whose parameters must then be its
    own; of several parts with penalties it must be given, and None is no penalty. Nothing else is
    shared: where a part observes batches, as `batch_norm` does, `observe` must call the part's.

    >>> double = layer(
    ...     lambda key, shape: ((), shape),
    ...     lambda params, x, key=None: (2 * x, ()),
    ...     lambda params, cache, dy: ((), 2 * dy),
    ... )
    >>> float(jax.grad(lambda x: double.apply((), x))(3.0))
    2.0
    """
    if penalty is ...:
        if len(layers) > 1 and any(part.penalty for part in layers):
            raise ConfigurationError(
                "layer: some of its layers have a penalty; give its own, or None"
            )
        penalty = layers[0].penalty if layers else None

    @jax.custom_vjp
    def apply(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> Any:
        return forward(params, x, key)[0]

    def remember(params: ArrayTree, x: Any, key: PRNGKey | None) -> tuple[Any, ArrayTree]:
        y, cache = forward(params, x, key)
        return y, (params, cache)

    def differentiate(remembered: ArrayTree, dy: Any) -> tuple[ArrayTree, Any, None]:
        params, cache = remembered
        dparams, dx = backward(params, cache, jax.tree.map(_gradient, dy))
        return dparams, dx, None

    apply.defvjp(remember, differentiate)
    return Layer(init, apply, forward, backward, penalty, layers, observe, recipe, stream)


def _gradient(d: Any) -> Any:
    """None in place of the float0 that JAX passes for integer outputs."""
    return None if d.dtype == jax.dtypes.float0 else d


def afresh(cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
    """Both unchanged, behind a barrier: what is computed from them is computed again.

    Without it XLA notices that the forward pass computed the same, and keeps that in memory.

    >>> [leaf.tolist() for leaf in afresh(jax.numpy.ones(2), jax.numpy.zeros(1))]
    [[1.0, 1.0], [0.0]]
    """
    behind: tuple[ArrayTree, Any] = jax.lax.optimization_barrier((cache, dy))
    return behind


def split(key: PRNGKey | None, parts: int) -> Any:
    """One key per part, or None for each without a key.

    >>> split(None, 2)
    [None, None]
    """
    return [None] * parts if key is None else jax.random.split(key, parts)


def penalty(value_and_grad: Callable[[ArrayTree], tuple[Array, ArrayTree]]) -> Penalty:
    """The Penalty whose `apply` is differentiated by the gradient that `value_and_grad` gives.

    >>> squares = penalty(lambda w: (w @ w, 2 * w))
    >>> jax.grad(squares.apply)(jax.numpy.array([1.0, 3.0])).tolist()
    [2.0, 6.0]
    """

    @jax.custom_vjp
    def apply(params: ArrayTree) -> Array:
        return value_and_grad(params)[0]

    def differentiate(dparams: ArrayTree, scale: Array) -> tuple[ArrayTree]:
        return (jax.tree.map(lambda d: scale.astype(d.dtype) * d, dparams),)

    apply.defvjp(value_and_grad, differentiate)
    return Penalty(apply, value_and_grad)


def loss(
    value_and_grad: Callable[..., tuple[Array, Array]],
    probabilities: Callable[[Array], Array] | None = None,
    predict: Callable[[Array], Array] | None = None,
    reduction: str = "mean",
    ignored: Callable[[Array], Array] | None = None,
    sizes: Callable[[Array], Array] | None = None,
    targets: tuple[float, float] | None = None,
    estimate: Callable[[Any], Any] | None = None,
    unit: float = 1.0,
    pull: Callable[..., Array] | None = None,
) -> Loss:
    """The Loss whose `apply` is differentiated by the gradient that `value_and_grad` gives.

    Rows that `where` does not mark must add nothing: the last batch of an epoch is filled with
    some. Training refuses a loss that counts them, and targets that are not within `targets`.

    Where values that are not reduced have other axes than the leading ones of y, or depend on other
    rows of it, `pull(y, target, where, weights)` is the gradient by y of their weighted sum, with
    weights of their shape. Without it that is the gradient of their sum, each row times its weight.

    >>> def value_and_grad(y, target, where=None):
    ...     e = y - target if where is None else jax.numpy.where(where, y - target, 0)
    ...     return (e**2).sum(), 2 * e
    >>> squared = loss(value_and_grad, reduction="sum")
    >>> jax.grad(squared.apply)(jax.numpy.array([4.0]), jax.numpy.array([1.0])).tolist()
    [6.0]
    """

    @jax.custom_vjp
    def apply(y: Array, target: Array, where: Array | None = None) -> Array:
        return value_and_grad(y, target, where)[0]

    def remember(y: Any, target: Any, where: Any) -> tuple[Array, Any]:
        if any(leaf.perturbed for leaf in jax.tree.leaves((target, where))):
            raise TypeError(
                "a loss is differentiated with respect to its predictions only, not its target: "
                "wrap the target in jax.lax.stop_gradient"
            )
        given = jax.tree.map(lambda leaf: leaf.value, (y, target, where))
        value, dy = value_and_grad(*given)
        return value, dy if pull is None else given

    def differentiate(kept: Any, scale: Array) -> tuple[Array, None, None]:
        if pull is None:
            return jax.tree.map(lambda d: rows(scale, d) * d, kept), None, None
        return pull(*kept, scale), None, None

    apply.defvjp(remember, differentiate, symbolic_zeros=True)
    return Loss(
        *(apply, value_and_grad, probabilities, predict, reduction),
        *(ignored, sizes, targets, estimate, unit),
    )
