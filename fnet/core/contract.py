"""The nouns of fnet, and the one place where a hand-written backward pass is wired into JAX."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
from chex import Array, ArrayTree, Numeric, PRNGKey

from fnet.configuration import Value

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Layer(Value):
    """A differentiable function with parameters, as pure functions.

        init(key, shape)             -> params, out_shape   shape: one example, no batch axis
        apply(params, x, key=None)   -> y                   jax.grad of it runs `backward`
        forward(params, x, key=None) -> y, cache            plain JAX, nothing hand-written
        backward(params, cache, dy)  -> dparams, dx         linear in dy

    `penalty` is the layer's regularisation, None where it has none; `layers` are the parts of a
    composition. Without a key a layer is deterministic. Forward-mode differentiation (`jax.jvp`,
    `jax.jacfwd`) cannot pass `apply`: give it `forward`. Over the gradient of `apply` it can.

    >>> from fnet.layers import relu
    >>> y, cache = relu().forward((), jax.numpy.array([-1.0, 2.0]))
    >>> y.tolist(), relu().backward((), cache, jax.numpy.ones(2))[1].tolist()
    ([0.0, 2.0], [0.0, 1.0])
    """

    init: Callable[[PRNGKey, Shape], tuple[ArrayTree, Shape]]
    apply: Callable[..., Array]
    forward: Callable[..., tuple[Array, ArrayTree]]
    backward: Callable[[ArrayTree, ArrayTree, Array], tuple[ArrayTree, Array]]
    penalty: "Penalty | None" = None
    layers: "tuple[Layer, ...]" = ()


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Penalty:
    """A cost on parameters: apply(params) -> value; value_and_grad(params) -> value, dparams.

    >>> from fnet.layers import affine
    >>> layer = affine(2, l2=0.5)
    >>> params, _ = layer.init(jax.random.key(0), (3,))
    >>> float(layer.penalty.apply(params) / (params.w**2).sum())
    0.5
    """

    apply: Callable[[ArrayTree], Array]
    value_and_grad: Callable[[ArrayTree], tuple[Array, ArrayTree]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Loss(Value):
    """How far predictions are from their targets, and the way back.

        apply(y, target, where=None)          -> value      jax.grad of it runs the gradient below
        value_and_grad(y, target, where=None) -> value, dy

    `where` (N,) marks the rows that count; the others add nothing to value or gradient, and the
    mean is over the rest. With reduction "none", value has an entry for each of target, and dy is
    the gradient of their sum. A target is a constant: to differentiate by it raises TypeError.

    `probabilities(y) -> (N, C)` is what a prediction says of each class, and `predict(y) -> (N,)`
    the likeliest one, −1 where y is no number; both None for a regression.

    >>> from fnet import losses
    >>> y, target = jax.numpy.array([1.0, 4.0]), jax.numpy.array([1.0, 2.0])
    >>> value, dy = losses.mse().value_and_grad(y, target)
    >>> float(value), dy.tolist()
    (2.0, [0.0, 2.0])
    """

    apply: Callable[..., Array]
    value_and_grad: Callable[..., tuple[Array, Array]]
    probabilities: Callable[[Array], Array] | None = None
    predict: Callable[[Array], Array] | None = None
    reduction: str = "mean"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Value):
    """A stateless pair, in the order and with the meaning of optax's GradientTransformation.

        init_state(params)           -> state
        update(grads, state, params) -> updates, state      updates are added to params

    It unpacks as the pair, and answers to `.init` too, so that optax takes it as it is.

    >>> from fnet import optimizers
    >>> init_state, update = optimizers.sgd(0.5)
    >>> params, grads = {"w": jax.numpy.zeros(2)}, {"w": jax.numpy.array([1.0, -3.0])}
    >>> updates, state = update(grads, init_state(params), params)
    >>> updates["w"].tolist(), int(state.step)
    ([-0.5, 1.5], 1)
    """

    init_state: Callable[[ArrayTree], ArrayTree]
    update: Callable[..., tuple[ArrayTree, ArrayTree]]

    @property
    def init(self) -> Callable[[ArrayTree], ArrayTree]:
        return self.init_state

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter((self.init_state, self.update))


def layer(
    init: Callable[[PRNGKey, Shape], tuple[ArrayTree, Shape]],
    forward: Callable[..., tuple[Array, ArrayTree]],
    backward: Callable[[ArrayTree, ArrayTree, Array], tuple[ArrayTree, Array]],
    penalty: Penalty | None = None,
    layers: tuple[Layer, ...] = (),
) -> Layer:
    """The Layer of these functions: its `apply` is `forward`, differentiated by `backward`.

    >>> double = layer(
    ...     lambda key, shape: ((), shape),
    ...     lambda params, x, key=None: (2 * x, ()),
    ...     lambda params, cache, dy: ((), 2 * dy),
    ... )
    >>> float(jax.grad(lambda x: double.apply((), x))(3.0))
    2.0
    """

    @jax.custom_vjp
    def apply(params: ArrayTree, x: Array, key: PRNGKey | None = None) -> Array:
        return forward(params, x, key)[0]

    def remember(params: ArrayTree, x: Array, key: PRNGKey | None) -> tuple[Array, ArrayTree]:
        y, cache = forward(params, x, key)
        return y, (params, cache)

    def differentiate(remembered: ArrayTree, dy: Array) -> tuple[ArrayTree, Array, None]:
        params, cache = remembered
        dparams, dx = backward(params, cache, dy)
        return dparams, dx, None

    apply.defvjp(remember, differentiate)
    return Layer(init, apply, forward, backward, penalty, layers)


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
) -> Loss:
    """The Loss whose `apply` is differentiated by the gradient that `value_and_grad` gives.

    >>> def value_and_grad(y, target, where=None):
    ...     return ((y - target) ** 2).sum(), 2 * (y - target)
    >>> squared = loss(value_and_grad)
    >>> jax.grad(squared.apply)(jax.numpy.array([4.0]), jax.numpy.array([1.0])).tolist()
    [6.0]
    """

    @jax.custom_vjp
    def apply(y: Array, target: Array, where: Array | None = None) -> Array:
        return value_and_grad(y, target, where)[0]

    def remember(y: Any, target: Any, where: Any) -> tuple[Array, Array]:
        if any(leaf.perturbed for leaf in jax.tree.leaves((target, where))):
            raise TypeError(
                "a loss is differentiated by its predictions only, and its target is being "
                "differentiated too: wrap the target in jax.lax.stop_gradient"
            )
        return value_and_grad(*jax.tree.map(lambda leaf: leaf.value, (y, target, where)))

    def differentiate(dy: Array, scale: Array) -> tuple[Array, None, None]:
        return rows(scale, dy) * dy, None, None

    apply.defvjp(remember, differentiate, symbolic_zeros=True)
    return Loss(apply, value_and_grad, probabilities, predict, reduction)


def rows(leading: Numeric, like: Array) -> Array:
    """`leading` with axes of size one appended, so that it meets the leading axes of `like`."""
    return leading.reshape(leading.shape + (1,) * (like.ndim - leading.ndim))
