"""Initial weights. A weight is (out, in...), its fan-in the product of all axes but the first."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Shape
from fnet.core.expect import require, require_number, require_whole
from fnet.core.values import Value, constructor
from fnet.errors import ConfigurationError


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Initializer(Value):
    """draw(key, shape) -> weights of that shape, in JAX's default float type.

    >>> w = he_normal.draw(jax.random.key(0), (100, 800))
    >>> w.shape, round(float(w.std()), 3)
    ((100, 800), 0.05)
    """

    draw: Callable[[PRNGKey, Shape], Array]


@constructor
def normal(std: float) -> Initializer:
    """Independent normal numbers with mean 0 and this standard deviation, whatever the shape.

    >>> round(float(normal(0.01).draw(jax.random.key(0), (100, 800)).std()), 4)
    0.01
    """
    require_number("normal: std", std, least=0)
    return Initializer(lambda key, shape: std * _standard(key, shape))


def _standard(key: PRNGKey, shape: Shape) -> Array:
    """Normal numbers of variance 1, to be scaled.

    A compiler would merge their last factor with the scale, and round otherwise.
    """
    drawn: Array = jax.lax.optimization_barrier(jax.random.normal(key, shape, dtype=float))
    return drawn


def _he(key: PRNGKey, shape: Shape) -> Array:
    fan_in = math.prod(shape[1:])
    require(fan_in > 0, f"he_normal: weights of {shape} have no inputs: an axis has size 0")
    return jnp.sqrt(2 / fan_in) * _standard(key, shape)


def _glorot(key: PRNGKey, shape: Shape) -> Array:
    fans = shape[0] + math.prod(shape[1:])
    return jnp.sqrt(2 / fans) * _standard(key, shape)


he_normal = Initializer(_he, written="he_normal")
"""Normal numbers scaled to preserve the size of activations through relu.

    std = √(2 / fan_in)

Source: He et al. (2015), Delving Deep into Rectifiers, section 2.2, arXiv:1502.01852.
"""

glorot_normal = Initializer(_glorot, written="glorot_normal")
"""Normal numbers scaled to preserve activations and gradients through tanh and sigmoid.

    std = √(2 / (fan_in + fan_out))

Source: Glorot & Bengio (2010), Understanding the difficulty of training deep networks, eq. 12.
"""


def keys(seed: int) -> Array:
    """The key for the weights of a run, and the key for the noise of its steps.

    >>> weights, noise = keys(seed=0)
    >>> bool(weights == noise), bool(weights == keys(seed=0)[0])
    (False, True)
    """
    require_whole("seed", seed, least=0)
    return jax.random.split(jax.random.key(seed), 2)


def require_initializer(what: str, value: Any) -> None:
    """Raise ConfigurationError unless it is an Initializer.

    >>> require_initializer("affine: w_init", he_normal)
    """
    if not isinstance(value, Initializer):
        raise ConfigurationError(f"{what} is {value!r}; take one of fnet.initializers")
