"""How many bytes a step of training takes on each device, before anything is compiled."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh

from fnet.core import Layer
from fnet.core.across import ROWS
from fnet.core.examples import Ints, is_input, shapes_of
from fnet.core.expect import require_whole
from fnet.core.remembering import remembered
from fnet.core.trees import count, nbytes
from fnet.core.watching import watching
from fnet.devices.meshes import COLUMNS, require_divided
from fnet.devices.rules import Rule, shardings, split_weights
from fnet.errors import ConfigurationError


class Memory(NamedTuple):
    """The bytes on each device: of the state, gradients and caches, and of what passes by.

    `passing` is the largest output of a layer, and one round's caches where there is a loop.
    `copies` says how often gradients are there: twice where they are added over devices, since the
    sum is another array.

    >>> Memory(400, opt_state=800, gradients=400, caches=900, passing=50, copies=2).total
    3750
    """

    params: int
    opt_state: int
    gradients: int
    caches: int
    passing: int
    copies: int = 1

    @property
    def state(self) -> int:
        """What stays from step to step."""
        return self.params + self.opt_state

    @property
    def temporaries(self) -> int:
        """What comes and goes in a step: caches go as gradients come."""
        backward = self.caches + self.passing + self.gradients
        return max(backward, self.copies * self.gradients)

    @property
    def total(self) -> int:
        """With the state before the call and the one after it, which are both kept."""
        return 2 * self.state + self.temporaries


def memory_per_device(
    model: Layer,
    optimizer: Any,
    shape: Any,
    batch_size: int,
    axes: Mapping[str, int] = {ROWS: 1},
    rule: Rule = split_weights,
) -> Memory:
    """The memory that training takes on each device of a mesh, without its data.

        total = 2 (θ + s) + max(c + y + g, k g)

    θ, s and g are the bytes of parameters, optimizer state and gradients, each array divided by the
    rule over the axis "model" of m devices: θ / m, where the rule and the sizes divide all of them.
    c is what the layers cache for the N / n rows of a device, n devices dividing the batch along
    "data", and y the largest output of a layer, or its gradient on the way back; in `repeat` also
    the caches of one round, and in `remat` those that are made again. Where parameters are divided
    these may be too, which is not counted. k is 2 where n > 1, and 1 elsewhere. The state counts
    twice, as it was before the call and as it is after it. XLA takes a few percent more or less, up
    to ten where caches are as large as the state.

    `shape` is that of one example, or a tree of them, with `fnet.core.examples.ints` for integers.
    `axes` are the sizes of the mesh, {"data": 64, "model": 8} or the `shape` of one: the devices
    need not be there, and nothing is computed. Raises ConfigurationError for other axes, and where
    the devices do not divide the batch.

    >>> from fnet import models, optimizers
    >>> parts = models.classification_net(8), optimizers.adam(0.1), (256,), 64
    >>> one, many = memory_per_device(*parts), memory_per_device(*parts, {"data": 2, "model": 4})
    >>> round(one.params / many.params), one.caches // many.caches
    (4, 2)
    """
    sizes = sizes_of(axes)
    state, x = traced(model, optimizer, shape, batch_size, sizes)
    params, opt_state = (nbytes(parts_of(part, sizes, rule)) for part in state)
    cached, passing = _of_pass(model, state[0], x)
    return Memory(params, opt_state, params, cached, passing, 2 if sizes[ROWS] > 1 else 1)


@remembered
def _of_pass(model: Layer, params: Any, x: Any) -> tuple[int, int]:
    """The bytes that a forward pass caches, and of what passes by."""
    watch = _Watch()

    def forward(params: Any, x: Any, key: Any) -> Any:
        with watching(watch):
            return model.forward(params, x, key)[1]

    cache = jax.eval_shape(forward, params, x, jax.random.key(0))
    return nbytes(cache), watch.output + watch.again


class _Watch:
    """A watcher that keeps the bytes of the largest output, and of caches that are there again."""

    def __init__(self) -> None:
        self.output = self.again = 0
        self.last = 0, 0  # how many parameters a layer had, and the bytes that it cached

    def __call__(self, layer: Layer, params: Any, x: Any, run: Any) -> Any:
        y, cache = run()
        here = count(params), nbytes(cache)
        of_part, cached = self.last
        # The only part of a loop has fewer parameters; that of `remat` caches more.
        if len(layer.layers) == 1 and (here[0] > of_part or here[1] < cached):
            self.again = max(self.again, cached)
        self.output, self.last = max(self.output, nbytes(y)), here
        return y, cache


def sizes_of(axes: Mapping[str, int]) -> dict[str, int]:
    """The sizes of both axes of a mesh, of which "model" may be absent.

    >>> sizes_of({"data": 4})
    {'data': 4, 'model': 1}
    """
    unknown = [name for name in axes if name not in (ROWS, COLUMNS)]
    if unknown or ROWS not in axes:
        raise ConfigurationError(
            f'axes are {dict(axes)}; they must be {{"{ROWS}": n}} or '
            f'{{"{ROWS}": n, "{COLUMNS}": m}}'
        )
    for name, size in axes.items():
        require_whole(f"axes: {name}", size, least=1)
    return {ROWS: axes[ROWS], COLUMNS: axes.get(COLUMNS, 1)}


def traced(
    model: Layer, optimizer: Any, shape: Any, batch_size: int, sizes: Mapping[str, int]
) -> tuple[tuple[Any, Any], Any]:
    """Parameters and optimizer state, whole, and a device's rows of a batch, all without numbers.

    >>> from fnet import layers, optimizers
    >>> (params, _), x = traced(layers.affine(5), optimizers.sgd(0.1), (3,), 8, {"data": 2})
    >>> params.w.shape, x.shape
    ((5, 3), (4, 3))
    """
    require_whole("batch_size", batch_size, least=1)
    require_divided("batch_size", batch_size, sizes[ROWS])
    inner = shapes_of(shape)
    params: Any = jax.eval_shape(lambda key: model.init(key, inner)[0], jax.random.key(0))
    rows = batch_size // sizes[ROWS]

    def batch(example: Any) -> Any:
        whole = isinstance(example, Ints)
        dtype = jnp.int32 if whole else jnp.zeros(()).dtype
        return jax.ShapeDtypeStruct((rows, *(example.shape if whole else example)), dtype)

    x = jax.tree.map(batch, shape, is_leaf=is_input)
    return (params, jax.eval_shape(optimizer.init, params)), x


def parts_of(tree: Any, sizes: Mapping[str, int], rule: Rule) -> Any:
    """Of each array, what one device has of it by the rule.

    >>> w = {".w": jax.ShapeDtypeStruct((8, 3), "float32")}
    >>> parts_of(w, {"data": 1, "model": 4}, lambda path, shape: jax.P("model"))[".w"].shape
    (2, 3)
    """
    mesh: Any = AbstractMesh((*sizes.values(),), (*sizes,))
    return jax.tree.map(
        lambda leaf, own: jax.ShapeDtypeStruct(own.shard_shape(leaf.shape), leaf.dtype),
        tree,
        shardings(rule, tree, mesh),
    )
