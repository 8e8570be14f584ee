"""Weights that are standardised before they are used."""

from typing import Any

import jax
from chex import Array, ArrayTree, PRNGKey

from fnet.compose.parts import require_layers
from fnet.compose.reparametrized import Reparametrization, reparametrized
from fnet.core import Layer
from fnet.core.expect import require_number
from fnet.core.trees import is_floating, is_non_trainable, widened
from fnet.core.values import constructor


@constructor
def weight_standardization(model: Layer, eps: float = 1e-5) -> Layer:
    """Each output's weights less their mean, divided by their standard deviation.

        w  = (v − mean v) / s                      s = √(mean (v − mean v)² + ε)
        dv = (dw − mean dw − w mean(dw w)) / s

    v is what is trained, and w what the model uses. Means are over all that one output adds up: a
    row of a matrix (out, in), all axes but the last of a kernel (window..., in, out), which has
    three or more; they are taken in float32 or wider. Other parameters are unchanged, and v begins
    as the model draws it. (A transposed convolution's kernel is (window..., out, in), so that its
    means are over all that one input is given to.) Put it inside `repeat`, whose stacked biases
    have two axes. Cache: the model's. Raises ConfigurationError unless eps is above 0.
    Source: Qiao et al. (2019), Micro-Batch Training with Batch-Channel Normalization and Weight
    Standardization, equation 7.

    >>> import jax.numpy as jnp
    >>> from fnet.layers import Affine, affine
    >>> params = Affine(jnp.array([[1.0, 3.0]]), jnp.zeros(1))
    >>> weight_standardization(affine(1)).apply(params, jnp.array([[1.0, 3.0]])).round(3).tolist()
    [[2.0]]
    """
    require_layers("weight_standardization", model)
    require_number("weight_standardization: eps", eps, above=0)

    def init(key: PRNGKey, params: ArrayTree) -> ArrayTree:
        return params

    def expand(params: ArrayTree) -> ArrayTree:
        def weight(v: Any) -> Any:
            return _standardized(v, eps)[0].astype(v.dtype) if _is_weight(v) else v

        return jax.tree.map(weight, params, is_leaf=is_non_trainable)

    def pull_back(params: ArrayTree, dparams: ArrayTree) -> ArrayTree:
        def gradient(v: Any, dw: Any) -> Any:
            if not _is_weight(v):
                return dw
            (w, rate), wide = _standardized(v, eps), widened(dw)
            return (rate * (wide - _mean(wide) - w * _mean(wide * w))).astype(dw.dtype)

        return jax.tree.map(gradient, params, dparams, is_leaf=is_non_trainable)

    return reparametrized(model, Reparametrization(init, expand, pull_back))


def _is_weight(leaf: Any) -> bool:
    return is_floating(leaf) and leaf.ndim >= 2


def _standardized(v: Array, eps: float) -> tuple[Array, Array]:
    """w and 1 / s, in float32 or wider."""
    wide = widened(v)
    d = wide - _mean(wide)
    rate = jax.lax.rsqrt(_mean(d * d) + eps)
    return d * rate, rate


def _mean(weight: Array) -> Array:
    """Over all that one output adds up."""
    axes = 1 if weight.ndim == 2 else tuple(range(weight.ndim - 1))
    return weight.mean(axis=axes, keepdims=True)
