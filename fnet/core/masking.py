"""Whether a loss leaves out the rows that `where` does not mark."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.core.contract import Loss

EPSILONS = 32  # of the dtype, that sums of the same rows may differ by


def unmarked_counts(loss: Loss, y: Any, target: Any) -> str | None:
    """How a batch whose last row is not marked differs from one without that row; None if not.

    y and target have two rows or more.

    >>> from fnet import losses
    >>> y, target = jnp.array([1.0, 2.0, 4.0]), jnp.zeros(3)
    >>> print(unmarked_counts(losses.mse(), y, target))
    None
    """
    rows = len(target)
    marked = jnp.arange(rows) < rows - 1
    value, dy = loss.value_and_grad(y, target, marked)
    fewer = jax.tree.map(lambda leaf: leaf[:-1], (y, target))
    part, dpart = loss.value_and_grad(*fewer)
    if any(np.any(np.asarray(leaf)[-1] != 0) for leaf in jax.tree.leaves(dy)):
        return "it gives a gradient to a row that `where` does not mark"
    if value.ndim:  # with reduction "none"
        value = value[:-1]
    if _apart(value, part):
        return "its value counts a row that `where` does not mark"
    kept = jax.tree.map(lambda leaf: leaf[:-1], dy)
    if any(map(_apart, jax.tree.leaves(kept), jax.tree.leaves(dpart))):
        return "where a row is not marked, the gradient of the others is not that without the row"
    return None


def _apart(a: Any, b: Any) -> bool:
    tolerance = EPSILONS * float(jnp.finfo(a.dtype).eps)
    wide = [np.asarray(array, np.float64) for array in (a, b)]
    scale = float(np.abs(wide[1]).max(initial=0, where=np.isfinite(wide[1])))
    return not np.allclose(*wide, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
