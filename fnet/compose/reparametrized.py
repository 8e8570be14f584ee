"""A layer whose parameters are a function of others: frozen, tied, of low rank, normalised."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from chex import Array, ArrayTree, PRNGKey

from fnet.compose.parts import require_layers, with_observed
from fnet.core import Layer, Penalty, Shape, Stream, layer, penalty
from fnet.core.trees import without_gradient


class Reparametrization(NamedTuple):
    """params = ρ(θ), as pure functions.

        init(key, params)          -> θ         from parameters as the layer draws them
        expand(θ)                  -> params
        pull_back(θ, dparams)      -> dθ        Jᵀ dparams, J the Jacobian of ρ

    >>> double = Reparametrization(
    ...     lambda key, params: params / 2, lambda θ: 2 * θ, lambda θ, dparams: 2 * dparams
    ... )
    >>> double.expand(double.init(None, 3.0))
    3.0
    """

    init: Callable[[PRNGKey, ArrayTree], ArrayTree]
    expand: Callable[[ArrayTree], ArrayTree]
    pull_back: Callable[[ArrayTree, ArrayTree], ArrayTree]


def reparametrized(model: Layer, rho: Reparametrization) -> Layer:
    """The model with parameters ρ(θ) in place of its own; θ is what is trained.

        y = f(ρ(θ), x)      dθ = Jᵀ dparams      J: the Jacobian of ρ

    Its penalty is the model's, of ρ(θ). What the model observes is stored in the `NonTrainable`
    parts that stand in θ where they stand in the model's parameters. Cache: the model's.

    >>> import jax.numpy as jnp
    >>> from fnet.layers import affine
    >>> half = Reparametrization(
    ...     lambda key, params: params,
    ...     lambda θ: jax.tree.map(lambda leaf: leaf / 2, θ),
    ...     lambda θ, dparams: jax.tree.map(lambda d: d / 2, dparams),
    ... )
    >>> model = reparametrized(affine(1), half)
    >>> params = jax.tree.map(jnp.ones_like, model.init(jax.random.key(0), (3,))[0])
    >>> model.apply(params, jnp.ones((1, 3))).tolist()
    [[2.0]]
    """
    require_layers("reparametrized", model)

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        params, out_shape = model.init(key, shape)
        # ρ has its own key, so that the model draws the same weights as without it.
        return rho.init(jax.random.fold_in(key, 1), params), out_shape

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        return model.forward(rho.expand(params), x, key)

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        dparams, dx = model.backward(rho.expand(params), cache, dy)
        return without_gradient(rho.pull_back(params, dparams)), dx

    def observe(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        assert model.observe is not None
        return with_observed(params, model.observe(rho.expand(params), cache))

    watch = observe if model.observe else None
    cost = _penalty(model.penalty, rho)
    own = model.stream
    stream = own and Stream(
        lambda params, *rest: own.resume(rho.expand(params), *rest),
        lambda params, *rest: own.step(rho.expand(params), *rest),
    )
    return layer(init, forward, backward, cost, (model,), watch, model.recipe, stream)


def _penalty(own: Penalty | None, rho: Reparametrization) -> Penalty | None:
    if own is None:
        return None

    def value_and_grad(params: ArrayTree) -> tuple[Array, ArrayTree]:
        value, gradient = own.value_and_grad(rho.expand(params))
        return value, without_gradient(rho.pull_back(params, gradient))

    return penalty(value_and_grad)
