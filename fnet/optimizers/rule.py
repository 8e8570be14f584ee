"""Shared by all optimizers: one array's formula lifted to trees, initial states, and their use."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, Numeric

from fnet.core import Optimizer
from fnet.core.expect import (
    require,
    require_array,
    require_floating,
    require_learning_rate,
    require_number,
    require_settable,
    require_state,
)
from fnet.core.trees import is_non_trainable, zeros_like
from fnet.errors import ConfigurationError
from fnet.optimizers.seen import dense, is_rows, takes_rows
from fnet.optimizers.selecting import Part, opened, selected


def apply_updates(params: ArrayTree, updates: ArrayTree) -> ArrayTree:
    """θ + Δθ, leaf by leaf, in the dtype of θ; `NonTrainable` parts stay, whatever Δθ is there.

    Where Δθ is None, as for a parameter without a gradient, θ stays too.

    >>> apply_updates({"w": jnp.array([1.0, 2.0])}, {"w": jnp.array([0.5, -0.5])})["w"].tolist()
    [1.5, 1.5]
    """

    def one(p: Any, u: Any) -> Any:  # decoupled weight decay makes updates without gradients
        if p is None or is_non_trainable(p) or is_still(u):
            return p
        require_array("apply_updates: a parameter", p)
        require_floating("apply_updates: an update", u)
        require(
            u.shape == p.shape,
            f"apply_updates: an update is {u.shape}, and its parameter {p.shape}; they are alike",
        )
        if is_rows(u):
            return p.at[u.ids].add(u.values.astype(p.dtype), mode="drop")  # V is no row
        return p + u.astype(p.dtype)

    leaves, structure = opened(params)
    moves = flattened("apply_updates", structure, updates)
    return structure.unflatten([one(p, u) for p, u in zip(leaves, moves, strict=True)])


def set_learning_rate(state: Any, learning_rate: Numeric) -> Any:
    """The optimizer state with another learning rate: a number, or a schedule's value.

    It reaches through what stands around an optimizer. Under `scheduled` and `plateau` it is the
    rate that the schedule multiplies; under `by_part` it is that of the first part, and the others
    keep their ratio to it.

    >>> from fnet.optimizers import sgd
    >>> state = sgd(0.5).init(jnp.zeros(2))
    >>> float(set_learning_rate(state, 0.25).learning_rate)
    0.25
    """
    require(not jnp.iscomplexobj(learning_rate), "set_learning_rate: learning_rate is complex")
    require_settable(state, learning_rate)
    return with_rate(state, jnp.asarray(learning_rate))


def rate_of(state: Any) -> Any:
    """The rate that `with_rate` sets, under a schedule what that multiplies; None without one."""
    if hasattr(state, "base"):
        return state.base
    if hasattr(state, "inner"):
        return rate_of(state.inner)
    return getattr(state, "learning_rate", None)


def with_rate(state: Any, a: Array) -> Any:
    """The state with learning rate a, where `rate_of` finds it; a schedule may end at 0."""
    if hasattr(state, "with_learning_rate"):
        return state.with_learning_rate(a)
    if hasattr(state, "base"):  # as the base changes, so does what was made of it
        before = jnp.where(state.base > 0, state.base, 1)
        a = a.astype(state.base.dtype)
        now = with_rate(state.inner, rate_of(state.inner) / before * a)
        return state._replace(base=a, inner=now)
    if hasattr(state, "inner"):
        return state._replace(inner=with_rate(state.inner, a))
    # In the same dtype, lest a compiled step be traced again.
    return state._replace(learning_rate=a.astype(state.learning_rate.dtype))


def lifted(
    name: str,
    kind: type[Any],
    learning_rate: float,
    formula: Callable[..., Any],
    moments: Sequence[str] = (),
    numbers: Callable[[Any], tuple[Any, ...]] = lambda state: (state.learning_rate,),
    begin: Mapping[str, float] = {},
    scalars: Mapping[str, float] = {},
    advance: Callable[[Any], Any] = lambda state: state,
    mask: Part | None = None,
) -> Optimizer:
    """The optimizer whose formula for one array is

        formula(g, *moments, *numbers)             -> Δθ, *moments        without a mask
        formula(g, θ, chosen, *moments, *numbers)  -> Δθ, *moments        with one

    `kind` is the type of its state: step, learning_rate, the moments, and scalars. Moments begin at
    zero or at `begin`, in float32 at least, and so is the formula computed. `numbers(state)` are
    what all arrays share: they are computed once, from the state after its step was counted and
    `advance` has moved its scalars. `chosen` says whether the array is in the part `mask`.

    The formula is traced once for each shape, not once for each array. Where g is None,
    `NonTrainable` or float0, which is JAX's gradient of whole numbers, nothing changes.
    """

    @functools.partial(jax.jit, static_argnames="chosen")
    def one(g: Array, p: Any, kept: Any, shared: Any, chosen: bool) -> Any:
        wide = kept[0].dtype if kept else wider(g.dtype)
        shared = [jnp.asarray(number).astype(wide) for number in shared]
        given = () if mask is None else (p.astype(wide), chosen)
        u, *kept = formula(g.astype(wide), *given, *kept, *shared)
        return u.astype(g.dtype), kept

    def init_state(params: ArrayTree) -> Any:
        require_parameters(params)
        trees = {moment: filled(params, begin.get(moment, 0.0)) for moment in moments}
        rest = {scalar: jnp.asarray(value, dtype=float) for scalar, value in scalars.items()}
        step, rate = start(learning_rate)
        return kind(step=step, learning_rate=rate, **trees, **rest)

    def update(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        require_state(name, kind, state)
        state = advance(state._replace(step=state.step + 1))
        shared = numbers(state)
        leaves, structure = opened(grads)
        kept = [flattened(name, structure, getattr(state, moment)) for moment in moments]
        if mask is None:
            theta, chosen = [None] * len(leaves), [False] * len(leaves)
        else:
            theta = flattened(name, structure, require_params(name, params, grads))
            chosen = selected(mask, grads)
        made = []
        for g, p, ours, *parts in zip(leaves, theta, chosen, *kept, strict=True):
            if is_still(g):
                made.append((zeros_like(g) if is_non_trainable(g) else None, parts))
                continue
            require_gradient(name, g, parts if p is None else [p, *parts])
            if p is not None:
                require_floating(f"{name}: a parameter", p)
            made.append(one(g, p, parts, shared, ours))
        updates = structure.unflatten([u for u, _ in made])
        trees = [[parts[i] for _, parts in made] for i in range(len(moments))]
        new = {m: structure.unflatten(tree) for m, tree in zip(moments, trees, strict=True)}
        return updates, state._replace(**new)

    return Optimizer(init_state, update)


def is_still(g: Any) -> bool:
    """Whether nothing moves where this is the gradient, or the update.

    >>> is_still(None), is_still(jnp.zeros(2))
    (True, False)
    """
    return g is None or is_non_trainable(g) or getattr(g, "dtype", None) == jax.dtypes.float0


def require_gradient(name: str, g: Any, like: Sequence[Any]) -> None:
    """Raise ShapeError unless g is real, floating point, and all are of its shape."""
    hint = "; None or float0 says that there is none, and a complex parameter is two real ones"
    require_floating(f"{name}: a gradient", g, hint)
    for other in like:
        shape = getattr(other, "shape", type(other).__name__)
        require(
            g.shape == shape,
            f"{name}: a gradient is {g.shape}, and its parameter {shape}; they are alike",
        )


def require_gradients(name: str, grads: ArrayTree) -> None:
    """Raise ShapeError unless each array is one that `require_gradient` takes."""
    for g in opened(grads)[0]:
        if not is_still(g):
            require_gradient(name, g, ())


def passed(optimizer: Any, grads: Any, state: Any, params: Any, **more: Any) -> tuple[Any, Any]:
    """optimizer.update(grads, state, params), with what it takes of `more`; it may be optax's.

    One that does not take `Rows` is given whole tables.
    """
    if not takes_rows(optimizer):
        grads = dense(grads)
    takes = inspect.signature(optimizer.update).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        more = {name: value for name, value in more.items() if name in takes}
    updates, after = optimizer.update(grads, state, params, **more)
    return updates, after


def start(learning_rate: float) -> tuple[Array, Array]:
    """The first two entries of every state: step 0, and the learning rate."""
    return jnp.zeros((), jnp.int32), jnp.asarray(learning_rate, dtype=float)


def risen(rate: float, t: Array) -> Array:
    """1 − rateᵗ, by which a mean that begins at zero is too small after t steps.

    It keeps its digits where the rate is so near to 1 that float32 would round most of them off;
    below, it is what it has always been, bit for bit.
    """
    return 1 - rate**t if rate <= 0.999 else -jnp.expm1(t * math.log(rate))


def filled(params: ArrayTree, value: float = 0.0) -> ArrayTree:
    """Arrays like the parameters, of this value, in float32 where these have fewer bits."""
    require_parameters(params)
    return jax.tree.map(lambda p: jnp.full(p.shape, value, wider(p.dtype)), params)


def require_parameters(params: ArrayTree) -> None:
    """Raise ShapeError unless these are arrays."""
    for p in jax.tree.leaves(params):
        require_array("optimizer.init: a parameter", p)


def leafwise(function: Callable[..., Array]) -> Callable[..., ArrayTree]:
    """function(leaf, *leaves, *numbers) of an array, lifted to trees: lifted(trees, *numbers).

    It computes in float32 at least, and its result has the dtype of the first leaf. That stays
    where one of the trees has no gradient. Raises ShapeError where leaves are not real.
    """

    @jax.jit
    def one(leaves: Any, numbers: Any) -> Array:
        wide = wider(leaves[0].dtype)
        given = [jnp.asarray(array).astype(wide) for array in (*leaves, *numbers)]
        return function(*given).astype(leaves[0].dtype)

    def of_leaves(leaves: Sequence[Any], numbers: Any) -> Any:
        if any(map(is_still, leaves)):
            return leaves[0]
        for leaf in leaves:
            require_array("an optimizer: a gradient, parameter or state", leaf)
            complex_one = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
            require(not complex_one, f"an optimizer moves real numbers, and got {leaf.dtype}")
        shapes = [leaf.shape for leaf in leaves]
        alike = all(shape == shapes[0] for shape in shapes)
        require(alike, f"an optimizer: gradients, parameters and state are alike, and got {shapes}")
        return one(tuple(leaves), numbers)

    def on_trees(trees: Sequence[ArrayTree], *numbers: Any) -> ArrayTree:
        leaves, structure = opened(trees[0])
        others = [flattened("an optimizer", structure, tree) for tree in trees[1:]]
        made = [of_leaves(row, numbers) for row in zip(leaves, *others, strict=True)]
        return structure.unflatten(made)

    return on_trees


def wider(dtype: Any) -> Any:
    """This floating-point dtype, or float32 where that has more bits."""
    return dtype if dtype.itemsize >= 4 else jnp.float32


def require_optimizer(name: str, optimizer: Any) -> None:
    """Raise ConfigurationError unless it has `init` and `update`."""
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise ConfigurationError(
            f"{name}: optimizer is {optimizer!r}; it must have init and update, as adam(1e-3) has"
        )


def require_params(name: str, params: Any, grads: Any) -> Any:
    """params, or ConfigurationError if update was given gradients without them."""
    if params is None and jax.tree.leaves(grads):
        raise ConfigurationError(
            f"{name}: update needs the parameters: optimizer.update(grads, state, params)"
        )
    return params


def flattened(name: str, structure: Any, tree: Any) -> list[Any]:
    """The leaves of a tree of this structure, that of the gradients; ConfigurationError if not."""
    try:
        leaves: list[Any] = structure.flatten_up_to(tree)
        deeper = [leaf for leaf in leaves if isinstance(leaf, dict | list | tuple)]
        if deeper:
            raise TypeError(f"an array is expected, and got {deeper[0]!r:.80}")
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name}: update got gradients of another structure than its state and parameters; all "
            f"are trees like the params that init was given: {error}"
        ) from None
    return leaves


def require_settings(
    name: str, learning_rate: float, eps: float = 1.0, weight_decay: float = 0.0, **rates: float
) -> None:
    """Raise ConfigurationError unless the learning rate, eps and the decay rates are in range."""
    require_learning_rate(name, learning_rate)
    require_number(f"{name}: eps", eps, above=0)
    require_number(f"{name}: weight_decay", weight_decay, least=0)
    for key, rate in rates.items():
        require_number(f"{name}: {key}", rate, least=0, below=1)
