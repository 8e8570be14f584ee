"""How training is spread over devices: a mesh, and what is divided along it."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from fnet.core import Layer, Loss
from fnet.core.across import ROWS, addable
from fnet.devices.dividing import divided, is_known
from fnet.devices.meshes import require_divided, require_no_other, usable
from fnet.devices.placing import awaited, on_one, own_places, placed, replicated, with_sharding
from fnet.devices.rules import Rule, shardings, split_weights
from fnet.errors import ConfigurationError

WHOLE, ROWWISE, STREAMED = "whole", "rows", "streamed"  # where samples are


@dataclasses.dataclass(frozen=True)
class Here:
    """All on one device, as it is.

    >>> Here().size(7), Here().read(np.array([[3, 0], [2, 1]])).tolist()
    (7, [3, 0, 2, 1])
    """

    @property
    def parts(self) -> int:
        """Into how many parts the rows of a batch are divided."""
        return 1

    @property
    def devices(self) -> Sequence[jax.Device]:
        """Those of this process."""
        return list(jax.local_devices()[:1])

    @property
    def copies(self) -> float:
        """How often a dataset would be in one memory, or which part of it."""
        return 1

    @property
    def is_local(self) -> bool:
        """Whether all devices are of this process."""
        return True

    @property
    def is_whole(self) -> bool:
        """Whether a dataset in memory is whole on each device."""
        return True

    def streaming(self) -> Any:
        """The same for a dataset that is read block by block."""
        return self

    def jit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The compiled function, of which only one at a time runs over several processes.

        Programs that do not wait for each other's arrays run at once, and what they add up over the
        processes is told apart by its order alone (gloo, between CPUs, jax 0.10.2): one that takes
        another's message ends its process, or waits for ever. So results are awaited there.
        """
        program: Callable[..., Any] = jax.jit(function)
        return program if self.is_local else awaited(program)

    def model(self, model: Layer) -> Layer:
        """The model as the devices run it together."""
        return model

    def loss(self, loss: Loss) -> Loss:
        """The loss, which knows that rows are divided."""
        return loss

    def size(self, size: int) -> int:
        """The number of rows, or the next one that the devices divide."""
        return -(-size // self.parts) * self.parts

    def batch(self, what: str, size: int | None, samples: int) -> int:
        """The size of a batch of so many samples, all without a size, which the devices divide."""
        if size is not None:
            require_divided(what, size, self.parts)
        return self.size(samples if size is None else min(size, samples))

    def shardings(self, state: Any) -> Any:
        """Where each array of a state, or of parameters, belongs; None: where it is."""
        return jax.tree.map(lambda _: None, state)

    def state(self, state: Any) -> Any:
        """A state, or parameters, where they belong."""
        return on_one(state)

    def made(self, make: Callable[[], Any]) -> Any:
        """The state that `make` makes, where it belongs."""
        return make()

    def kept(self, state: Any) -> Any:
        """Within a compiled function, the state where it belongs."""
        return state

    def everywhere(self, tree: Any) -> Any:
        """Within a compiled function, the arrays whole on every device."""
        return tree

    def arrays(self, tree: Any) -> Any:
        """All samples of a dataset, on the devices; copies of arrays that are on none."""
        return jax.tree.map(lambda x: x if isinstance(x, jax.Array) else jnp.array(x), tree)

    def divided(self, tree: Any) -> Any:
        """The same, with their rows divided; the last row may be there more than once."""
        return tree

    def sent(self, tree: Any) -> Any:
        """Numbers of Python and fresh arrays of NumPy on the device, which may read their memory.

        The transfer is explicit, so that `jax_transfer_guard` finds no other in a loop; over
        several processes each has its own.
        """
        return jax.device_put(tree) if self.is_local else tree

    def rows(self, tree: Any) -> Any:
        """What `read` asked for, copied to the devices: a dataset may fill its arrays anew."""
        with jax.transfer_guard("allow"):
            return jax.tree.map(jnp.array, tree)

    def order(self, order: np.ndarray) -> Any:
        """An order (steps, batch), every device having the places of its own rows."""
        return self.sent(order)

    def own(self, size: int) -> Any:
        """The rows of a batch that this process has."""
        return slice(None)

    def read(self, places: np.ndarray) -> np.ndarray:
        """Of places (steps, batch), those that this process reads, one device after the other."""
        own = places[:, self.own(places.shape[1])]
        each = places.shape[1] // self.parts
        return own.reshape(len(places), -1, each).swapaxes(0, 1).ravel()

    def where_read(self, order: np.ndarray) -> np.ndarray:
        """Where each device finds, among the rows that were read for it, those of an order."""
        each = order.shape[1] // self.parts
        places = np.arange(len(order) * each, dtype=order.dtype).reshape(len(order), each)
        places = np.tile(places, self.parts)
        return np.where(order < 0, ~places, places)

    def taken(self, tree: Any, places: Any) -> Any:
        """The samples at these places, every device having its own."""
        return jax.tree.map(lambda leaf: leaf[places], tree)


HERE = Here()


@dataclasses.dataclass(frozen=True)
class Placement(Here):
    """Over a mesh: the rule of parameters, the dtype of sums of gradients, and where samples are.

    >>> from fnet.devices.meshes import mesh
    >>> placement(mesh(1)).parts
    1
    """

    mesh: Mesh
    rule: Rule = split_weights
    reduced: str | None = None
    data: str = WHOLE

    @property
    def parts(self) -> int:
        return int(self.mesh.shape[ROWS])

    @property
    def devices(self) -> Sequence[jax.Device]:
        return list(self.mesh.local_devices)

    @property
    def copies(self) -> float:
        each = 1 if self.data == WHOLE else 1 / self.parts
        shared = self.devices[0].platform == "cpu"  # whose virtual devices have one memory
        return each * (len(self.devices) if shared else 1)

    @property
    def is_local(self) -> bool:
        return not self.mesh.is_multi_process

    @property
    def is_whole(self) -> bool:
        return self.data == WHOLE

    def streaming(self) -> Any:
        return dataclasses.replace(self, data=STREAMED)

    def model(self, model: Layer) -> Layer:
        several = self.parts > 1 and is_known(model)
        return divided(model, self.mesh, self.reduced) if several else model

    def loss(self, loss: Loss) -> Loss:
        def value_and_grad(y: Any, target: Array, where: Array | None = None) -> Any:
            with jax.sharding.use_abstract_mesh(self.mesh.abstract_mesh):
                return loss.value_and_grad(y, target, where)

        several = self.parts > 1
        return dataclasses.replace(loss, value_and_grad=value_and_grad) if several else loss

    def shardings(self, state: Any) -> Any:
        return shardings(self.rule, state, self.mesh)

    def state(self, state: Any) -> Any:
        return with_sharding(state, self.shardings(state))

    def made(self, make: Callable[[], Any]) -> Any:
        where = self.shardings(jax.eval_shape(make))
        if all(leaf.is_fully_replicated for leaf in jax.tree.leaves(where)):
            return self.state(make())
        # Compiled, so that a device draws its part alone, and may have no room for all.
        return awaited(jax.jit(make, out_shardings=where))()

    def kept(self, state: Any) -> Any:
        return jax.lax.with_sharding_constraint(state, self.shardings(state))

    def everywhere(self, tree: Any) -> Any:
        return jax.lax.with_sharding_constraint(tree, NamedSharding(self.mesh, PartitionSpec()))

    def arrays(self, tree: Any) -> Any:
        if self.data != WHOLE:
            return self.divided(tree)
        return replicated(jax.tree.map(_own, tree), self.mesh)

    def divided(self, tree: Any) -> Any:
        def own(leaf: Any) -> Any:  # a copy, on the host where the leaf is
            return leaf[np.minimum(self.own(self.size(len(leaf))), len(leaf) - 1)]

        return placed(jax.tree.map(own, tree), self.mesh)

    def rows(self, tree: Any) -> Any:
        return placed(tree, self.mesh)

    def order(self, order: np.ndarray) -> Any:
        return placed(order[:, self.own(order.shape[1])], self.mesh, axis=1)

    def own(self, size: int) -> Any:
        return own_places(size, self.mesh)

    def taken(self, tree: Any, places: Any) -> Any:
        find = {WHOLE: None, ROWWISE: _sent, STREAMED: _here}[self.data]
        if find is None:
            return super().taken(tree, places)
        return jax.shard_map(
            lambda tree, places: jax.tree.map(functools.partial(find, places), tree),
            mesh=self.mesh,
            in_specs=(PartitionSpec(ROWS), PartitionSpec(ROWS)),
            out_specs=PartitionSpec(ROWS),
            axis_names={ROWS},
            check_vma=False,
        )(tree, places)


def placement(
    mesh: Mesh, *, rule: Rule = split_weights, reduced: str | None = None, data: str = WHOLE
) -> Placement:
    """How training is spread over a mesh, for `mesh=` of `fit` and its like; a mesh alone will do.

    `rule` says which parameters are divided (`by_table`). `reduced="bfloat16"` adds the gradients
    of the devices in 16 bits (`divided`). data="rows" divides a dataset in memory among the
    devices, in place of all of it on each; the samples of a batch are then sent where it is used.

    >>> from fnet.devices.meshes import mesh
    >>> placement(mesh(1), reduced="bfloat16").reduced
    'bfloat16'
    """
    if reduced not in (None, "bfloat16", "float16", "float32"):
        raise ConfigurationError(
            f"placement: reduced is {reduced!r}; it must be 'bfloat16', 'float16', 'float32', or "
            "None for the gradients' own"
        )
    if not callable(rule):
        raise ConfigurationError(
            f"placement: rule is {rule!r}; it must be a function (path, shape) -> PartitionSpec, "
            "such as fnet.devices.by_table(...)"
        )
    if data not in (WHOLE, ROWWISE):
        raise ConfigurationError(f"placement: data is {data!r}; it must be 'whole' or 'rows'")
    return Placement(usable(mesh), rule, reduced, data)


def placement_of(mesh: Any) -> Here:
    """The placement that a `mesh=` means; a mesh of the device where all is anyway means nothing.

    >>> from fnet.devices.meshes import mesh
    >>> placement_of(None), placement_of(mesh(1))
    (Here(), Here())
    """
    if mesh is None:
        return HERE
    found = mesh if isinstance(mesh, Here) else placement(mesh)
    if not isinstance(found, Placement) or _is_here(found.mesh):
        return HERE
    require_no_other(found.mesh)
    return found


def _is_here(mesh: Mesh) -> bool:
    """Whether the mesh is the one device where arrays are put by default."""
    default = getattr(jax.config, "jax_default_device", None)
    return default is None and [*mesh.devices.flat] == jax.local_devices()[:1]


def _own(x: Any) -> Any:
    """A copy of an array that is on no device; on a CPU, device_put would alias it."""
    if isinstance(x, jax.Array):
        return x
    return np.array(x, jax.dtypes.canonicalize_dtype(x.dtype))


def _here(places: Array, rows: Array) -> Array:
    """The rows at these places, of those here."""
    return rows[places]


def _sent(places: Array, rows: Array) -> Array:
    """The rows at these places of all, of which each device has as many: each gives those it has,
    and zeros where it has not."""
    asked = jax.lax.all_gather(places, ROWS, tiled=True)
    at = asked - jax.lax.axis_index(ROWS) * len(rows)
    has = ((at >= 0) & (at < len(rows))).reshape(-1, *[1] * (rows.ndim - 1))
    given = jnp.where(has, rows[jnp.clip(at, 0, len(rows) - 1)], jnp.zeros((), rows.dtype))
    return jax.lax.psum_scatter(addable(given), ROWS, tiled=True).astype(rows.dtype)
