"""Where in its sequence a vector stands, added to it or turned into it."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey
from jax import lax

from fnet.core import Layer, Shape, Stream, columns, layer
from fnet.core.expect import (
    require,
    require_bool,
    require_floating,
    require_key_and_shape,
    require_number,
    require_one_array,
    require_whole,
)
from fnet.core.products import wide_product
from fnet.core.trees import widened
from fnet.core.values import constructor
from fnet.initializers import Initializer, normal, require_initializer
from fnet.layers.sequences import require_sequence, require_sequences

BASE = 10000.0
SMALL = normal(0.02)


class Positions(NamedTuple):
    """The parameters of `learned_positions`, and their gradients: w (L, D).

    >>> import jax
    >>> learned_positions(5).init(jax.random.key(0), (5, 3))[0].w.shape
    (5, 3)
    """

    w: Array


@constructor
def positional_encoding(base: float = BASE) -> Layer:
    """Sines and cosines of the position are added.

        y[t, 2i] = x[t, 2i] + sin(t / pow(base, 2i/D))
        y[t, 2i+1] = x[t, 2i+1] + cos(t / pow(base, 2i/D))
        dx = dy

    x, y and dx: (N, T, D). The angles are computed in float64. Cache: nothing.
    Raises ShapeError where x is not (N, T, D) and floating point.
    Source: Vaswani et al. (2017), Attention Is All You Need, section 3.5, arXiv:1706.03762.

    >>> y = positional_encoding().apply((), jnp.zeros((1, 2, 4)))
    >>> [[round(float(entry), 2) for entry in row] for row in y[0]]
    [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]]
    """
    require_number("positional_encoding: base", base, above=0)

    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        require_key_and_shape(key, shape)
        require_sequence("positional_encoding", shape)
        return (), shape

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, tuple[()]]:
        require_sequences("positional_encoding", x)
        steps, width = x.shape[1:]
        angles = _angles(steps, np.arange(0, width, 2) / width, base)
        pairs = np.stack((np.sin(angles), np.cos(angles)), -1)
        waves = pairs.reshape(steps, width + width % 2)[:, :width]
        wide = widened(x)
        return (wide + waves.astype(wide.dtype)[None]).astype(x.dtype), ()

    def backward(params: tuple[()], cache: tuple[()], dy: Array) -> tuple[tuple[()], Array]:
        return (), dy

    return layer(init, forward, backward, stream=_placed(forward))


@constructor
def learned_positions(length: int, w_init: Initializer = SMALL) -> Layer:
    """A learned vector for each position is added.

        y  = x + w[t]       at step t        x: (N, T, D)   w: (L, D)   y: (N, T, D)
        dw[t] = Σ_N dy      dx = dy

    L is `length`, the longest sequence; of positions that none has, dw is 0. The sum is in float32
    or wider. Cache: nothing. Raises ShapeError where x is longer, or not (N, T, D) and floating
    point.
    Source: Gehring et al. (2017), Convolutional Sequence to Sequence Learning, section 3.1.

    >>> from fnet.layers.positions import Positions
    >>> params, x = Positions(jnp.array([[1.0], [2.0], [3.0]])), jnp.zeros((5, 2, 1))
    >>> y, cache = learned_positions(3).forward(params, x)
    >>> y[0].tolist(), learned_positions(3).backward(params, cache, x + 1)[0].w.tolist()
    ([[1.0], [2.0]], [[5.0], [5.0], [0.0]])
    """
    require_whole("learned_positions: length", length, least=1)
    require_initializer("learned_positions: w_init", w_init)

    def init(key: PRNGKey, shape: Shape) -> tuple[Positions, Shape]:
        require_key_and_shape(key, shape)
        require_sequence("learned_positions", shape)
        _check_length(shape[0])
        return Positions(w_init.draw(key, (length, shape[1]))), shape

    def forward(params: Positions, x: Array, key: PRNGKey | None = None) -> tuple[Array, tuple[()]]:
        require_sequences("learned_positions", x)
        _check_length(x.shape[1])
        require(
            x.shape[2:] == params.w.shape[1:],
            f"learned_positions: x is {x.shape}, and w {params.w.shape}; both have D last",
        )
        return x + columns(params.w[: x.shape[1]], x), ()

    def backward(params: Positions, cache: tuple[()], dy: Array) -> tuple[Positions, Array]:
        # As a product: XLA (jax 0.10.2) on a CPU sums few long rows a hundred times more slowly.
        ones = jnp.ones((1, len(dy)), dy.dtype)
        flat = dy.reshape(len(dy), math.prod(dy.shape[1:]))
        dw = wide_product(ones, flat).reshape(dy.shape[1:]).astype(params.w.dtype)
        return Positions(jnp.zeros_like(params.w).at[: dy.shape[1]].set(dw)), dy

    def resume(params: Positions, cache: tuple[()], steps: int, longest: int) -> Array:
        _check_length(longest)
        return jnp.asarray(steps, jnp.int32)

    def step(params: Positions, place: Array, x: Array) -> tuple[Array, Array]:
        return x + columns(jnp.asarray(params.w)[place], x), place + 1

    def _check_length(steps: int) -> None:
        require(
            steps <= length,
            f"learned_positions: a sequence of {steps} steps, and there are {length} positions",
        )

    return layer(init, forward, backward, stream=Stream(resume, step))


@constructor
def rope(base: float = BASE, pairs: bool = False) -> Layer:
    """Pairs of numbers are turned by an angle that grows with the position.

        (y₁, y₂)   = (x₁ cos a − x₂ sin a, x₁ sin a + x₂ cos a)        a = t / pow(base, 2i/D)
        (dx₁, dx₂) = (dy₁ cos a + dy₂ sin a, dy₂ cos a − dy₁ sin a)

    x, y and dx: (N, T, ..., D), t the position along the second axis, D even. The two numbers of
    pair i are D/2 apart, i and i + D/2; with `pairs` they are neighbours, 2i and 2i + 1. Queries
    and keys that are turned so have products that follow from the distance between them; see
    `attention`. The angles are computed in float64. Cache: nothing.
    Raises ShapeError where D is odd, or x not floating point.
    Source: Su et al. (2021), RoFormer, eq. 15, arXiv:2104.09864 (pairs); the halves are GPT-NeoX's.

    >>> y, cache = rope().forward((), jnp.array([[[1.0, 0.0], [1.0, 0.0]]]))
    >>> [[round(float(entry), 2) for entry in row] for row in y[0]]
    [[1.0, 0.0], [0.54, 0.84]]
    """
    require_number("rope: base", base, above=0)
    require_bool("rope: pairs", pairs)

    def init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
        require_key_and_shape(key, shape)
        require_one_array("rope", shape)
        _check_even((0, *shape))
        return (), shape

    def forward(params: tuple[()], x: Array, key: PRNGKey | None = None) -> tuple[Array, tuple[()]]:
        require_floating("rope: x", x)
        _check_even(x.shape)
        return _turned(x, 1), ()

    def backward(params: tuple[()], cache: tuple[()], dy: Array) -> tuple[tuple[()], Array]:
        return (), _turned(dy, -1)

    def _turned(x: Array, direction: int) -> Array:
        half = x.shape[-1] // 2
        angles = _angles(x.shape[1], np.arange(half) / half, base)
        angles = angles.reshape(1, -1, *(1,) * (x.ndim - 3), half)
        wide = widened(x)
        cos, sin = (f(direction * angles).astype(wide.dtype) for f in (np.cos, np.sin))
        a, b = (wide[..., 0::2], wide[..., 1::2]) if pairs else jnp.split(wide, 2, axis=-1)
        turned = a * cos - b * sin, a * sin + b * cos
        y = jnp.stack(turned, -1).reshape(x.shape) if pairs else jnp.concatenate(turned, -1)
        return y.astype(x.dtype)

    def _check_even(shape: Shape) -> None:
        require(
            len(shape) > 2 and shape[-1] % 2 == 0 and shape[-1] > 0,
            f"rope: x is {shape}; it must be (N, T, ..., D), D even and above 0",
        )

    return layer(init, forward, backward, stream=_placed(forward))


def _placed(forward: Callable[..., tuple[Array, ArrayTree]]) -> Stream:
    """The stream of a layer whose y depends on x at the same step and on the position.

    It puts the step at its place in a sequence of zeros, so that it meets the same angles as in
    `forward`; state: the position, and an array of no bytes that is as long as the sequence.
    """

    def resume(params: tuple[()], cache: tuple[()], steps: int, length: int) -> tuple[Array, Array]:
        return jnp.asarray(steps, jnp.int32), jnp.zeros((length, 0), bool)

    def step(params: tuple[()], state: tuple[Array, Array], x: Array) -> tuple[Array, Any]:
        place, reach = state
        zeros = jnp.zeros((len(x), len(reach), *x.shape[2:]), x.dtype)
        whole = lax.dynamic_update_slice_in_dim(zeros, x, place, axis=1)
        y = lax.dynamic_slice_in_dim(forward(params, whole)[0], place, 1, axis=1)
        return y, (place + 1, reach)

    return Stream(resume, step)


def _angles(steps: int, powers: np.ndarray, base: float) -> np.ndarray:
    """t / pow(base, power) for each position (T, 1) and power (1, D/2), in float64."""
    return np.arange(steps)[:, None] / base ** powers[None]
