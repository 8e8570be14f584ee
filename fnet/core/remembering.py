"""Functions that are made once for equal arguments, since compiling them takes long."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST = 256  # results that are kept; forgetting one only costs a new trace


def remembered(make: Callable[P, T]) -> Callable[P, T]:
    """What `make` makes, kept for equal arguments; made anew for those without a hash, such as an
    optimizer that is a dataclass."""
    kept = functools.lru_cache(maxsize=MOST)(make)

    @functools.wraps(make)
    def found(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            hash((args, tuple(kwargs.items())))
        except TypeError:
            return make(*args, **kwargs)
        return kept(*args, **kwargs)  # type: ignore[arg-type]  # they have a hash, as was seen

    return found
