"""Where the memory of a training step goes: shapes, parameters, caches and gradients, by layer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree

from fnet.core import Layer, Shape
from fnet.core.expect import require_whole


class Row(NamedTuple):
    """A layer: its output for a batch, its parameters, and the bytes of three kinds of array.

    `cache` counts what it is the first to remember; `shared` what an earlier layer remembers
    already. `gradient` is of its parameters.

    >>> from fnet.layers import affine
    >>> row = summary(affine(10), (3072,), batch_size=8, dtype="float32").rows[0]
    >>> row.out_shape, row.parameters, row.cache, row.gradient
    ((8, 10), 30730, 98304, 122920)
    """

    layer: str
    out_shape: Shape
    parameters: int
    cache: int
    shared: int
    gradient: int


class Summary(NamedTuple):
    """The rows, and what XLA allocates for one compiled forward and backward pass, in bytes.

    >>> from fnet.layers import affine
    >>> small = summary(affine(10), (3072,), batch_size=8, dtype="float32")
    >>> human_bytes(small.cache), human_bytes(small.cache_of(50_000))
    ('98.3 kB', '614 MB')
    """

    rows: tuple[Row, ...]
    batch_size: int
    arguments: int
    outputs: int
    temporaries: int

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)

    @property
    def cache(self) -> int:
        return sum(row.cache for row in self.rows)

    @property
    def gradient(self) -> int:
        return sum(row.gradient for row in self.rows)

    def cache_of(self, samples: int) -> int:
        """The bytes of the caches if this many samples went through at once."""
        return self.cache * samples // self.batch_size

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [
            ("layer", "output", "parameters", "cache", "shared", "gradient")
        ]
        for row in self.rows:
            sizes = [human_bytes(size) for size in (row.cache, row.shared, row.gradient)]
            lines.append((row.layer, str(row.out_shape), f"{row.parameters:,}", *sizes))
        totals = (human_bytes(self.cache), "", human_bytes(self.gradient))
        lines.append(("total", "", f"{self.parameters:,}", *totals))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = [
            "  ".join(
                cell.ljust(width) if place < 2 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        xla = (
            f"XLA, forward and backward: {human_bytes(self.arguments)} of arguments, "
            f"{human_bytes(self.outputs)} of outputs, "
            f"{human_bytes(self.temporaries)} of temporaries"
        )
        return "\n".join([*text, xla])


def summary(model: Layer, shape: Shape, batch_size: int = 128, dtype: Any = float) -> Summary:
    """What one step of `model` takes for a batch of examples of this shape, all in one dtype.

    Nothing is computed: shapes are traced, and XLA's own figures are those of the compiled
    function (params, x, dy) -> dparams. An array that two layers remember is counted once.

    >>> from fnet.models import classification_net
    >>> summary(classification_net(10), (3072,), batch_size=8, dtype="float32").cache
    101504
    """
    require_whole("summary: batch_size", batch_size, least=1)
    kind = jnp.zeros((), dtype).dtype
    drawn = jax.eval_shape(lambda key: model.init(key, shape)[0], jax.random.key(0))
    params = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, kind), drawn)
    x = jax.ShapeDtypeStruct((batch_size, *shape), kind)
    rows = []

    def look(params: ArrayTree, x: Array) -> None:
        seen: set[int] = set()
        kept = []  # alive, so that no id is given twice
        for part, part_params in chain(model, params):
            x, cache = part.forward(part_params, x)
            leaves = {id(leaf): leaf for leaf in jax.tree.leaves(cache)}
            first = [leaf for key, leaf in leaves.items() if key not in seen]
            again = [leaf for key, leaf in leaves.items() if key in seen]
            seen |= set(leaves)
            kept.append(cache)
            count = sum(leaf.size for leaf in jax.tree.leaves(part_params))
            sizes = _bytes(first), _bytes(again), _bytes(part_params)
            rows.append(Row(repr(part), x.shape, count, *sizes))

    def pass_(params: ArrayTree, x: Array, dy: Array) -> ArrayTree:
        return model.backward(params, model.forward(params, x)[1], dy)[0]

    jax.eval_shape(look, params, x)
    dy = jax.eval_shape(lambda params, x: model.forward(params, x)[0], params, x)
    used: Any = jax.jit(pass_).lower(params, x, dy).compile().memory_analysis()
    return Summary(
        tuple(rows),
        batch_size,
        used.argument_size_in_bytes,
        used.output_size_in_bytes,
        used.temp_size_in_bytes,
    )


def human_bytes(size: float) -> str:
    """A number of bytes to read: 1,000 to a kB.

    >>> human_bytes(1536), human_bytes(0)
    ('1.5 kB', '0 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def chain(model: Layer, params: ArrayTree) -> Iterator[tuple[Layer, ArrayTree]]:
    """The layers of a chain one by one with their parameters, those of a chain inside it too.

    >>> from fnet.models import classification_net
    >>> model = classification_net(10)
    >>> [part for part, _ in chain(model, model.init(jax.random.key(0), (3072,))[0])]
    [affine(100), relu(), affine(10)]
    """
    if not model.layers:
        yield model, params
    for part, part_params in zip(model.layers, params if model.layers else (), strict=True):
        yield from chain(part, part_params)


def _bytes(tree: ArrayTree) -> int:
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
