"""An update of those rows of a table that a batch has seen, in place of the whole table."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core.expect import check_range, require, require_array, require_floating
from fnet.core.products import wide
from fnet.core.remembering import remembered
from fnet.core.trees import wide_integers
from fnet.errors import ConfigurationError
from fnet.optimizers.averaging import Accumulated
from fnet.optimizers.rule import apply_updates, require_optimizer


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

    Exact, as an update of the whole table, where a gradient of 0 changes nothing: `sgd`, `adagrad`
    and `ftrl`. Others are lazy: while a row is not seen its moments do not decay, nor do they move
    it, as each step of `adam`, `momentum` or `rmsprop` would. The first time that a row is seen, or
    if it was seen at each step, they are exact too; the t of a correction counts all steps. The
    norm in `clip_by_global_norm` is that of this table's gradient.

    Raises ConfigurationError for a rule that looks at other rows (`lamb`, `lars`, `muon`), moves
    those that were never seen (weight decay), or waits (`accumulate`). That is tried on a small
    table, so that the optimizer may be one of optax. Sums are in float32 or wider. An id out of
    range raises DataError; in a compiled function, which cannot raise, it changes nothing.
    Source: lazy moments are those of torch.optim.SparseAdam and of LazyAdam in TensorFlow.

    >>> from fnet.optimizers import adagrad
    >>> table = jnp.ones((4, 1))
    >>> state = adagrad(0.5).init(table)
    >>> ids, dy = jnp.array([[2, 0, 2]]), jnp.ones((1, 3, 1))
    >>> table, state = update_rows(adagrad(0.5), ids, dy, state, table)
    >>> table.ravel().round(3).tolist()
    [0.5, 1.0, 0.5, 1.0]
    """
    _check(jax.tree.leaves(params), ids, dy)
    _require_by_row(optimizer, state)
    return _updated(optimizer, ids, dy, state, params, padding)


def _updated(
    optimizer: Any, ids: Array, dy: Array, state: Any, params: ArrayTree, padding: int | None
) -> tuple[ArrayTree, Any]:
    (table,), structure = jax.tree.flatten(params)
    rows, g = _merged(ids, dy, len(table), padding)

    def by_row(leaf: Any) -> bool:
        return jnp.ndim(leaf) > 0 and len(leaf) == len(table)

    def put(leaf: Any, new: Any) -> Any:
        if not by_row(leaf):
            return new
        return leaf.at[rows].set(new, mode="drop", unique_indices=True)

    few, own = jax.tree.map(
        lambda leaf: leaf.at[rows].get(mode="clip") if by_row(leaf) else leaf, (params, state)
    )
    updates, own = optimizer.update(
        jax.tree.unflatten(structure, [g.astype(table.dtype)]), own, few
    )
    found: tuple[ArrayTree, Any] = jax.tree.map(
        put, (params, state), (apply_updates(few, updates), own)
    )
    return found


def _merged(ids: Array, dy: Array, size: int, padding: int | None) -> tuple[Array, Array]:
    """Each id once with the sum of its dy; in place of a repetition, `size` with a sum of 0."""
    ids = wide_integers(ids.ravel())
    counts = (ids >= 0) & (ids < size)
    counts = counts if padding is None else counts & (ids != padding)
    ids = jnp.where(counts, ids, size)
    places = jnp.arange(len(ids), dtype=jnp.int32)
    first = jnp.full(size + 1, len(ids), jnp.int32).at[ids].min(places)[ids]
    dy = dy.reshape(len(ids), -1).astype(wide(dy.dtype))
    sums = jnp.zeros_like(dy).at[first].add(jnp.where(counts[:, None], dy, 0))
    return jnp.where(first == places, ids, size), sums


def _check(leaves: list[Any], ids: Array, dy: Array) -> None:
    require(
        len(leaves) == 1 and jnp.ndim(leaves[0]) == 2,
        f"update_rows: params are arrays of {[jnp.shape(leaf) for leaf in leaves]}; they must be "
        "one table (V, D), such as the parameters of an embedding",
    )
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


def _require_by_row(optimizer: Any, state: Any) -> None:
    """Raise ConfigurationError unless the optimizer's rule can be used for some rows alone."""
    require_optimizer("update_rows", optimizer)
    late = any(isinstance(each, Accumulated) for each in _nested(state))
    if late or not _is_by_row(optimizer):
        raise ConfigurationError(
            f"update_rows: {optimizer!r} does not update each row by itself when it is seen: it "
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
    steps = [np.array([0, 2, 1]), np.array([0, 2])]
    with jax.ensure_compile_time_eval():
        whole = few = first = (jnp.asarray(begin), optimizer.init(jnp.asarray(begin)))
        for ids in steps:
            g = jnp.zeros_like(whole[0]).at[ids].set(dy[: len(ids)])
            updates, state = optimizer.update(g, whole[1], whole[0])
            whole = apply_updates(whole[0], updates), state
            few = _updated(
                optimizer, jnp.asarray(ids), jnp.asarray(dy[: len(ids)]), *few[::-1], None
            )
    leaves = ([np.asarray(leaf) for leaf in jax.tree.leaves(each)] for each in (whole, few, first))
    return all(
        np.allclose(all_rows[[0, 2]], by_row[[0, 2]], rtol=1e-5)
        and np.allclose(all_rows[3:], begun[3:], rtol=0, atol=1e-6)  # Adamax adds ε there
        for all_rows, by_row, begun in zip(*leaves, strict=True)
        if all_rows.ndim
    )
