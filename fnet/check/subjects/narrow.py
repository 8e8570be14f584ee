"""Functions that take the dtype they are given and no other: float32, where all else here is
float64."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.subjects.calls import called, named_as
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.arguments import is_float
from fnet.check.truth.functions import traced

NOTE = "it takes no float64: its values are in {}, and so have few digits to compare"


def in_own_dtypes(subject: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """The subject with its arguments cast to the dtypes that these have, and a note of it, where
    it runs so and not in float64; else the subject itself."""
    narrow = {str(leaf.dtype) for leaf in jax.tree.leaves(arguments) if _is_narrow(leaf)}
    by_hand = isinstance(subject, Pair | ValueAndGrad)
    first = subject[0] if by_hand else subject
    if not narrow or not callable(first) or getattr(first, "nondiff_argnums", None):
        return subject, ""
    runs = _runs if by_hand else _is_traced
    wide = jax.tree.map(lambda a: a.astype(np.float64) if _is_narrow(a) else a, arguments)
    if runs(first, wide) or not runs(first, arguments):
        return subject, ""
    cast = _casting(first, arguments)
    note = NOTE.format(" and ".join(sorted(narrow)))
    if isinstance(subject, Pair):
        back = _narrowing(subject.backward, min(narrow))
        return subject._replace(forward=cast, backward=back), note
    return subject._replace(function=cast) if by_hand else cast, note


def _runs(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    try:
        called(function, arguments)
    except Exception:  # it refuses a dtype, in words of its own
        return False
    return True


def _is_traced(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    return traced(function, arguments) is not None


def _is_narrow(leaf: Any) -> bool:
    return is_float(leaf) and leaf.dtype != np.float64


def _casting(function: Callable[..., Any], like: tuple[Any, ...]) -> Callable[..., Any]:
    @named_as(function)
    def cast(*arguments: Any) -> Any:
        narrow = jax.tree.map(
            lambda a, own: a.astype(own.dtype) if _is_narrow(own) else a, arguments, like
        )
        return function(*narrow)

    return cast


def _narrowing(backward: Callable[..., Any], dtype: str) -> Callable[..., Any]:
    """A backward pass whose cotangents are cast to this dtype, and its gradients back; the cache of
    such a function has no float64."""

    @named_as(backward)
    def cast(*arguments: Any) -> Any:
        return _from(dtype, np.float64, backward(*_from(np.float64, dtype, arguments)))

    return cast


def _from(old: Any, new: Any, tree: Any) -> Any:
    """The tree with the floating-point arrays of one dtype in another."""
    return jax.tree.map(lambda a: a.astype(new) if is_float(a) and a.dtype == old else a, tree)
