"""Many epochs of full batches in one compiled call, and what they reached, side by side."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss
from fnet.core.remembering import remembered
from fnet.core.trees import nbytes
from fnet.data.augmentation import augment
from fnet.data.transforms import Transform, compose
from fnet.devices.placements import HERE, Here
from fnet.training.evaluation import penalty_of
from fnet.training.feeding import inputs
from fnet.training.last_layer import open_for
from fnet.training.records import State
from fnet.training.scoring import score
from fnet.training.solving import is_solver, make_solver_step
from fnet.training.step import one_step

TOGETHER = 2**26  # bytes of activations computed side by side, at most
NARROW = 32  # columns: a narrower array is multiplied faster when stored by columns


class Stretch(NamedTuple):
    """Some epochs in a row. `state` is the last one; the rest has one entry per epoch.

    `params` are those after the epoch, and `moved` is the length of its step, ‖θᵏ⁺¹ − θᵏ‖; `looks`
    has (losses, scores, rows) of the training set before it, and of a validation set after it.
    """

    state: State
    params: ArrayTree
    moved: Array
    looks: list[tuple[Array, Array, Array]]


@remembered
def make_stretch(
    model: Layer,
    loss: Loss,
    optimizer: Any,
    length: int,
    *transforms: Transform,
    placement: Here = HERE,
) -> Callable[..., Stretch]:
    """The compiled stretch(state, count, parts, key=None) of at most `length` epochs.

    parts are (x, target, where) of the training set and, if there is one, of the validation set,
    each with a transform. Entries of epochs after `count` are meaningless.
    """
    if is_solver(optimizer):
        spread, step = model, make_solver_step(model, loss, optimizer)
    else:
        spread, loss = placement.model(open_for(loss, model)), placement.loss(loss)
        step = jax.jit(one_step(spread, loss, optimizer, compose(), augment()))

    def measure(
        pair: tuple[ArrayTree, PRNGKey | None], x: Array, target: Array, where: Array | None = None
    ) -> Any:
        params, noise = pair
        y, _ = spread.forward(params, x, noise)
        value, _ = loss.value_and_grad(y, target, where)
        return value + penalty_of(model, params)[0], *score(loss, y, target, where)

    @placement.jit
    def stretch(
        state: State, count: Array, parts: list[tuple[Any, ...]], key: PRNGKey | None = None
    ) -> Stretch:
        given = [
            inputs(transform, state.params, x)
            for transform, (x, *_) in zip(transforms, parts, strict=True)
        ]
        read = [_stored(x) for x in given]
        targets = [dict(zip(("target", "where"), rest, strict=False)) for _, *rest in parts]

        def epoch(k: Array, carry: tuple[State, ArrayTree]) -> tuple[State, ArrayTree]:
            # The step's metrics are unused, and so not computed.
            state, _ = step(carry[0], read[0](), **targets[0], key=key)
            state = placement.kept(state)
            return state, jax.tree.map(functools.partial(_put, k + 1), carry[1], state.params)

        def buffer(leaf: Array) -> Array:
            return jnp.zeros((length + 1, *leaf.shape), leaf.dtype).at[0].set(leaf)

        end, kept = jax.lax.fori_loop(0, count, epoch, (state, jax.tree.map(buffer, state.params)))
        before = jax.tree.map(lambda leaf: leaf[:-1], kept)
        after = jax.tree.map(lambda leaf: leaf[1:], kept)
        noise = None if key is None else _folded(key, state.step, length)
        pairs = (before, noise), (after, None)
        looks = [
            jax.lax.map(
                functools.partial(measure, x=x(), **target),
                pair,
                batch_size=_together(model, state.params, x()),
            )
            for x, target, pair in zip(read, targets, pairs, strict=False)
        ]
        return Stretch(end, after, *placement.everywhere((_distance(before, after), looks)))

    return stretch


def _stored(x: Any) -> Callable[[], Any]:
    """A function that gives x; one of few columns is stored by columns."""
    if not isinstance(x, jax.Array) or x.ndim != 2 or x.shape[1] >= NARROW:
        return lambda: x
    columns = jax.lax.optimization_barrier(x.T)
    return lambda: columns.T


def _put(place: Array, entries: Array, entry: Array) -> Array:
    """entries.at[place].set(entry) without a check of the bounds."""
    return jax.lax.dynamic_update_index_in_dim(entries, entry, place, 0)


def _together(model: Layer, params: ArrayTree, x: Array) -> int:
    """The number of epochs whose metrics are computed side by side."""
    activations: Any = jax.eval_shape(model.forward, params, x)
    return int(max(1, TOGETHER // nbytes(activations)))


def _folded(key: PRNGKey, first: Array, count: int) -> Array:
    steps = first + jnp.arange(count, dtype=first.dtype)
    return jax.vmap(lambda step: jax.random.fold_in(key, step))(steps)


def _distance(before: ArrayTree, after: ArrayTree) -> Array:
    """The length of each epoch's step."""

    def squares(a: Array, b: Array) -> Array:
        return jnp.sum((b - a).reshape(len(a), -1) ** 2, axis=1)

    return jnp.sqrt(sum(jax.tree.leaves(jax.tree.map(squares, before, after))))
