"""Where the memory of a training step goes: shapes, parameters, caches and gradients, by layer."""

import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import ArrayTree

from fnet.core import Layer, Shape, watching
from fnet.core.available import human_bytes
from fnet.core.examples import Ints, is_input, shapes_of
from fnet.core.expect import require_whole
from fnet.core.trees import count, is_floating, nbytes

__all__ = ["Row", "Summary", "human_bytes", "summary"]

INDENT = "  "


class Row(NamedTuple):
    """A layer: its output for a batch, its parameters, and the bytes of three kinds of array.

    `cache` counts the arrays that this layer is the first to cache, `shared` those that an earlier
    layer caches too. `gradient` is that of its parameters. The parts of a composition follow it,
    one `depth` further in; those of `repeat` and `recurrent` stand for one round.

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
    depth: int = 0


class Summary(NamedTuple):
    """The rows, the whole model as one row, and what XLA allocates, in bytes.

    XLA's figures are for one compiled forward and backward pass.

    >>> from fnet.layers import affine
    >>> small = summary(affine(10), (3072,), batch_size=8, dtype="float32")
    >>> human_bytes(small.cache), human_bytes(small.cache_of(50_000))
    ('98.3 kB', '614 MB')
    """

    rows: tuple[Row, ...]
    total: Row
    batch_size: int
    arguments: int
    outputs: int
    temporaries: int

    @property
    def parameters(self) -> int:
        return self.total.parameters

    @property
    def cache(self) -> int:
        return self.total.cache

    @property
    def gradient(self) -> int:
        return self.total.gradient

    @property
    def leaves(self) -> tuple[Row, ...]:
        """The rows of layers that are not compositions."""
        deeper = [row.depth for row in self.rows[1:]] + [0]
        pairs = zip(self.rows, deeper, strict=True)
        return tuple(row for row, after in pairs if after <= row.depth)

    def cache_of(self, samples: int) -> int:
        """The bytes of the caches if this many samples went through at once."""
        return self.cache * samples // self.batch_size

    def __str__(self) -> str:
        lines: list[tuple[str, ...]] = [
            ("layer", "output", "parameters", "cache", "shared", "gradient")
        ]
        for row in self.rows:
            sizes = [human_bytes(size) for size in (row.cache, row.shared, row.gradient)]
            name = INDENT * row.depth + row.layer
            lines.append((name, str(row.out_shape), f"{row.parameters:,}", *sizes))
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
    """The memory of one step of `model`, for a batch of examples of this shape and dtype.

    `shape` may be a tree of shapes, with `fnet.core.examples.ints` for inputs of integers. Nothing
    is computed: shapes are traced, and XLA's figures are for the compiled function
    (params, x, dy) -> dparams. An array that two layers cache is counted once.

    >>> from fnet.models import classification_net
    >>> summary(classification_net(10), (3072,), batch_size=8, dtype="float32").cache
    101504
    """
    require_whole("summary: batch_size", batch_size, least=1)
    kind = jnp.zeros((), dtype).dtype

    def described(leaf: Any) -> Any:
        return jax.ShapeDtypeStruct(leaf.shape, kind) if is_floating(leaf) else leaf

    def batch(example: Any) -> Any:
        whole = isinstance(example, Ints)
        sizes, dtype = (example.shape, jnp.int32) if whole else (example, kind)
        return jax.ShapeDtypeStruct((batch_size, *sizes), dtype)

    sizes = shapes_of(shape)
    params: Any = jax.tree.map(
        described, jax.eval_shape(lambda key: model.init(key, sizes)[0], jax.random.key(0))
    )
    x: Any = jax.tree.map(batch, shape, is_leaf=is_input)
    watch = _Watch()

    def forward(params: ArrayTree, x: Any) -> Any:
        with watching(watch):
            return model.forward(params, x)[0]

    def pass_(params: ArrayTree, x: Any, dy: Any) -> ArrayTree:
        return model.backward(params, model.forward(params, x)[1], dy)[0]

    y = jax.eval_shape(forward, params, x)
    dy = jax.tree.map(lambda leaf: leaf if is_floating(leaf) else None, y)
    used: Any = jax.jit(pass_).lower(params, x, dy).compile().memory_analysis()
    rows = _collapsed(watch.rows)
    return Summary(
        tuple(rows),
        watch.rows[0],
        batch_size,
        used.argument_size_in_bytes,
        used.output_size_in_bytes,
        used.temp_size_in_bytes,
    )


def _collapsed(rows: list[Row]) -> list[Row]:
    """The rows without empty chains, and without chains that are the only part of a composition.

    A chain is its layers: it needs a row only where it stands beside other parts.
    """
    kept: list[Row] = []
    shifts: list[tuple[int, int]] = []  # (depth, shift): rows deeper than it move out by shift
    for place, row in enumerate(rows):
        shifts = [(depth, shift) for depth, shift in shifts if depth < row.depth]
        shift = shifts[-1][1] if shifts else 0
        if row.layer == "serial()" and len(rows) > 1:
            continue
        if row.layer.startswith("serial(…") and not _siblings(rows, place):
            shifts.append((row.depth, shift + 1))
        else:
            kept.append(row._replace(depth=row.depth - shift))
    return kept


def _siblings(rows: list[Row], place: int) -> bool:
    """Whether a part stands beside this row in the same composition."""
    depth = rows[place].depth

    def reached(walk: Any) -> bool:
        for row in walk:
            if row.depth < depth:
                return False
            if row.depth == depth and row.layer != "serial()":
                return True
        return False

    return reached(rows[place + 1 :]) or reached(rows[:place][::-1])


class _Watch:
    """A watcher that makes one row per layer, in the order in which their passes begin."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.depth = 0
        self.seen: set[int] = set()
        self.kept: list[Any] = []  # caches stay alive, so that no id is reused

    def __call__(self, layer: Layer, params: Any, x: Any, run: Any) -> Any:
        place, depth, before = len(self.rows), self.depth, set(self.seen)
        self.rows.append(None)
        self.depth += 1
        y, cache = run()
        self.depth = depth
        leaves = {id(leaf): leaf for leaf in jax.tree.leaves(cache)}
        self.kept.append(cache)
        self.seen |= set(leaves)
        first = nbytes([leaf for key, leaf in leaves.items() if key not in before])
        again = nbytes([leaf for key, leaf in leaves.items() if key in before])
        shape = jax.tree.map(lambda leaf: leaf.shape, y)
        name = titled(layer) if len(self.rows) > place + 1 else repr(layer)
        self.rows[place] = Row(name, shape, count(params), first, again, nbytes(params), depth)
        return y, cache


def titled(layer: Layer) -> str:
    """A composition's name and settings, without its parts, which have rows of their own.

    >>> from fnet.compose import repeat
    >>> from fnet.layers import attention, relu
    >>> titled(repeat(relu(), 12)), titled(attention(2, causal=True))
    ('repeat(…, 12)', 'attention(2, causal=True)')
    """
    if not layer.made:
        return "a composition"
    construct, arguments, keywords = layer.made
    signature = inspect.signature(construct)
    parts = [value for value in (*arguments, *keywords.values()) if isinstance(value, Layer)]
    words = ["…"] if parts else []  # attention makes its own
    for name, value in signature.bind(*arguments, **keywords).arguments.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            words += [repr(part) for part in value if not isinstance(part, Layer)]
        elif parameter.default is parameter.empty:
            words += [] if isinstance(value, Layer) else [repr(value)]
        elif value != parameter.default and not isinstance(value, Layer):
            words.append(f"{name}={value!r}")
    return f"{layer.written.split('(')[0]}({', '.join(words)})"
