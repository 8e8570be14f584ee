"""Different optimizers for different parts of the parameters, and none for some."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core.expect import require_array, require_state
from fnet.core.trees import is_non_trainable, is_none, zeros_like
from fnet.core.values import constructor
from fnet.errors import ConfigurationError
from fnet.optimizers.rule import flattened, is_still, passed, rate_of, require_optimizer, with_rate
from fnet.optimizers.selecting import Part, opened, require_part, selected


class Frozen(NamedTuple):
    """The state of `frozen`.

    >>> int(frozen().init(()).step)
    0
    """

    step: Array


class ByPart(NamedTuple):
    """The state of `by_part`: the states of its optimizers, in order.

    `learning_rate` is that of the first part that has one, and `shares` are the ratios of the
    others to it; None for a part that has none. Under a schedule in a part it is what that
    multiplies.

    >>> from fnet.optimizers import sgd
    >>> optimizer = by_part(("vectors", sgd(0.5)), rest=sgd(0.25))
    >>> state = optimizer.init(jnp.zeros(2))
    >>> float(state.learning_rate), float(state.shares[1])
    (0.5, 0.5)
    """

    step: Array
    learning_rate: Array | None
    shares: tuple[Any, ...]
    parts: tuple[Any, ...]

    def with_learning_rate(self, a: Array) -> "ByPart":
        """The state with this rate in the first part, and the others in proportion."""
        if self.learning_rate is None:
            raise ConfigurationError(
                "set_learning_rate: no optimizer in by_part has a learning rate that can be set; "
                "take at least one of fnet, such as sgd(0.1)"
            )
        a = a.astype(self.learning_rate.dtype)
        parts = tuple(
            part if share is None else with_rate(part, a * share)
            for part, share in zip(self.parts, self.shares, strict=True)
        )
        return self._replace(learning_rate=a, parts=parts)


@constructor
def frozen() -> Optimizer:
    """No updates: what it is for in `by_part` stays as it is.

        θ ← θ

    >>> optimizer = frozen()
    >>> optimizer.update(jnp.ones(2), optimizer.init(jnp.zeros(2)))[0].tolist()
    [0.0, 0.0]
    """

    def init_state(params: ArrayTree) -> Frozen:
        return Frozen(jnp.zeros((), jnp.int32))

    def update(grads: ArrayTree, state: Frozen, params: Any = None, **more: Any) -> Any:
        require_state("frozen", Frozen, state)
        return zeros_like(grads), Frozen(state.step + 1)

    return Optimizer(init_state, update)


@constructor
def by_part(*parts: tuple[Part, Any], rest: Any = frozen()) -> Optimizer:
    """Each part of the parameters by its own optimizer, and the `rest` by another one, or not.

    A part is (which, optimizer); an array belongs to the first part that it matches. The first is

        "matrices"                  arrays of two axes and more
        "vectors"                   of fewer
        "all", "none"
        "*.b", "0.*", "*norm*"      a pattern of names, in which * stands for anything; the name of
                                    params[0].w is 0.w
        function(name, array)       True for what belongs to it; such an optimizer has no text that
                                    builds it again, so give it to `load` with its checkpoints

    The learning rate of its state is that of the first part; `set_learning_rate` and schedules keep
    the ratios. The optimizers may be optax's. Where a gradient is None, nothing changes.

    >>> from fnet.optimizers import adam, sgd
    >>> params = {"w": jnp.ones((2, 2)), "b": jnp.ones(2), "scale": jnp.ones(2)}
    >>> optimizer = by_part(("matrices", adam(0.01)), ("b", sgd(0.5)))
    >>> updates, _ = optimizer.update(params, optimizer.init(params))
    >>> updates["b"].tolist(), updates["scale"].tolist()
    ([-0.5, -0.5], [0.0, 0.0])
    """
    for part in parts:
        if not (isinstance(part, tuple) and len(part) == 2 and hasattr(part[1], "update")):
            raise ConfigurationError(
                f"by_part: a part is {part!r}; it must be a pair of which and an optimizer: "
                "('*.b', sgd(0.1))"
            )
        require_part("by_part: which", part[0])
    return composed("by_part", parts, rest)


def composed(name: str, parts: Sequence[tuple[Part, Any]], rest: Any) -> Optimizer:
    """The optimizer of the parts and the rest; its state is a `ByPart`."""
    optimizers = [*(optimizer for _, optimizer in parts), rest]
    for optimizer in optimizers:
        require_optimizer(name, optimizer)

    def init_state(params: ArrayTree) -> ByPart:
        leaves, structure = opened(params)
        held = split(leaves, structure, places(params))
        states = tuple(opt.init(own) for opt, own in zip(optimizers, held, strict=True))
        rates = [rate_of(state) for state in states]
        first = next((rate for rate in rates if rate is not None), None)
        shares = tuple(None if rate is None else rate / first for rate in rates)
        # A copy, since a buffer that stands in a state twice could not be donated.
        rate = None if first is None else jnp.copy(first)
        return ByPart(jnp.zeros((), jnp.int32), rate, shares, states)

    def update(grads: ArrayTree, state: ByPart, params: Any = None, **more: Any) -> Any:
        require_state(name, ByPart, state)
        where = places(grads)
        leaves, structure = opened(grads)
        for leaf in leaves:
            if not is_still(leaf):
                require_array(f"{name}: a gradient", leaf)
        gs = split(leaves, structure, where)
        ps = [None] * len(gs)
        if params is not None:
            ps = split(flattened(name, structure, params), structure, where)
        made = [
            passed(optimizer, g, own, p, **more)
            for optimizer, g, own, p in zip(optimizers, gs, state.parts, ps, strict=True)
        ]
        updates = joined(grads, where, [u for u, _ in made])
        states = tuple(own for _, own in made)
        return updates, state._replace(step=state.step + 1, parts=states)

    def places(tree: ArrayTree) -> list[int]:
        """The optimizer of each leaf; −1 of one that no gradient reaches."""
        leaves, _ = opened(tree)
        found = [len(parts) for _ in leaves]
        for number in reversed(range(len(parts))):
            chosen = selected(parts[number][0], tree)
            found = [number if mine else at for mine, at in zip(chosen, found, strict=True)]
        return [
            -1 if is_none(leaf) or is_non_trainable(leaf) else at
            for leaf, at in zip(leaves, found, strict=True)
        ]

    def split(leaves: list[Any], structure: Any, where: list[int]) -> list[ArrayTree]:
        """The tree for each optimizer, with None in place of what belongs to others."""
        return [
            structure.unflatten(
                [leaf if at == number else None for leaf, at in zip(leaves, where, strict=True)]
            )
            for number in range(len(optimizers))
        ]

    return Optimizer(init_state, update)


def joined(grads: ArrayTree, where: list[int], trees: list[ArrayTree]) -> ArrayTree:
    """The tree whose leaves are those of `trees[where]`; zeros where no gradient reaches."""
    leaves, structure = opened(grads)
    flat = [structure.flatten_up_to(tree) for tree in trees]
    made = [
        zeros_like(leaf) if at < 0 else flat[at][place]
        for place, (leaf, at) in enumerate(zip(leaves, where, strict=True))
    ]
    return structure.unflatten(made)
