"""Functions that are made once for equal arguments, since compiling them takes long."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST = 256  # results that are kept; forgetting one only costs a new trace


def remembered(make: Callable[P, T]) -> Callable[P, T]:
    """What `make` makes, kept for equal arguments, however they are given, and be they defaults;
    made anew for those without a hash, such as an optimizer that is a dataclass."""
    kept = functools.lru_cache(maxsize=MOST)(make)
    signature = inspect.signature(make)

    @functools.wraps(make)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        try:
            hash((bound.args, tuple(bound.kwargs.items())))
        except TypeError:
            return make(*args, **kwargs)
        return kept(*bound.args, **bound.kwargs)

    return found
