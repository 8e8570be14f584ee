"""Attention step by step: the keys and values of the past are kept, and met by one more query."""

from typing import Any

import jax.numpy as jnp
from chex import Array, ArrayTree
from jax import lax

from fnet.core import Stream
from fnet.core.expect import require
from fnet.layers.affine import Affine
from fnet.layers.attending import Sight, attend
from fnet.layers.heads import Heads

# Keys, values, how many there are, the state of `rope`, and those of the four linear maps.
State = tuple[Array, Array, Array, Any, tuple[Any, ...]]


def continued(around: Heads, sight: Sight) -> Stream | None:
    """The stream of attention between the linear maps `around`; None where later steps are seen."""
    turning = None if around.rope is None else around.rope.stream
    if not sight.causal or (around.rope is not None and turning is None):
        return None

    def resume(params: ArrayTree, cache: Any, steps: int, length: int) -> State:
        require(
            cache.given.visible is None,
            f"{around.name}: a sequence with a mask has no next step; give whole sequences",
        )
        room = (0, 0), (0, length - steps), (0, 0)
        angle = None if turning is None else turning.resume((), (), steps, length)
        place = jnp.asarray(steps, jnp.int32)
        maps = tuple(of(own).resume(own, (), steps, length) for own in params)
        return jnp.pad(cache.k, room), jnp.pad(cache.v, room), place, angle, maps

    def step(params: Any, state: State, x: Array) -> tuple[Array, State]:
        keys, values, place, angle, maps = state
        q, k, v = (mapped(params, maps, number, x) for number in range(3))
        q, k, angle = turned(q, k, angle)
        q = around.by_head(q, around.heads)
        keys = lax.dynamic_update_slice_in_dim(keys, around.by_head(k), place, axis=1)
        values = lax.dynamic_update_slice_in_dim(values, around.by_head(v), place, axis=1)
        places = jnp.arange(keys.shape[1], dtype=jnp.int32)
        seen = places <= place
        if sight.window is not None:
            seen &= places > place - sight.window
        visible = jnp.broadcast_to(seen, (len(x), len(seen)))
        o, _ = attend(q, keys, values, visible, None, Sight(softcap=sight.softcap))
        y = mapped(params, maps, 3, around.joined(o, len(x)))
        return y, (keys, values, place + 1, angle, maps)

    def of(own: Affine) -> Stream:
        stream = around.linear(len(own.w)).stream
        assert stream is not None
        return stream

    def mapped(params: Any, maps: tuple[Any, ...], number: int, x: Array) -> Array:
        y: Array = of(params[number]).step(params[number], maps[number], x)[0]
        return y

    def turned(q: Array, k: Array, state: Any) -> tuple[Array, Array, Any]:
        if turning is None:
            return q, k, None
        step_of = turning.step

        def at_place(array: Array, heads: int) -> tuple[Array, Any]:
            apart = array.reshape(*array.shape[:2], heads, -1)
            y, after = step_of((), state, apart)
            return y.reshape(array.shape), after

        (q, after), (k, _) = at_place(q, around.heads), at_place(k, around.groups)
        return q, k, after

    return Stream(resume, step)
