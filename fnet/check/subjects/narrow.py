"""Functions of JAX that take the dtype they are given and no other: float32, where all else here is
float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.subjects.calls import named_as
from fnet.check.truth.arguments import is_float
from fnet.check.truth.functions import traced

NOTE = "it takes no float64: its values are in {}, and so have few digits to compare"


def in_own_dtypes(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, str]:
    """The function with its arguments cast to the dtypes that these have, and a note of it, where
    JAX can trace it so and not in float64; else the function itself."""
    narrow = {str(leaf.dtype) for leaf in jax.tree.leaves(arguments) if _is_narrow(leaf)}
    if not narrow or not callable(function) or getattr(function, "nondiff_argnums", None):
        return function, ""
    wide = jax.tree.map(lambda a: a.astype(np.float64) if _is_narrow(a) else a, arguments)
    if traced(function, wide) is not None or traced(function, arguments) is None:
        return function, ""
    return _casting(function, arguments), NOTE.format(" and ".join(sorted(narrow)))


def _is_narrow(leaf: Any) -> bool:
    return is_float(leaf) and leaf.dtype != np.float64


def _casting(function: Callable[..., Any], like: tuple[Any, ...]) -> Callable[..., Any]:
    @named_as(function)
    def cast(*arguments: Any) -> Any:
        narrow = jax.tree.map(
            lambda a, own: jnp.asarray(a, own.dtype) if _is_narrow(own) else a, arguments, like
        )
        return function(*narrow)

    return cast
