"""What of a sequence is there, said beside it: lengths, booleans per step, or booleans per pair."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array

from fnet.core import rows
from fnet.core.expect import require, require_array


class Given(NamedTuple):
    """there (N, S): which steps are there; seen (N, T, S): which of them a query sees. Or None."""

    there: Array | None
    seen: Array | None

    @property
    def visible(self) -> Array | None:
        return self.there if self.seen is None else self.seen

    def kept(self, x: Array) -> Array:
        """x (N, S, ...), 0 where no step is, whatever it held."""
        return x if self.there is None else jnp.where(rows(self.there, x), x, 0)


def are_lengths(array: Any, n: int) -> bool:
    """Whether these are the lengths of n sequences: (N,) integers."""
    return jnp.issubdtype(array.dtype, jnp.integer) and array.shape == (n,)


def of_lengths(lengths: Array, steps: int) -> Given:
    """What lengths say of sequences of so many steps."""
    return Given(
        jnp.arange(steps, dtype=jnp.int32)[None] < lengths.astype(jnp.int32)[:, None], None
    )


def given_of(name: str, mask: Any, n: int, queries: int, keys: int) -> Given:
    """What a mask of keys says; raises ShapeError unless it is one."""
    if mask is None:
        return Given(None, None)
    require_array(f"{name}: the mask", mask)
    if are_lengths(mask, n):
        return of_lengths(mask, keys)
    truth = mask.dtype == bool
    if truth and mask.shape == (n, keys):
        return Given(mask, None)
    require(
        truth and mask.shape == (n, queries, keys),
        f"{name}: the mask is {mask.shape} {mask.dtype}; it must be lengths, ({n},) integers, or "
        f"booleans of shape ({n}, {keys}) or ({n}, {queries}, {keys})",
    )
    return Given(None, mask)
