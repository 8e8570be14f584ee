"""Recurrent cells of a size: what their parameters and states are, and how they begin."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Shape, split
from fnet.core.choices import require_choice
from fnet.core.containers import alike
from fnet.core.expect import require_bool, require_whole
from fnet.initializers import Initializer, require_initializer
from fnet.layers.cells import Gru, Lstm, Rnn, gru_kind, lstm_kind, rnn_kind
from fnet.layers.stepping import Kind


class Sized(NamedTuple):
    """A kind of cell, whose state has arrays of these `sizes`; draw(key, D) -> params."""

    name: str
    kind: Kind
    sizes: tuple[int, ...]
    draw: Callable[[PRNGKey, int], Any]

    @property
    def state(self) -> Shape:
        """The shape of an example's state."""
        shapes = tuple((size,) for size in self.sizes)
        return shapes if len(shapes) > 1 else shapes[0]

    def shaped(self, state: tuple[Array, ...], like: Any) -> Any:
        """The arrays of a state, as a user sees them: together as those of `like` are."""
        return alike(like, state) if len(state) > 1 else state[0]


def rnn_of(name: str, width: int, activation: str, w_init: Initializer) -> Sized:
    """A simple cell."""
    _check(name, width, w_init)
    require_choice(f"{name}: activation", activation, "tanh", "relu")

    def draw(key: PRNGKey, inputs: int) -> Rnn:
        w, u = _weights(w_init, key, 1, width, (inputs, width))
        return Rnn(w, u, jnp.zeros(width, w.dtype))

    return Sized(name, rnn_kind(activation == "relu"), (width,), draw)


def lstm_of(name: str, width: int, projection: int | None, w_init: Initializer) -> Sized:
    """An LSTM cell; its forget gate begins open."""
    _check(name, width, w_init)
    if projection is not None:
        require_whole(f"{name}: projection", projection, least=1)
    shown = width if projection is None else projection

    def draw(key: PRNGKey, inputs: int) -> Lstm:
        w, u = _weights(w_init, key, 4, width, (inputs, shown))
        b = jnp.zeros((4, width), w.dtype).at[1].set(1).ravel()
        p = None if projection is None else w_init.draw(jax.random.fold_in(key, 2), (shown, width))
        return Lstm(w, u, b, p)

    return Sized(name, lstm_kind(), (shown, width), draw)


def gru_of(name: str, width: int, reset_after: bool, w_init: Initializer) -> Sized:
    """A GRU cell."""
    _check(name, width, w_init)
    require_bool(f"{name}: reset_after", reset_after)

    def draw(key: PRNGKey, inputs: int) -> Gru:
        w, u = _weights(w_init, key, 3, width, (inputs, width))
        c = jnp.zeros(width, w.dtype) if reset_after else None
        return Gru(w, u, jnp.zeros(3 * width, w.dtype), c)

    return Sized(name, gru_kind(reset_after), (width,), draw)


def _check(name: str, width: Any, w_init: Any) -> None:
    require_whole(f"{name}: width", width, least=1)
    require_initializer(f"{name}: w_init", w_init)


def _weights(
    w_init: Initializer, key: PRNGKey, gates: int, width: int, inputs: tuple[int, ...]
) -> list[Array]:
    """w and u, each gate's drawn by itself."""

    def drawn(key: PRNGKey, size: int) -> Array:
        return jnp.concatenate([w_init.draw(own, (width, size)) for own in split(key, gates)])

    return [drawn(own, size) for own, size in zip(split(key, 2), inputs, strict=True)]
