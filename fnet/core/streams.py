"""Sequences step by step: the stream of layers to which each step is by itself."""

from collections.abc import Callable
from typing import Any

from chex import ArrayTree

from fnet.core.contract import Stream


def by_itself(forward: Callable[..., tuple[Any, ArrayTree]]) -> Stream:
    """The stream of a layer that treats each step of a sequence by itself.

    >>> stream = by_itself(lambda params, x, key=None: (2 * x, ()))
    >>> stream.step((), stream.resume((), (), 5, 7), 3)
    (6, ())
    """

    def resume(params: ArrayTree, cache: ArrayTree, steps: int, length: int) -> tuple[()]:
        return ()

    def step(params: ArrayTree, state: tuple[()], x: Any) -> tuple[Any, tuple[()]]:
        return forward(params, x)[0], state

    return Stream(resume, step)
