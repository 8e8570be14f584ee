"""Compositions step by step: each part continues its own sequence."""

import functools
from collections.abc import Callable
from typing import Any

from chex import ArrayTree

from fnet.core import Layer, Stream

Call = Callable[[int, Any], Any]


def stream_of_parts(
    layers: tuple[Layer, ...],
    caches_of: Callable[[Any], Any],
    passed: Callable[[Call, Any], Any] | None = None,
) -> Stream | None:
    """The stream of a composition, None where a part has none; state: one per part.

    passed(call, x) is y; call(number, x) gives the step x to the part of this number, each once and
    in order; without it, the output of each goes to the next. caches_of(cache) are their caches.
    """
    streams = [part.stream for part in layers if part.stream is not None]
    if len(streams) < len(layers):
        return None

    def resume(params: ArrayTree, cache: Any, steps: int, length: int) -> tuple[Any, ...]:
        each = zip(streams, params, caches_of(cache), strict=True)
        return tuple(part.resume(own, its, steps, length) for part, own, its in each)

    def step(params: ArrayTree, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        after = []

        def call(number: int, x: Any) -> Any:
            y, own = streams[number].step(params[number], state[number], x)
            after.append(own)
            return y

        y = _in_turn(len(layers))(call, x) if passed is None else passed(call, x)
        return y, tuple(after)

    return Stream(resume, step)


def _in_turn(parts: int) -> Callable[[Call, Any], Any]:
    return lambda call, x: functools.reduce(lambda x, number: call(number, x), range(parts), x)
