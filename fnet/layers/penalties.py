"""The L2 penalty of layers whose first parameters are weights."""

from typing import Any

import jax.numpy as jnp
from chex import Array

from fnet.core import Penalty, penalty
from fnet.core.expect import require_number


def l2_penalty(name: str, strength: float, weights: int = 1) -> Penalty | None:
    """λ Σ w² over the first parameters, which are weights, and not the rest; None for λ = 0."""
    require_number(f"{name}: l2", strength, least=0)

    def value_and_grad(params: Any) -> tuple[Array, Any]:
        first, rest = params[:weights], params[weights:]
        value = strength * sum(jnp.sum(w**2) for w in first)
        zeros = (None if b is None else jnp.zeros_like(b) for b in rest)
        return value, type(params)(*(2 * strength * w for w in first), *zeros)

    return penalty(value_and_grad) if strength else None
