"""`fnet bench`: the hand-written backward passes beside jax.grad, on this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree
from rich.console import Console
from rich.table import Column, Table

from fnet import losses, models, registry
from fnet.cli.arguments import Settings, command
from fnet.cli.values import above
from fnet.core import Layer, Loss
from fnet.core.examples import drawn, shapes_of
from fnet.core.trees import cast, is_floating
from fnet.core.values import read
from fnet.summary import human_bytes

EXAMPLES = """
fnet bench
fnet bench --batch-size 8 --rounds 15
"""

ROUNDS = 9
SHORTEST = 0.005  # seconds: a program is repeated for at least this long


class Program(NamedTuple):
    """A compiled function with its arguments, and what it takes: memory, and time to compile."""

    call: Callable[[], Any]
    temporaries: int
    seconds: float


def add(commands: Any) -> None:
    """Register the command."""
    summary = "compare the time and memory of every hand-written gradient with jax.grad"
    parser = command(commands, "bench", run, summary, EXAMPLES)
    parser.add_argument("--batch-size", type=above(0, int), metavar="N", help="(default 128)")
    parser.add_argument("--rounds", type=above(0, int), metavar="N", help=f"(default {ROUNDS})")


def run(given: Settings) -> int:
    """Run the command."""
    heads = ("jax.grad\ntakes", "memory", "of\njax.grad", "compile", "of\njax.grad")
    columns = [Column(head, justify="right", no_wrap=True) for head in heads]
    table = Table("forward + backward", *columns)
    for name, ours, theirs, arguments in _pairs(given.get("batch_size", 128)):
        a, b = _prepare(ours, arguments), _prepare(theirs, arguments)
        table.add_row(
            name,
            f"{_ratio(a, b, given.get('rounds', ROUNDS)):.2f} ×",
            human_bytes(a.temporaries),
            human_bytes(b.temporaries),
            f"{a.seconds:.2f} s",
            f"{b.seconds:.2f} s",
        )
    console = Console()
    console.print(table)
    console.print(
        f"Medians over alternating rounds, on {jax.devices()[0].device_kind}; above 1 × the "
        "hand-written pass is faster. Memory is that of temporaries; compile includes tracing."
    )
    return 0


def _pairs(batch_size: int) -> Iterator[tuple[str, Any, Any, tuple[Any, ...]]]:
    """(name, ours, by jax.grad, arguments of both) for every layer and two models."""
    for text, takes in registry.LARGE.items():
        layer = read(text, registry.VOCABULARY["model"])
        params, x = _example(layer, takes, batch_size)
        y = jax.eval_shape(layer.forward, params, x)[0]
        dy = jax.tree.map(lambda leaf: jnp.ones(leaf.shape) if is_floating(leaf) else None, y)
        yield repr(layer), _both_ways(layer), _both_ways_by_jax(layer), (params, x, dy)
    classifier, regression = models.classification_net(10), models.logistic_regression()
    labels = jnp.arange(batch_size) % 10
    for name, model, shape, loss, target in (
        ("classification_net", classifier, (3072,), losses.cross_entropy(), labels),
        ("logistic_regression", regression, (14,), losses.bce(), (labels % 2).astype(float)),
    ):
        params, x = _example(model, shape, batch_size)
        yield (
            f"{name}\n  and {loss}",
            _gradient(model, loss),
            _by_jax(model, loss),
            (params, x, target),
        )


def _example(layer: Layer, takes: Any, batch_size: int) -> tuple[ArrayTree, Any]:
    params, _ = layer.init(jax.random.key(0), shapes_of(takes))
    return params, cast(jax.tree.map(jnp.asarray, drawn(takes, batch_size)), float)


def _both_ways(layer: Layer) -> Callable[..., Any]:
    def program(params: ArrayTree, x: Any, dy: Any) -> Any:
        y, cache = layer.forward(params, x)
        return y, layer.backward(params, cache, dy)

    return program


def _both_ways_by_jax(layer: Layer) -> Callable[..., Any]:
    def program(params: ArrayTree, x: Any, dy: Any) -> Any:
        y, backward = jax.vjp(lambda params, x: layer.forward(params, x)[0], params, x)
        return y, backward(jax.tree.map(_cotangent, y, dy))

    return program


def _cotangent(y: Array, dy: Any) -> Any:
    return np.zeros(y.shape, jax.dtypes.float0) if dy is None else dy


def _gradient(model: Layer, loss: Loss) -> Callable[..., Any]:
    def program(params: ArrayTree, x: Array, target: Array) -> Any:
        y, cache = model.forward(params, x)
        value, dy = loss.value_and_grad(y, target)
        return value, model.backward(params, cache, dy)[0]

    return program


def _by_jax(model: Layer, loss: Loss) -> Callable[..., Any]:
    def value(params: ArrayTree, x: Array, target: Array) -> Array:
        return loss.value_and_grad(model.forward(params, x)[0], target)[0]

    return jax.value_and_grad(value)


def _prepare(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Program:
    start = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - start
    memory = compiled.memory_analysis()
    size = 0 if memory is None else memory.temp_size_in_bytes
    return Program(lambda: jax.block_until_ready(compiled(*arguments)), size, seconds)


def _ratio(ours: Program, theirs: Program, rounds: int) -> float:
    """Their time divided by ours: the median over alternating rounds."""
    times = max(1, int(SHORTEST / min(_seconds(ours, 3), _seconds(theirs, 3))))
    ratios = [_seconds(theirs, times) / _seconds(ours, times) for _ in range(rounds)]
    return float(np.median(ratios))


def _seconds(program: Program, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        program.call()
    return (time.perf_counter() - start) / times
