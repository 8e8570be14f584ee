"""Muon: the momentum of a weight matrix, with all its singular values moved towards one."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.choices import require_choice
from fnet.core.expect import require_bool, require_number, require_state, require_whole
from fnet.core.limits import over
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.adam import adamw
from fnet.optimizers.layerwise import norm
from fnet.optimizers.parts import composed
from fnet.optimizers.rule import (
    filled,
    leafwise,
    require_gradients,
    require_settings,
    risen,
    start,
)
from fnet.optimizers.selecting import opened

COEFFICIENTS = (3.4445, -4.775, 2.0315)
SCALES = ("rows", "columns", "rms", "none")


class Muon(NamedTuple):
    """The state of `muon` for the weight matrices: m, their momentum.

    >>> muon(0.02).init(jnp.zeros((3, 2))).parts[0].m.shape
    (3, 2)
    """

    step: Array
    learning_rate: Array
    m: ArrayTree


@constructor
def muon(
    learning_rate: float,
    decay: float = 0.95,
    nesterov: bool = True,
    weight_decay: float = 0.0,
    rest: Any = None,
    scale: str = "rows",
    corrected: bool = False,
    steps: int = 5,
    coefficients: tuple[float, float, float] = COEFFICIENTS,
    eps: float = 1e-7,
) -> Optimizer:
    """Orthogonalised momentum for arrays of two axes; all others by `rest`, adamw(3e-4) if None.

        m ← β m + (1 − β) g          u = β m + (1 − β) g with nesterov, u = m without
        X = u / (‖u‖ + ε)
        X ← a X + (b X Xᵀ + c (X Xᵀ)²) X
        θ ← θ − α s X − α λ θ

    θ: (R, C). The third line is done `steps` times. X is transposed while it is taller than wide. s
    is the `scale`:

        "rows"       √max(1, R / C)      the source, and PyTorch; weights of fnet are (out, in)
        "columns"    √max(1, C / R)      optax, for weights that are (in, out)
        "rms"        0.2 √max(R, C)      Keras; steps of the size of Adam's
        "none"       1

    With `corrected`, m and g are divided by 1 − βᵗ⁺¹ and 1 − βᵗ in u, as in optax: its first steps
    heed the gradient less. β is `decay`, λ `weight_decay`. PyTorch iterates in bfloat16, and takes
    arrays of two axes alone; Keras and optax give others to their Adam, at the same rate.

    Matrices of one shape are iterated together.

    Source: Jordan et al. (2024), Muon: An optimizer for hidden layers in neural networks;
    "rms": Liu et al. (2025), Muon is Scalable for LLM Training, section 2.2.

    >>> optimizer, w = muon(0.1), jnp.zeros((2, 2))
    >>> updates, _ = optimizer.update(jnp.diag(jnp.array([1.0, 9.0])), optimizer.init(w), w)
    >>> print(jnp.diag(updates).round(2))  # both directions, though one is nine times as steep
    [-0.08 -0.07]
    """
    require_settings("muon", learning_rate, eps=eps, weight_decay=weight_decay, decay=decay)
    require_whole("muon: steps", steps, least=1)
    require_bool("muon: nesterov", nesterov)
    require_bool("muon: corrected", corrected)
    require_choice("muon: scale", scale, *SCALES)
    if not (isinstance(coefficients, tuple) and len(coefficients) == 3):
        raise ConfigurationError(f"muon: coefficients are {coefficients!r}; they are three numbers")
    for coefficient in coefficients:
        require_number("muon: a coefficient", coefficient)

    def init_state(params: ArrayTree) -> Muon:
        return Muon(*start(learning_rate), filled(params))

    moved = leafwise(lambda m, g: decay * m + (1 - decay) * g)
    mixed = leafwise(lambda m, g, of_m, of_g: of_m * m + of_g * g)
    stepped = leafwise(lambda g, x, a: -a * scale_of(x.shape, scale) * x)
    decayed = leafwise(lambda u, p, a: u - a * weight_decay * p)

    def update(grads: ArrayTree, state: Muon, params: Any = None, **more: Any) -> Any:
        require_state("muon", Muon, state)
        require_gradients("muon", grads)
        t = state.step + 1
        m = moved((state.m, grads))
        x = orthogonal(mixed((m, grads), *shares(t.astype(state.learning_rate.dtype))))
        updates = stepped((grads, x), state.learning_rate)
        if weight_decay:
            updates = decayed((updates, params), state.learning_rate)
        return updates, state._replace(step=t, m=m)

    def shares(t: Array) -> tuple[Any, Any]:
        """How much of m and of g there is in u."""
        of_m, of_g = (decay, 1 - decay) if nesterov else (1.0, 0.0)
        if not corrected:
            return of_m, of_g
        return of_m / risen(decay, t + 1 if nesterov else t), of_g / risen(decay, t)

    def orthogonal(tree: ArrayTree) -> ArrayTree:
        leaves, structure = opened(tree)
        return structure.unflatten(together(leaves, coefficients, steps, eps))

    own = Optimizer(init_state, update)
    return composed("muon", [(of_two_axes, own)], adamw(3e-4) if rest is None else rest)


def of_two_axes(name: str, leaf: Any) -> bool:
    """Whether this is a weight matrix."""
    return np.ndim(leaf) == 2


def scale_of(shape: tuple[int, ...], scale: str) -> float:
    """How long a step is beside the orthogonal matrix."""
    rows, columns = (max(1, size) for size in shape)
    return {
        "rows": math.sqrt(max(1, rows / columns)),
        "columns": math.sqrt(max(1, columns / rows)),
        "rms": 0.2 * math.sqrt(max(rows, columns)),
        "none": 1.0,
    }[scale]


def together(
    leaves: Sequence[Any], coefficients: tuple[float, ...], steps: int, eps: float
) -> list[Any]:
    """`newton_schulz` of each matrix, those of one shape in one loop; None stays None.

    On a CPU the loop takes half the time of as many products side by side, and a quarter of that
    of batched ones; and it is compiled once.
    """
    tall = [x is not None and x.shape[0] > x.shape[1] for x in leaves]
    wide = [x.mT if transposed else x for x, transposed in zip(leaves, tall, strict=True)]
    groups: dict[Any, list[int]] = {}
    for place, x in enumerate(wide):
        if x is not None:
            groups.setdefault((x.shape, x.dtype), []).append(place)
    made: list[Any] = [None] * len(wide)
    for places in groups.values():
        stack = jnp.stack([wide[place] for place in places])
        results = jax.lax.map(lambda x: newton_schulz(x, coefficients, steps, eps), stack)
        for place, x in zip(places, results, strict=True):
            made[place] = x.mT if tall[place] else x
    return made


def newton_schulz(x: Array, coefficients: tuple[float, ...], steps: int, eps: float) -> Array:
    """A matrix with the singular vectors of x, (R, C) with R ≤ C, and singular values near one.

    >>> x = newton_schulz(jnp.diag(jnp.array([1.0, 100.0])), (1.5, -0.5, 0.0), 30, 1e-7)
    >>> print(jnp.diag(x).round(3))  # with these coefficients they become one
    [1. 1.]
    """
    a, b, c = coefficients
    x = over(x, norm(x) + eps)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x
