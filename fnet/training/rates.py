"""Learning rates, wherever an optimizer keeps them in its state."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import ArrayTree


def rates_of(opt_state: ArrayTree) -> tuple[float, ...]:
    """The learning rates in a state, in the order of its leaves; none where it has none.

    >>> from fnet import optimizers
    >>> rates_of(optimizers.sgd(0.5).init(()))
    (0.5,)
    """
    leaves = jax.tree_util.tree_leaves_with_path(opt_state)
    return tuple(float(leaf) for path, leaf in leaves if _is_rate(path, leaf))


def with_rates(opt_state: ArrayTree, rates: tuple[float, ...]) -> ArrayTree:
    """The state with these learning rates, in the order of its leaves.

    >>> from fnet import optimizers
    >>> float(with_rates(optimizers.sgd(0.5).init(()), (0.25,)).learning_rate)
    0.25
    """
    left = iter(rates)

    def one(path: Any, leaf: Any) -> Any:
        # In the same dtype, lest a compiled step be traced again.
        return jnp.asarray(next(left), leaf.dtype) if _is_rate(path, leaf) else leaf

    return jax.tree_util.tree_map_with_path(one, opt_state)


def _is_rate(path: Any, leaf: Any) -> bool:
    """Whether it is a number, in a field or at a key of this name."""
    names = [getattr(entry, "name", getattr(entry, "key", None)) for entry in path[-1:]]
    return names == ["learning_rate"] and leaf.ndim == 0
