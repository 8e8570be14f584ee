"""How a mistake is written down: the line that is right, the line somebody typed, and words for it.

The words were chosen before any diagnosis was looked at: a diagnosis names the mistake if its kind
or its sentence contains one of them (a regular expression, case ignored).
"""

import inspect
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from fnet.check import Pair, ValueAndGrad


class Mistake(NamedTuple):
    """A gradient, right and wrong, of `forward` at `arguments`; without `takes_dout`, of a loss."""

    name: str
    forward: Callable[..., Any]
    right: Callable[..., Any]
    wrong: Callable[..., Any]
    arguments: tuple[Any, ...]
    words: str
    takes_dout: bool

    def subject(self, backward: Callable[..., Any]) -> Pair | ValueAndGrad:
        """What the checker is given: functions that mention each other, as those in a file do."""
        forward = self.forward
        if not self.takes_dout:
            return ValueAndGrad(lambda *arguments: (forward(*arguments), backward(*arguments)))
        return Pair(
            lambda *arguments: (forward(*arguments), arguments),
            lambda dout, cache: backward(dout, *cache),
        )


Change = tuple[str, str, str, str]  # what is wrong, the right text, the typed text, words


def of_loss(
    forward: Callable[..., Any],
    gradient: Callable[..., Any],
    arguments: tuple[Any, ...],
    *changes: Change,
) -> list[Mistake]:
    """Mistakes in gradient(*arguments) of a scalar."""
    return _mistakes(forward, gradient, arguments, changes, takes_dout=False)


def of_pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    arguments: tuple[Any, ...],
    *changes: Change,
) -> list[Mistake]:
    """Mistakes in backward(dout, *arguments)."""
    return _mistakes(forward, backward, arguments, changes, takes_dout=True)


def _mistakes(
    forward: Callable[..., Any],
    right: Callable[..., Any],
    arguments: tuple[Any, ...],
    changes: tuple[Change, ...],
    takes_dout: bool,
) -> list[Mistake]:
    return [
        Mistake(
            f"{forward.__name__}: {what}",
            forward,
            right,
            typed(right, old, new),
            arguments,
            words,
            takes_dout,
        )
        for what, old, new, words in changes
    ]


def typed(function: Callable[..., Any], old: str, new: str) -> Callable[..., Any]:
    """The function with one piece of its text replaced."""
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise ValueError(f"{function.__name__} has {old!r} {source.count(old)} times")
    names = dict(function.__globals__)
    exec(source.replace(old, new), names)
    return names[function.__name__]
