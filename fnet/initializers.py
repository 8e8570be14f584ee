"""How weights begin. A weight is (out, in...), and its fan-in the product of all axes but one."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.configuration import Value, constructor
from fnet.core import Shape
from fnet.expect import require_number


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Initializer(Value):
    """draw(key, shape) -> weights of that shape, in JAX's default float type."""

    draw: Callable[[PRNGKey, Shape], Array]


@constructor
def normal(std: float) -> Initializer:
    """Independent normal numbers of mean 0 and this standard deviation, whatever the shape."""
    require_number("normal: std", std, least=0)
    return Initializer(lambda key, shape: std * jax.random.normal(key, shape, dtype=float))


def _he(key: PRNGKey, shape: Shape) -> Array:
    return jnp.sqrt(2 / math.prod(shape[1:])) * jax.random.normal(key, shape, dtype=float)


def _glorot(key: PRNGKey, shape: Shape) -> Array:
    fans = shape[0] + math.prod(shape[1:])
    return jnp.sqrt(2 / fans) * jax.random.normal(key, shape, dtype=float)


# std = sqrt(2 / fan_in): keeps the size of activations through relu.
# Source: He et al. (2015), Delving Deep into Rectifiers, section 2.2, arXiv:1502.01852.
he_normal = Initializer(_he, written="he_normal")

# std = sqrt(2 / (fan_in + fan_out)): keeps activations and gradients through tanh and sigmoid.
# Source: Glorot & Bengio (2010), Understanding the difficulty of training deep networks, eq. 12.
glorot_normal = Initializer(_glorot, written="glorot_normal")


def keys(seed: int) -> Array:
    """The key that the weights of a run are drawn with, and the key of the noise of its steps."""
    return jax.random.split(jax.random.key(seed), 2)
