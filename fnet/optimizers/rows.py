"""Updates of those rows of a table that a batch has seen, in place of the whole table."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Optimizer
from fnet.core import rows as to_rows
from fnet.core.expect import check_range, require, require_array, require_floating
from fnet.core.remembering import remembered
from fnet.core.values import constructor, made_of
from fnet.errors import ConfigurationError
from fnet.optimizers.adam import adam, amsgrad
from fnet.optimizers.adaptive import adadelta, adagrad, rmsprop
from fnet.optimizers.averaging import Accumulated
from fnet.optimizers.gradient import momentum, sgd
from fnet.optimizers.moments import adamax, nadam, radam
from fnet.optimizers.rule import (
    apply_updates,
    passed,
    require_optimizer,
    require_params,
)
from fnet.optimizers.scheduling import scheduled
from fnet.optimizers.seen import Rows, is_rows
from fnet.optimizers.selecting import opened
from fnet.optimizers.sparse import ftrl

BLOCK = 2**15  # numbers of a table that are updated at once
BY_ENTRY = (sgd, momentum, rmsprop, adagrad, adadelta, adam, amsgrad, adamax, nadam, radam, ftrl)


@constructor
def by_rows(optimizer: Any) -> Optimizer:
    """The optimizer of a table (V, D), whose rows rest where their gradient is 0.

        θ[v] ← θ[v] + Δθ[v]             for all v that have a gradient

    Of its state, such as moments, the same rows rest. It is for an `embedding`, where a batch sees
    few rows:

        by_part(("0.w", by_rows(adam(1e-3))), rest=adam(1e-3))

    In `fit` and `descend`, where such a layer stands in a `serial` model without penalties, the
    gradient of the whole table is never made, and a step takes time for the ids and not for V rows,
    as by `update_rows`; around `by_part` there may be `scheduled`. Elsewhere, as with `tied` or
    over several devices, steps are the same, and take the time of the whole table.

    Exact, as the optimizer alone, where a gradient of 0 changes nothing: `sgd`, `adagrad` and
    `ftrl`. Others are lazy: while a row rests its moments do not decay, nor do they move it, as
    each step of `adam`, `momentum` or `rmsprop` would. A row that every step sees is exact, and so
    is the first step; the t of a correction counts all steps.

    Raises ConfigurationError for a rule that looks at other rows (`lamb`, `lars`, `muon`), moves
    those that were never seen (weight decay), or waits (`accumulate`). That is tried on a small
    table, so that the optimizer may be one of optax. The state is the optimizer's.
    Source: lazy moments are those of torch.optim.SparseAdam and of LazyAdam in TensorFlow.

    >>> from fnet.optimizers import momentum
    >>> optimizer, w = by_rows(momentum(1.0, decay=0.5)), jnp.zeros((2, 1))
    >>> state = optimizer.init(w)
    >>> for g in ([[1.0], [1.0]], [[1.0], [0.0]]):
    ...     updates, state = optimizer.update(jnp.array(g), state, w)
    >>> print(updates.tolist(), state.v.tolist())
    [[-1.5], [0.0]] [[-1.5], [-1.0]]
    """
    _require_by_row("by_rows", optimizer)

    def init_state(params: ArrayTree) -> Any:
        _require_table("by_rows", jax.tree.leaves(params))
        return optimizer.init(params)

    def update(grads: ArrayTree, state: Any, params: Any = None, **more: Any) -> Any:
        leaves, structure = opened(grads)
        places = [place for place, leaf in enumerate(leaves) if leaf is not None]
        _require_table("by_rows", [leaves[place] for place in places])
        if not is_rows(leaves[places[0]]):
            return _masked(optimizer, leaves[places[0]], grads, state, params, **more)
        merged = leaves[places[0]].merged()
        seen = (merged.values != 0).any(axis=1)
        g = Rows(jnp.where(seen, merged.ids, merged.size), merged.values, merged.size)
        require_params("by_rows", params, grads)
        leaves[places[0]], state = _updated(optimizer, g, state, params, **more)
        return structure.unflatten(leaves), state

    return Optimizer(init_state, update)


def _masked(
    optimizer: Any, g: Array, grads: ArrayTree, state: Any, params: ArrayTree, **more: Any
) -> tuple[ArrayTree, Any]:
    """The optimizer's update of all rows, without those that rest."""
    seen = (g != 0).any(axis=1)
    updates, after = passed(optimizer, grads, state, params, **more)

    def kept(new: Any, old: Any) -> Any:
        by_row = jnp.ndim(new) > 0 and len(new) == len(g)
        return jnp.where(to_rows(seen, new), new, old) if by_row else new

    return jax.tree.map(lambda u: kept(u, jnp.zeros_like(u)), updates), jax.tree.map(
        kept, after, state
    )


