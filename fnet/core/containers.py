"""Several inputs or outputs together: in a tuple, a NamedTuple or a list."""

from collections.abc import Iterable
from typing import Any


def alike(like: Any, parts: Iterable[Any]) -> Any:
    """The parts as a tuple, or as the NamedTuple or list that `like` is.

    >>> alike([1, 2], (3, 4))
    [3, 4]
    """
    if hasattr(like, "_fields"):
        return type(like)(*parts)
    return list(parts) if isinstance(like, list) else tuple(parts)
