"""The nouns of fnet: layer, penalty, loss and optimizer, each a value made of pure functions."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from chex import Array, ArrayTree, PRNGKey

from fnet.core.values import Value
from fnet.core.watching import watched

Shape = Any  # of one example: a tuple of sizes, or a tree of such tuples for a tree of arrays


class Recipe(NamedTuple):
    """How a layer's output is made again from its cache: y = output(source(cache)).

    source(cache) is an array of the cache, or a tree of them, and `output` an elementwise function
    of it, cheap beside the products around it.

    >>> import jax
    >>> from fnet.layers import gelu
    >>> y, cache = gelu().forward((), jax.numpy.array([0.0, 1.0]))
    >>> bool((gelu().recipe.output(gelu().recipe.source(cache)) == y).all())
    True
    """

    source: Callable[[ArrayTree], Any]
    output: Callable[[Any], Any]


class Stream(NamedTuple):
    """How a layer continues a sequence, step by step, from what its forward pass cached.

        resume(params, cache, steps, length) -> state    after `steps` steps, with room for `length`
        step(params, state, x) -> y, state               x and y: (N, 1, ...), the next step alone

    y is, up to rounding, what `forward` gives for that step of the whole sequence; state is what of
    the past it depends on, and () where each step is by itself.

    >>> import jax
    >>> from fnet.layers import tanh
    >>> y, state = tanh().stream.step((), (), jax.numpy.zeros((1, 1, 2)))
    >>> y.tolist(), state
    ([[[0.0, 0.0]]], ())
    """

    resume: Callable[[ArrayTree, ArrayTree, int, int], Any]
    step: Callable[[ArrayTree, Any, Any], tuple[Any, Any]]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Layer(Value):
    """A differentiable function with parameters, as pure functions.

        init(key, shape)             -> params, out_shape   shape: one example, no batch axis
        apply(params, x, key=None)   -> y                   jax.grad of it runs `backward`
        forward(params, x, key=None) -> y, cache            plain JAX, nothing hand-written
        backward(params, cache, dy)  -> dparams, dx         linear in dy
        observe(params, cache)       -> params              optional: None where there is nothing
        recipe.output(recipe.source(cache)) -> y            optional: y again, without x
        stream.step(params, state, x) -> y, state           optional: a sequence, step by step

    x, y, dx, dy and shapes are arrays, or pytrees of them; a leaf that has no gradient (integers,
    booleans, keys) has dx = None. A key is given in training and absent in use: without one a layer
    behaves as it does after training, deterministic and without noise. `observe` moves the
    statistics of a batch, such as its mean, from a training step's cache into `NonTrainable`
    parameters. A layer that caches something cheaply turned into y, but not y, may say so by a
    `recipe`: `repeat` and `remat` then keep that in place of y. A layer along whose second axis y
    depends on nothing later says by a `stream` how a sequence is continued. `penalty` is its
    regularisation, None where it has none; `layers` are the parts of a composition.

    Forward-mode differentiation (`jax.jvp`, `jax.jacfwd`) of `apply` raises: use it on `forward`.
    Forward mode over the gradient of `apply` works.

    >>> import jax
    >>> from fnet.layers import relu
    >>> y, cache = relu().forward((), jax.numpy.array([-1.0, 2.0]))
    >>> y.tolist(), relu().backward((), cache, jax.numpy.ones(2))[1].tolist()
    ([0.0, 2.0], [0.0, 1.0])
    """

    init: Callable[[PRNGKey, Shape], tuple[ArrayTree, Shape]]
    apply: Callable[..., Any]
    forward: Callable[..., tuple[Any, ArrayTree]]
    backward: Callable[[ArrayTree, ArrayTree, Any], tuple[ArrayTree, Any]]
    penalty: "Penalty | None" = None
    layers: "tuple[Layer, ...]" = ()
    observe: Callable[[ArrayTree, ArrayTree], ArrayTree] | None = None
    recipe: Recipe | None = None
    stream: Stream | None = None

    def __post_init__(self) -> None:
        plain: Any = getattr(self.forward, "unwatched", self.forward)

        @functools.wraps(plain)
        def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> Any:
            return watched(self, params, x, lambda: plain(params, x, key))

        forward.unwatched = plain  # type: ignore[attr-defined]
        object.__setattr__(self, "forward", forward)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Penalty:
    """A cost on parameters: apply(params) -> value; value_and_grad(params) -> value, dparams.

    >>> import jax
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

    `where` marks what counts: rows (N,) or, for sequences, also positions (N, T). The rest adds
    nothing to value or gradient, and the mean is over what counts. With reduction "none", value has
    one entry per entry of target, and dy is the gradient of their sum. A target is a constant:
    differentiating with respect to it raises TypeError.

    `probabilities(y) -> (N, C)` is the probability of each class, and `predict(y) -> (N,)` the most
    probable one, −1 where y is NaN; both are None for a regression. `ignored(target)` marks the
    entries that a loss leaves out, as those of an ignored label; None where it leaves out none.
    `sizes(target)` are the weights by which a mean of those entries divides; None where each is 1.
    `targets` are the least and the greatest floating-point target that it takes; None for any.
    `estimate(y)` is the target that a regression predicts, in NumPy for a y of NumPy; None for a
    loss that predicts none. `unit` is the size of target that the loss counts as 1.

    >>> import jax
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
    ignored: Callable[[Array], Array] | None = None
    sizes: Callable[[Array], Array] | None = None
    targets: tuple[float, float] | None = None
    estimate: Callable[[Any], Any] | None = None
    unit: float = 1.0


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Optimizer(Value):
    """A stateless pair, in the order and with the meaning of optax's GradientTransformation.

        init_state(params)                   -> state
        update(grads, state, params, **more) -> updates, state      updates are added to params

    Further keywords are what some optimizers need, as `plateau` needs value=loss; others ignore
    them.

    It unpacks as the pair and also has `.init`, so that optax accepts it unchanged.

    >>> import jax
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
