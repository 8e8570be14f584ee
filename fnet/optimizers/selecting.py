"""Which arrays of the parameters a setting is for: by a word, by a pattern, or by a function."""

import fnmatch
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.core.trees import is_non_trainable, is_none
from fnet.errors import ConfigurationError
from fnet.optimizers.seen import is_rows

Part = str | Callable[[str, Any], bool]

WORDS: dict[str, Callable[[Any], bool]] = {
    "all": lambda leaf: True,
    "none": lambda leaf: False,
    "matrices": lambda leaf: np.ndim(leaf) >= 2,
    "vectors": lambda leaf: np.ndim(leaf) < 2,
}

CHOICE = (
    f"one of {', '.join(map(repr, WORDS))}, a pattern of names such as '*.b' or '0.*', or a "
    "function (name, array) -> bool"
)


def require_part(what: str, part: Any) -> None:
    """Raise ConfigurationError unless this may be a part: a word, a pattern or a function."""
    if not (callable(part) or isinstance(part, str)):
        raise ConfigurationError(f"{what} is {part!r}; it must be {CHOICE}")


def selected(part: Part, tree: Any) -> list[bool]:
    """For each array, in the order of `opened`, whether it belongs to this part.

    Raises ConfigurationError if a pattern matches no name: it may be misspelt.

    >>> import jax.numpy as jnp
    >>> params = {"b": jnp.zeros(3), "w": jnp.zeros((3, 2))}
    >>> selected("matrices", params), selected("b*", params)
    ([False, True], [True, False])
    """
    if isinstance(part, str) and part in WORDS:
        return [_is_array(leaf) and WORDS[part](leaf) for leaf in opened(tree)[0]]
    paths = jax.tree_util.tree_leaves_with_path(tree, is_leaf=_is_leaf)
    named = [(jax.tree_util.keystr(path, simple=True, separator="."), leaf) for path, leaf in paths]
    if isinstance(part, str):
        found = [_is_array(leaf) and fnmatch.fnmatchcase(name, part) for name, leaf in named]
        if not any(found):
            names = ", ".join(name for name, leaf in named if _is_array(leaf))
            raise ConfigurationError(
                f"no parameter has a name like {part!r}; a part is {CHOICE}; the names are {names}"
            )
        return found
    return [_is_array(leaf) and bool(part(name, leaf)) for name, leaf in named]


def opened(tree: Any) -> tuple[list[Any], Any]:
    """Its leaves and its structure; None, `NonTrainable` parts and `Rows` count as leaves."""
    return jax.tree.flatten(tree, is_leaf=_is_leaf)


def _is_leaf(node: Any) -> bool:
    return _is_closed(node) or is_rows(node)


def _is_closed(node: Any) -> bool:
    return is_none(node) or is_non_trainable(node)


def _is_array(leaf: Any) -> bool:
    return not _is_closed(leaf)
