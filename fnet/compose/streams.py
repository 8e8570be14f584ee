"""Compositions step by step: each part continues its own sequence."""

from collections.abc import Callable
from typing import Any

from chex import ArrayTree

from fnet.core import Layer, Stream

Call = Callable[[int, Any], Any]


def stream_of_parts(
    layers: tuple[Layer, ...],
    caches_of: Callable[[Any], Any],
    passed: Callable[[Call, Any], Any],
) -> Stream | None:
    """The stream of a composition, None where a part has none; state: one per part.

    passed(call, x) is y; call(number, x) gives the step x to the part of this number, each once and
    in order. caches_of(cache) are the caches of the parts.
    """
    streams = [part.stream for part in layers]
    if None in streams:
        return None

    def resume(params: ArrayTree, cache: Any, steps: int, length: int) -> tuple[Any, ...]:
        each = zip(streams, params, caches_of(cache), strict=True)
        return tuple(part.resume(own, its, steps, length) for part, own, its in each)  # type: ignore[union-attr]

    def step(params: ArrayTree, state: tuple[Any, ...], x: Any) -> tuple[Any, tuple[Any, ...]]:
        after = []

        def call(number: int, x: Any) -> Any:
            y, own = streams[number].step(params[number], state[number], x)  # type: ignore[union-attr]
            after.append(own)
            return y

        y = passed(call, x)
        return y, tuple(after)

    return Stream(resume, step)
