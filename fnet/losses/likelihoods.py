"""Negative log-likelihoods of counts, and of numbers with a variance that is predicted too."""

from typing import Any

import jax.numpy as jnp
from chex import Array

from fnet.core import Loss, loss
from fnet.core.expect import require, require_array, require_floating
from fnet.core.limits import times
from fnet.core.trees import widened
from fnet.core.values import constructor
from fnet.losses.pointwise import check_reduction, pointwise_loss, reduce


@constructor
def poisson(reduction: str = "mean") -> Loss:
    """Negative log-likelihood of a count t under a Poisson distribution of rate eʸ.

        value = eʸ − t y        dy = eʸ − t

    log t!, which does not depend on y, is left out. y and target: one shape, any; y floating point,
    the logarithm of the rate; t >= 0. A y of −∞, rate 0, costs nothing where t is 0.
    Source: McCullagh & Nelder (1989), Generalized Linear Models, section 6.2.

    >>> value, dy = poisson().value_and_grad(jnp.array([0.0]), jnp.array([3.0]))
    >>> float(value), dy.tolist()
    (1.0, [-2.0])
    """

    def pointwise(y: Array, target: Array) -> tuple[Array, Array]:
        rate = jnp.exp(y)
        return rate - times(target, y), rate - target

    def rate_of(y: Any) -> Any:
        return y.__array_namespace__().exp(y)

    return pointwise_loss(pointwise, "poisson", reduction, targets=(0, jnp.inf), estimate=rate_of)


@constructor
def gaussian_nll(reduction: str = "mean") -> Loss:
    """Negative log-likelihood of a number t under N(μ, eˢ), both of which are predicted.

        value = (s + e² exp(−s)) / 2        e = μ − t
        dμ = e exp(−s)        ds = (1 − e² exp(−s)) / 2

    ½ log 2π, which does not depend on y, is left out. y: (N, ..., 2), floating point: μ and the
    logarithm s of the variance; target: (N, ...).
    Source: Nix & Weigend (1994), Estimating the Mean and Variance of the Target Probability
    Distribution.

    >>> value, dy = gaussian_nll().value_and_grad(jnp.array([[1.0, 0.0]]), jnp.array([3.0]))
    >>> float(value), dy.tolist()
    (2.0, [[-2.0, -1.5]])
    """
    check_reduction("gaussian_nll", reduction)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_floating("gaussian_nll: y", y)
        require_array("gaussian_nll: target", target)
        require(
            y.shape == (*target.shape, 2),
            f"gaussian_nll: y is {y.shape} and target {target.shape}; they must be (N, ..., 2), of "
            "means and logarithms of variances, and (N, ...)",
        )
        wide = widened(y)
        mean, s = wide[..., 0], wide[..., 1]
        e, precision = mean - target.astype(wide.dtype), jnp.exp(-s)
        square = e * precision * e
        dy = jnp.stack((e * precision, (1 - square) / 2), axis=-1)
        value, dy = reduce((s + square) / 2, dy, where, reduction)
        return value.astype(y.dtype), dy.astype(y.dtype)

    return loss(value_and_grad, None, None, reduction, estimate=lambda y: y[..., 0])