def update_rows(
    optimizer: Any,
    ids: Array,
    dy: Array,
    state: Any,
    params: ArrayTree,
    padding: int | None = None,
) -> tuple[ArrayTree, Any]:
    """The parameters of an `embedding` and the optimizer's state, after a step on the rows of ids.

        g[v] = Σ dy                     over all places where ids = v
        θ[v] ← θ[v] + Δθ[v]             for all v that occur

    Other rows stay, and so do theirs in the state, such as moments. ids: (N, ...), dy: (N, ..., D),
    the gradient of the embedding's output, which the layers behind it give. `params` are its
    parameters, or another tree of one table (V, D), and the state is optimizer.init(params). The
    gradient of the whole table is never made: a step takes time for the ids, not for V rows, if
    the table is written in place, as in a compiled loop or where it is donated. `padding` is that
    of the layer. The rest of a model has an optimizer of its own.

    It is `by_rows` of gradients that are known by their ids: exact with `sgd`, `adagrad` and
    `ftrl`, lazy with others, and it raises what that does. Here a row rests unless it is seen,
    whatever its gradient. The norm in `clip_by_global_norm` is that of this table's gradient. Sums
    are in float32 or wider. An id out of range raises DataError; in a compiled function, which
    cannot raise, it changes nothing.

    >>> from fnet.optimizers import adagrad
    >>> table = jnp.ones((4, 1))
    >>> state = adagrad(0.5).init(table)
    >>> ids, dy = jnp.array([[2, 0, 2]]), jnp.ones((1, 3, 1))
    >>> table, state = update_rows(adagrad(0.5), ids, dy, state, table)
    >>> table.ravel().round(3).tolist()
    [0.5, 1.0, 0.5, 1.0]
    """
    _check(jax.tree.leaves(params), ids, dy)
    _require_by_row("update_rows", optimizer)
    (table,), structure = jax.tree.flatten(params)
    g = Rows.of(ids, dy, len(table), padding).merged()
    updates, state = _updated(optimizer, g, state, params)
    return apply_updates(params, jax.tree.unflatten(structure, [updates])), state


