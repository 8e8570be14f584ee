"""Which axis of which parameter the devices divide among themselves."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fnet.devices.meshes import COLUMNS
from fnet.errors import ConfigurationError

Rule = Callable[[str, tuple[int, ...]], PartitionSpec]

# The end of a parameter's path, and which axis of it is divided, counted from the last.
TABLE = {
    ".out.w": -1,  # of attention: its inputs are the heads
    ".w": -2,  # (M, D) of affine and attention, (V, D) of an embedding and of logits
    ".b": -1,
}


def by_table(table: dict[str, int] = TABLE) -> Rule:
    """The rule that divides an axis of each parameter whose path ends as a row of the table says.

    A rule is any function (path, shape) -> PartitionSpec, called for each array of parameters and
    of an optimizer's state, whose paths end like those of their parameters. The first row that fits
    decides: the end of a path, and the axis counted from the last, so that the blocks of a
    `repeat`, stacked along a first axis, are divided like one. What fits no row is whole on every
    device. Raises ConfigurationError for an axis that is not counted from the last.

    >>> rule = by_table()
    >>> tuple(rule("[0].w", (100, 784))), tuple(rule("[2].scale", (64,)))
    (('model', None), ())
    """
    for end, axis in table.items():
        if not isinstance(axis, int) or axis >= 0:
            raise ConfigurationError(
                f"by_table: the axis of {end!r} is {axis!r}; it is counted from the last, which is "
                "-1, and the one before it -2"
            )

    def rule(path: str, shape: tuple[int, ...]) -> PartitionSpec:
        for end, axis in table.items():
            if path.endswith(end) and len(shape) >= -axis:
                axes: list[str | None] = [None] * len(shape)
                axes[axis] = COLUMNS
                return PartitionSpec(*axes)
        return PartitionSpec()

    return rule


def split_weights(path: str, shape: tuple[int, ...]) -> PartitionSpec:
    """The rule that a `placement` has unless another is given: `by_table()`.

    Of affine layers and attention the outputs are divided, of an embedding the ids, and of
    attention's last product the heads.

    >>> tuple(split_weights("[1].layers.out.w", (12, 64, 64)))
    (None, None, 'model')
    """
    return by_table()(path, shape)


def shardings(rule: Rule, tree: Any, mesh: Mesh) -> Any:
    """The sharding of every array of a tree by this rule.

    An axis of the mesh that is not there divides nothing, nor does one where the array's own axis
    is not a multiple of it: such an array is whole on every device. Raises ConfigurationError for
    a rule that returns no PartitionSpec, or one that names an axis of the mesh twice.

    >>> from fnet.devices.meshes import mesh
    >>> shardings(split_weights, {"w": jax.numpy.ones(3)}, mesh(1))["w"].is_fully_replicated
    True
    """

    def of_leaf(path: Any, leaf: Any) -> NamedSharding:
        name = jax.tree_util.keystr(path)
        spec = rule(name, leaf.shape)
        if not isinstance(spec, PartitionSpec):
            raise ConfigurationError(
                f"the rule gives {spec!r} for {name}; it must be a PartitionSpec such as "
                'PartitionSpec("model", None)'
            )
        fitting = _fitting(spec, leaf.shape, mesh)
        divides = [axis for axes in fitting for axis in _names(axes)]
        if len({*divides}) < len(divides):
            raise ConfigurationError(
                f"the rule gives {spec!r} for {name}; an axis of the mesh divides one of an array"
            )
        return NamedSharding(mesh, fitting)

    return jax.tree_util.tree_map_with_path(of_leaf, tree)


def _fitting(spec: PartitionSpec, shape: tuple[int, ...], mesh: Mesh) -> PartitionSpec:
    kept = []
    for size, names in zip(shape, spec, strict=False):
        there = tuple(name for name in _names(names) if name in mesh.shape)
        whole = math.prod(mesh.shape[name] for name in there)
        kept.append(there if whole > 1 and size % whole == 0 else None)
    while kept and kept[-1] is None:
        kept.pop()
    return PartitionSpec(*kept)


def _names(axes: Any) -> tuple[Any, ...]:
    """The axes of a mesh that divide one of an array: an entry of a PartitionSpec."""
    return axes if isinstance(axes, tuple) else () if axes is None else (axes,)
