"""A loss of a target in units of its own spread, whatever the target's units are."""

from typing import Any

import numpy as np
from chex import Array

from fnet.core import Loss, loss
from fnet.core.expect import require_array, require_number
from fnet.core.trees import is_floating, widened
from fnet.core.values import constructor
from fnet.errors import ConfigurationError


@constructor
def standardized(inner: Loss, mean: float, std: float) -> Loss:
    """A loss for regression, as if its targets, of mean m and deviation s, were of 0 and 1.

        value, dy = inner(y, (t − m) / s)        estimate = m + s y

    A model then learns at one rate, whether t is in euros or in millions of them: y is about 0 and
    about as large as 1. Targets and predictions stay in their own units, and so do the mean
    absolute error and the like that training reports; the value is in units of s (of s² for
    `mse`). y and target are those of `inner`, a loss such as `mse()` that estimates the target by
    y; s > 0. Take m and s from the training part alone.
    Source: LeCun et al. (1998), Efficient BackProp, section 4.3, for inputs.

    >>> import jax.numpy as jnp
    >>> from fnet.losses import mse
    >>> euros = standardized(mse(), mean=200_000.0, std=50_000.0)
    >>> value, dy = euros.value_and_grad(jnp.array([1.0]), jnp.array([300_000.0]))
    >>> float(value), dy.tolist(), euros.estimate(jnp.array([1.0])).tolist()
    (1.0, [-2.0], [250000.0])
    """
    # A target that may not be below 0, or so, has no mean of 0; nor has one that is e to the y.
    estimate_inner = inner.estimate if isinstance(inner, Loss) and not inner.targets else None
    if estimate_inner is None or np.any(estimate_inner(np.zeros((1, 2)))):
        raise ConfigurationError(
            f"standardized: {inner!r} does not estimate its target by y; give a loss for "
            "regression that does, such as mse()"
        )
    require_number("standardized: mean", mean)
    require_number("standardized: std", std, above=0)

    def value_and_grad(y: Array, target: Array, where: Array | None = None) -> tuple[Array, Array]:
        require_array("standardized: target", target)
        wide = widened(target) if is_floating(target) else target.astype(widened(y).dtype)
        return inner.value_and_grad(y, (wide - mean) / std, where)

    def estimate(y: Any) -> Any:
        return mean + std * estimate_inner(y)

    unit = std * inner.unit
    return loss(value_and_grad, reduction=inner.reduction, estimate=estimate, unit=unit)