def _updated(
    optimizer: Any, g: Rows, state: Any, params: ArrayTree, **more: Any
) -> tuple[Rows, Any]:
    """The update of a table's rows, each of which stands once in g, and the state after it.

    Where each entry has an update of its own, rows are taken in blocks, which stay in the cache.
    """
    (table,), structure = jax.tree.flatten(params)
    number, width = g.values.shape
    block = max(1, min(number, BLOCK // max(width, 1)) if _is_by_entry(optimizer) else number)

    def by_row(leaf: Any) -> bool:
        return jnp.ndim(leaf) > 0 and len(leaf) == len(table)

    def one(now: Any, some: tuple[Array, Array]) -> tuple[Any, Array]:
        ids, values = some
        # What all blocks share, such as the number of the step, changes once.
        now = jax.tree.map(lambda own, begun: own if by_row(own) else begun, now, state)
        few, own = jax.tree.map(
            lambda leaf: leaf.at[ids].get(mode="clip") if by_row(leaf) else leaf, (params, now)
        )
        grads = jax.tree.unflatten(structure, [values.astype(table.dtype)])
        updates, own = passed(optimizer, grads, own, few, **more)

        def put(leaf: Any, new: Any) -> Any:
            if not by_row(leaf):
                return new
            return leaf.at[ids].set(new, mode="drop", unique_indices=True)

        return jax.tree.map(put, now, own), jax.tree.leaves(updates)[0]

    def cut(x: Array, fill: int) -> Array:
        ends = [(0, -number % block)] + [(0, 0)] * (x.ndim - 1)
        return jnp.pad(x, ends, constant_values=fill).reshape(-1, block, *x.shape[1:])

    after, values = jax.lax.scan(one, state, (cut(g.ids, g.size), cut(g.values, 0)))
    return Rows(g.ids, values.reshape(-1, width)[:number], g.size), after


def _is_by_entry(optimizer: Any) -> bool:
    """Whether no entry of a table has a part in the update of another, as in a norm."""
    construct, parts, _ = made_of(optimizer)
    return _is_by_entry(parts[0]) if construct is scheduled else construct in BY_ENTRY


def _require_table(name: str, leaves: list[Any]) -> None:
    require(
        len(leaves) == 1 and jnp.ndim(leaves[0]) == 2,
        f"{name}: params are arrays of {[jnp.shape(leaf) for leaf in leaves]}; they must be one "
        "table (V, D), such as the parameters of an embedding; for one among others take "
        'by_part(("0.w", by_rows(adam(1e-3))), rest=adam(1e-3))',
    )


def _check(leaves: list[Any], ids: Array, dy: Array) -> None:
    _require_table("update_rows", leaves)
    require_floating("update_rows: dy", dy)
    require_array("update_rows: ids", ids)
    require(
        jnp.issubdtype(ids.dtype, jnp.integer),
        f"update_rows: ids are {ids.dtype}; they must be integers",
    )
    require(
        dy.shape == (*ids.shape, leaves[0].shape[1]),
        f"update_rows: dy is {dy.shape}, and ids are {ids.shape}; it must be "
        f"{(*ids.shape, leaves[0].shape[1])}, the gradient of what the embedding gave",
    )
    check_range("update_rows: ids", ids, 0, len(leaves[0]) - 1)


def _require_by_row(name: str, optimizer: Any) -> None:
    """Raise ConfigurationError unless the optimizer's rule can be used for some rows alone."""
    require_optimizer(name, optimizer)
    if not _is_by_row(optimizer):
        raise ConfigurationError(
            f"{name}: {optimizer!r} does not update each row by itself when it is seen: it "
            "looks at all rows, moves those without a gradient, or waits; take one such as "
            "adam(1e-3), adagrad(0.1) or sgd(0.1), without weight decay"
        )


def _nested(state: Any) -> Iterator[Any]:
    while state is not None:
        yield state
        state = getattr(state, "inner", None)


@remembered
def _is_by_row(optimizer: Any) -> bool:
    """Whether rows move as they do in an update of all, and one that was never seen does not.

    Tried in two steps on a small table: rows 0 and 2 are seen twice, 1 once, 3 and 4 never.
    """
    begin = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 5.0], [2.0, -3.0], [1.0, 1.0]], np.float32)
    dy = np.array([[1.0, -2.0], [-0.25, 4.0], [0.5, 3.0]], np.float32)
    with jax.ensure_compile_time_eval():
        whole = few = first = (jnp.asarray(begin), optimizer.init(jnp.asarray(begin)))
        if any(isinstance(each, Accumulated) for each in _nested(first[1])):
            return False
        for seen in ([0, 2, 1], [0, 2]):
            g = Rows(jnp.array(seen, jnp.int32), jnp.asarray(dy[: len(seen)]), len(begin))
            updates, state = optimizer.update(g.dense(), whole[1], whole[0])
            whole = apply_updates(whole[0], updates), state
            updates, state = _updated(optimizer, g, few[1], few[0])
            few = apply_updates(few[0], updates), state
    leaves = ([np.asarray(leaf) for leaf in jax.tree.leaves(each)] for each in (whole, few, first))
    return all(
        np.allclose(all_rows[[0, 2]], by_row[[0, 2]], rtol=1e-5)
        and np.allclose(all_rows[3:], begun[3:], rtol=0, atol=1e-6)  # Adamax adds ε there
        for all_rows, by_row, begun in zip(*leaves, strict=True)
        if all_rows.ndim
    )
