"""Layers on every device's own rows, and one sum of the gradients of all.

The compiler could divide a program by itself, but not the loops in it: a layer that works on a few
rows at a time, as most of fnet's do on a CPU, has its loop over the very axis that is divided, and
the compiler would gather all rows on every device. It would also add up gradients where they are
made, in every round of a loop over blocks, in the precision of the product. So the layers of a
model run as on one device, each on its own rows, and gradients are added once, at the end.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from chex import ArrayTree, PRNGKey
from jax.sharding import Mesh, PartitionSpec

from fnet.core import Layer, Penalty, layer
from fnet.core.across import ROWS
from fnet.core.remembering import remembered
from fnet.core.trees import is_floating
from fnet.devices.buckets import all_reduce

WHOLE, OWN = PartitionSpec(), PartitionSpec(ROWS)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Caches:
    """What every device caches, along a new first axis, and which leaves of y have rows.

    >>> Caches(jnp.zeros((4, 8)), of_rows=(True,)).held.shape
    (4, 8)
    """

    held: ArrayTree
    of_rows: tuple[bool, ...] = dataclasses.field(metadata={"static": True})


@remembered
def divided(model: Layer, mesh: Mesh, reduced: Any = None, summed: bool = True) -> Layer:
    """The model, each device of the mesh running it on its own rows of the batch.

        y, cache = forward(θ, own rows)          dθ = Σ over devices of backward(θ, cache, own dy)

    Its functions take and give arrays of the whole batch, and the same numbers as those of the
    model, up to rounding: layers that mix rows or draw noise for them go by `fnet.core.across`.
    Gradients are added as they are or in the dtype `reduced`, "bfloat16", which moves half the
    bytes: a sum of D devices is then off by up to D / 256 of the sum of sizes, and a gradient by
    0.24 % of its norm, measured on two and on four devices. Without `summed` dθ
    has that of every device, along a new first axis, and the penalty's gradient is divided by D.
    Cache: that of every device, along such an axis.

    >>> from fnet.devices.meshes import mesh
    >>> from fnet.layers import relu
    >>> y, cache = divided(relu(), mesh(1)).forward((), jnp.array([-1.0, 2.0]))
    >>> y.tolist(), divided(relu(), mesh(1)).backward((), cache, jnp.ones(2))[1].tolist()
    ([0.0, 2.0], [0.0, 1.0])
    """

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, Caches]:
        def own(params: ArrayTree, x: Any, key: PRNGKey | None) -> tuple[Any, ArrayTree]:
            y, cache = model.forward(params, x, key)
            return y, stacked(cache)

        made = _specs_of_output(model, mesh.shape[ROWS], params, x, key)
        y, cache = on_each(mesh, own, (WHOLE, OWN, WHOLE), (made, OWN))(params, x, key)
        return y, Caches(cache, tuple(spec == OWN for spec in jax.tree.leaves(made)))

    def backward(params: ArrayTree, caches: Caches, dy: Any) -> tuple[ArrayTree, Any]:
        kinds = iter(caches.of_rows)
        given = jax.tree.map(lambda _: OWN if next(kinds) else WHOLE, dy)

        def own(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
            dy = jax.tree.map(lambda d, spec: d if spec == OWN else first_alone(d), dy, given)
            dparams, dx = model.backward(params, unstacked(cache), dy)
            return total(dparams, reduced) if summed else stacked(dparams), dx

        made = (WHOLE if summed else OWN, OWN)
        dparams, dx = on_each(mesh, own, (WHOLE, OWN, given), made)(params, caches.held, dy)
        return dparams, dx

    def observe(params: ArrayTree, caches: Caches) -> ArrayTree:
        def own(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
            seen: Any = model.observe
            return seen(params, unstacked(cache))

        moved: ArrayTree = on_each(mesh, own, (WHOLE, OWN), WHOLE)(params, caches.held)
        return moved

    seen = None if model.observe is None else observe
    penalty = model.penalty if summed else _shared(model.penalty, mesh.shape[ROWS])
    return layer(model.init, forward, backward, penalty, (model,), seen)


def on_each(mesh: Mesh, function: Callable[..., Any], given: Any, made: Any) -> Callable[..., Any]:
    """The function as every device runs it on its own part; specs say what is WHOLE, what OWN."""
    return jax.shard_map(
        function,
        mesh=mesh,
        in_specs=given,
        out_specs=made,
        axis_names={ROWS},
        check_vma=False,
    )


def is_known(model: Layer) -> bool:
    """Whether every layer of a model is fnet's own, which are proved to run on some of the rows.

    >>> from fnet.layers import relu
    >>> is_known(relu())
    True
    """
    return model.forward.__module__.startswith("fnet.") and all(map(is_known, model.layers))


def _specs_of_output(model: Layer, parts: int, params: Any, x: Any, key: Any) -> Any:
    """Which leaves of y have rows; others, such as weights that a loss is given, are whole.

    Found by shape: leaves of rows are shorter for a share of the batch.
    """

    def of_rows(rows: Any) -> Any:
        return jax.eval_shape(model.forward, params, rows, key)[0]

    y = of_rows(x)
    if isinstance(y, jax.ShapeDtypeStruct):
        return OWN
    share = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((leaf.shape[0] // parts, *leaf.shape[1:]), leaf.dtype), x
    )
    return jax.tree.map(lambda a, b: WHOLE if a.shape == b.shape else OWN, y, of_rows(share))


def stacked(tree: Any) -> Any:
    """What one device has, along a new first axis, along which those of all are joined."""
    return jax.tree.map(lambda leaf: leaf[None], tree)


def unstacked(tree: Any) -> Any:
    """What was `stacked`, on each device its own."""
    return jax.tree.map(lambda leaf: leaf[0], tree)


def _shared(penalty: Penalty | None, parts: int) -> Penalty | None:
    """The penalty, whose gradient every device adds a share of."""
    if penalty is None:
        return None
    whole = penalty.value_and_grad

    def value_and_grad(params: ArrayTree) -> tuple[Any, ArrayTree]:
        value, gradient = whole(params)
        return value, jax.tree.map(lambda d: d / parts, gradient)

    return dataclasses.replace(penalty, value_and_grad=value_and_grad)


def first_alone(whole: Any) -> Any:
    """What is whole on every device on the first, and 0 on the others: a sum has it once."""
    return jnp.where(jax.lax.axis_index(ROWS) == 0, whole, jnp.zeros((), whole.dtype))


def total(grads: ArrayTree, reduced: Any) -> ArrayTree:
    """The sum over devices, of all leaves at once."""

    def narrow(leaf: Any) -> Any:
        return leaf.astype(reduced) if reduced is not None and is_floating(leaf) else leaf

    added = all_reduce(jax.tree.map(narrow, grads))
    return jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), added, grads)
