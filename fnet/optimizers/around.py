"""What changes gradients or updates around an optimizer: clipping and weight decay.

They keep nothing: their state is that of the optimizer inside, whichever it is.
"""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_bool, require_number
from fnet.core.limits import over
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.rule import (
    flattened,
    is_still,
    leafwise,
    passed,
    require_gradients,
    require_optimizer,
    require_params,
    wider,
)
from fnet.optimizers.selecting import Part, opened, require_part, selected


@constructor
def clip_by_value(optimizer: Any, limit: float) -> Optimizer:
    """The optimizer, of gradients whose entries are clipped to [−limit, limit]. NaN stays NaN.

    >>> from fnet.optimizers import sgd
    >>> optimizer = clip_by_value(sgd(1.0), 0.5)
    >>> optimizer.update(jnp.array([3.0, -0.25]), optimizer.init(jnp.zeros(2)))[0].tolist()
    [-0.5, 0.25]
    """
    require_optimizer("clip_by_value", optimizer)
    require_number("clip_by_value: limit", limit, above=0)
    clipped = leafwise(lambda g: jnp.clip(g, -limit, limit))

    def update(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        require_gradients("clip_by_value", grads)
        return passed(optimizer, clipped((grads,)), state, params, **more)

    return Optimizer(optimizer.init, update)


@constructor
def clip_by_global_norm(optimizer: Any, limit: float) -> Optimizer:
    """The optimizer, of a gradient that is shortened to `limit` if it is longer.

        g ← g min(1, limit / ‖g‖)      ‖g‖² = Σ g², over all entries of all arrays

    Squares are taken of g / max |g|, in float32 at least: a gradient in float16 does not overflow,
    nor one of 1e30 in float32. A gradient with NaN or infinity has no length and is passed on as it
    is, so that training stops and names the array; `clip_by_value` would hide an infinity.

    Source: Pascanu, Mikolov & Bengio (2013), On the difficulty of training Recurrent Neural
    Networks, section 3.2.

    >>> from fnet.optimizers import sgd
    >>> optimizer = clip_by_global_norm(sgd(1.0), 2.5)
    >>> updates, _ = optimizer.update(jnp.array([3.0, 4.0]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist()
    [-1.5, -2.0]
    """
    require_optimizer("clip_by_global_norm", optimizer)
    require_number("clip_by_global_norm: limit", limit, above=0)
    scaled = leafwise(
        lambda g, longer, largest, root: jnp.where(longer > 0, over(g, largest) * (limit / root), g)
    )

    def update(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        require_gradients("clip_by_global_norm", grads)
        largest, root = length(grads)
        # ‖g‖ itself may be out of range; it is not compared, nor where it is not finite.
        longer = (limit / largest < root) & jnp.isfinite(largest) & jnp.isfinite(root)
        return passed(optimizer, scaled((grads,), longer, largest, root), state, params, **more)

    return Optimizer(optimizer.init, update)


@constructor
def decayed(optimizer: Any, rate: float, mask: Part = "matrices", coupled: bool = False) -> Any:
    """The optimizer with weight decay of the arrays in `mask`; λ is `rate`.

        θ ← θ + Δθ − α λ θ

    Δθ is the optimizer's update and α its learning rate at this step. If it is `coupled`, the
    gradient changes before the optimizer, g ← g + λ θ, as by a penalty λ ‖θ‖² / 2. Every update
    decays, those too that `accumulate` inside makes zero: write accumulate(decayed(...), k). Around
    `by_part` α is the rate of the first part, and frozen arrays decay too: decay within the parts.

    >>> from fnet.optimizers import sgd
    >>> optimizer, w = decayed(sgd(0.5), 0.1), jnp.ones((1, 2))
    >>> print(optimizer.update(jnp.zeros((1, 2)), optimizer.init(w), w)[0].round(3))
    [[-0.05 -0.05]]
    """
    require_optimizer("decayed", optimizer)
    require_number("decayed: rate", rate, least=0)
    require_part("decayed: mask", mask)
    require_bool("decayed: coupled", coupled)
    added = leafwise(lambda u, p, a: u + a * p)

    def with_decay(tree: ArrayTree, params: ArrayTree, a: Any) -> ArrayTree:
        _, structure = opened(tree)
        ours = selected(mask, tree)
        leaves = flattened("decayed", structure, params)
        chosen = [p if own else None for p, own in zip(leaves, ours, strict=True)]
        return added((tree, structure.unflatten(chosen)), a)

    def update(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        require_params("decayed", params, grads)
        if coupled:
            return passed(optimizer, with_decay(grads, params, rate), state, params, **more)
        rate_now = getattr(state, "learning_rate", None)
        if rate_now is None:
            raise ConfigurationError(
                f"decayed: the state of {optimizer} has no learning rate, by which λ is multiplied;"
                " take an optimizer of fnet, or coupled=True"
            )
        updates, after = passed(optimizer, grads, state, params, **more)
        return with_decay(updates, params, -rate * rate_now), after

    return Optimizer(optimizer.init, update)


def length(tree: ArrayTree) -> tuple[Array, Array]:
    """(M, r) with ‖tree‖ = M r, over all its arrays: M the largest entry, 1 if all are 0."""

    leaves = [leaf for leaf in jax.tree.leaves(tree) if leaf.size and not is_still(leaf)]
    arrays = [leaf.astype(wider(leaf.dtype)) for leaf in leaves]
    dtype = jnp.result_type(float)
    tops = [jnp.max(jnp.abs(array)).astype(dtype) for array in arrays]
    largest = jnp.max(jnp.stack(tops)) if tops else jnp.zeros((), dtype)
    largest = jnp.where(largest == 0, 1, largest)
    squares = [jnp.sum(over(array, largest.astype(array.dtype)) ** 2) for array in arrays]
    total = sum((square.astype(dtype) for square in squares), jnp.zeros((), dtype))
    return largest, jnp.sqrt(total)
