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
    """Whether it is a number in a field, or at a key, that holds a learning rate.

    `base` is the one that `scheduled` and `plateau` multiply, `shares` are the ratios of `by_part`.
    """
    fields = [getattr(part, "name", None) for part in path[-2:]]
    named = fields[-1:] in (["learning_rate"], ["base"]) or "shares" in fields
    named = named or getattr(path[-1] if path else None, "key", None) == "learning_rate"
    return named and leaf.ndim == 0
