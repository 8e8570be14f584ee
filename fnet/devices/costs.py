"""What a step of training costs on any number of devices: products, memory, and the wire."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from chex import ArrayTree
from jax.extend.core import Literal, jaxprs_in_params

from fnet.core import Layer
from fnet.core.across import ROWS
from fnet.core.remembering import remembered
from fnet.core.trees import cast, gradient_of, is_floating, nbytes
from fnet.devices.meshes import COLUMNS
from fnet.devices.rules import Rule, split_weights
from fnet.devices.sizes import memory_per_device, parts_of, sizes_of, traced
from fnet.errors import ConfigurationError

NARROW = "bfloat16", "float16", "float32"  # in which gradients may be added


class Machine(NamedTuple):
    """A device and its links: what it multiplies, what its memory and a link move, and a message.

    `rate` is in operations per second, `memory` and `wire` in bytes per second, and `latency` is
    the time in seconds that a message takes at least. Take those of a data sheet, or measure.

    >>> Machine(rate=1e12, memory=1e11, wire=1e10, latency=1e-5).rate
    1000000000000.0
    """

    rate: float
    memory: float
    wire: float
    latency: float


class Work(NamedTuple):
    """What each device does in a step: operations, and bytes; and how often devices wait.

    `moved` are bytes read from memory or written to it, `reduced` those sent to add gradients, and
    `gathered` those sent since parameters are divided. `messages` are sent one after the other.

    >>> Work(flops=6, moved=80, reduced=12, gathered=0, messages=2).sent
    12
    """

    flops: float
    moved: float
    reduced: float
    gathered: float
    messages: int

    @property
    def sent(self) -> float:
        return self.reduced + self.gathered


class Cost(NamedTuple):
    """The seconds of a step: of products, of memory, of bytes on the wire, and of messages.

    >>> Cost(compute=3.0, memory=1.0, wire=0.5, waiting=0.25).total
    4.75
    """

    compute: float
    memory: float
    wire: float
    waiting: float

    @property
    def total(self) -> float:
        return sum(self)


def step_cost(work: Work, machine: Machine) -> Cost:
    """The seconds that a step takes, one part after the other.

        t = F / rate + M / memory + (R + G) / wire + k L

    F, M, R, G and k are the work of a device (`work_per_device`), and L is the latency of a
    message. Nothing overlaps, so that this is the most that a well-run step takes: a compiler may
    send while it computes.

    >>> work = Work(flops=6e9, moved=1e9, reduced=1e8, gathered=0, messages=14)
    >>> step_cost(work, Machine(rate=1e12, memory=1e11, wire=1e10, latency=1e-5)).compute
    0.006
    """
    return Cost(
        work.flops / machine.rate,
        work.moved / machine.memory,
        work.sent / machine.wire,
        work.messages * machine.latency,
    )


def work_per_device(
    model: Layer,
    optimizer: Any,
    shape: Any,
    batch_size: int,
    axes: Mapping[str, int] = {ROWS: 1},
    rule: Rule = split_weights,
    reduced: Any = None,
) -> Work:
    """What each device of a mesh does in one step, whose gradients are added in a ring.

        F = Σ 2 d e f / m                      M = 2 (θ + s + g + c)
        R = 2 (n − 1) / n · g                  k = 2 (n − 1)
        G = (m − 1) / m · r Σ (A + 2 B)        k ← k + 3 (m − 1) w

    F is of all products (d, e) times (e, f) of a forward and a backward pass over the N / n rows of
    a device, n devices dividing the batch along "data", and m parameters along "model". θ, s, g and
    c are the bytes of parameters, optimizer state, gradients and caches on a device, as in
    `memory_per_device`; each is read and written once. R is what a device sends, and receives, in a
    ring, and half of that with `reduced="bfloat16"` for float32. With `optimizers.accumulate` only
    one in so many steps sends it.

    G is for the w weights (A, B) that the rule divides, r being the bytes of one column of what
    passes through them: outputs are gathered, and the gradients of inputs added up. The first one
    has no such gradient; where it is an embedding, its outputs are added up. This is an estimate:
    the compiler decides, and sent between 0.7 and 1.2 times as much for networks of affine layers.
    What is left out: elementwise operations, the loss, and samples that are sent where a dataset is
    divided by rows.

    Raises ConfigurationError for a layer with a loop whose length depends on numbers, and for
    another `reduced`. Source: Thakur, Rabenseifner & Gropp (2005), Optimization of collective
    communication operations in MPICH, for the ring.

    >>> from fnet import models, optimizers
    >>> parts = models.classification_net(8), optimizers.sgd(0.1), (256,), 64
    >>> one, four = work_per_device(*parts), work_per_device(*parts, {"data": 4})
    >>> one.flops / four.flops, one.messages, four.messages
    (4.0, 0, 6)
    """
    sizes = sizes_of(axes)
    n, m = sizes[ROWS], sizes[COLUMNS]
    memory = memory_per_device(model, optimizer, shape, batch_size, sizes, rule)
    (params, _), x = traced(model, optimizer, shape, batch_size, sizes)
    own = parts_of(params, sizes, rule)
    narrow = 1.0 if reduced is None else _narrowed(own, reduced) / memory.gradients
    gathered, times = _between_columns(model, params, own, x)
    return Work(
        flops=products(model, params, x) / m,
        moved=2 * (memory.state + memory.gradients + memory.caches),
        reduced=2 * (n - 1) / n * memory.gradients * narrow,
        gathered=(m - 1) / m * gathered,
        messages=2 * (n - 1) + 3 * (m - 1) * times,
    )


@remembered
def products(model: Layer, params: ArrayTree, x: Any) -> int:
    """The operations of all products and convolutions of a forward and a backward pass.

        F = Σ 2 a b c      of (a, b) times (b, c)

    The gradient of x is left out where nothing needs it, as in training.

    >>> from fnet.layers import affine
    >>> params, _ = affine(5).init(jax.random.key(0), (3,))
    >>> products(affine(5), params, jax.ShapeDtypeStruct((7, 3), params.w.dtype)) == 4 * 7 * 3 * 5
    True
    """

    def both(params: ArrayTree, x: Any, key: Any) -> ArrayTree:
        y, cache = model.forward(params, x, key)
        return model.backward(params, cache, gradient_of(y, y))[0]

    return _count(jax.make_jaxpr(both)(params, x, jax.random.key(0)).jaxpr)


def _count(jaxpr: Any) -> int:
    """The operations of products in a trace, without those whose results nobody reads."""
    read, found = {var for var in jaxpr.outvars if not isinstance(var, Literal)}, 0
    for eqn in reversed(jaxpr.eqns):
        if not read.isdisjoint(eqn.outvars):
            read |= {var for var in eqn.invars if not isinstance(var, Literal)}
            found += _of_operation(eqn)
    return found


def _of_operation(eqn: Any) -> int:
    name = eqn.primitive.name
    if name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        sizes = [eqn.invars[0].aval.shape[axis] for axis in contracted]
        return int(2 * math.prod(sizes) * math.prod(eqn.outvars[0].aval.shape))
    if name == "conv_general_dilated":
        kernel, spec = eqn.invars[1].aval.shape, eqn.params["dimension_numbers"].rhs_spec
        each = math.prod(kernel) // kernel[spec[0]]
        return int(2 * each * math.prod(eqn.outvars[0].aval.shape))
    inside = [_count(trace) for trace in jaxprs_in_params(eqn.params)]
    if name == "while" and any(inside):
        raise ConfigurationError(
            "work_per_device: a layer has a loop with products whose length depends on numbers; "
            "nobody can say beforehand what it costs"
        )
    if name == "cond":  # one branch is taken
        return max(inside)
    return int(eqn.params.get("length", 1)) * sum(inside)


def _between_columns(model: Layer, params: ArrayTree, own: ArrayTree, x: Any) -> tuple[int, int]:
    """The bytes of r Σ (A + 2 B), and of how many weights.

    Each has as many rows as the model's output; weights that are stacked count each for itself.
    """
    y = jax.tree.leaves(jax.eval_shape(model.forward, params, x)[0])[0]
    column = nbytes(y) // y.shape[-1] if y.ndim else 0
    columns = times = 0
    for whole, part in zip(jax.tree.leaves(params), jax.tree.leaves(own), strict=True):
        if whole.ndim < 2 or whole.shape == part.shape:
            continue
        (outputs, inputs), stacked = whole.shape[-2:], math.prod(whole.shape[:-2])
        if times:
            columns += stacked * (outputs + 2 * inputs)
        else:
            columns += outputs if all(map(is_floating, jax.tree.leaves(x))) else 2 * inputs
        times += stacked
    return column * columns, times


def _narrowed(tree: ArrayTree, dtype: Any) -> int:
    """The bytes of a tree whose floating-point arrays are of this dtype."""
    if dtype not in NARROW:
        raise ConfigurationError(
            f"work_per_device: reduced is {dtype!r}; it must be {', '.join(map(repr, NARROW))}, "
            "or None for the gradients' own"
        )
    return nbytes(jax.eval_shape(lambda tree: cast(tree, dtype), tree))
