"""Temporaries and time of combinators, forward and backward, against autodiff of the same forward.

Under `lax.scan` the peers are `jax.vjp` of a scan in plain jnp and `jax.nn`, and for `remat` of one
whose body is `jax.checkpoint`; elsewhere `jax.vjp` of the composition's own forward pass.
Bytes are the compiler's own figures; times are medians over alternating rounds of one process.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet import registry
from fnet.compose import remat, repeat, serial
from fnet.core import Layer
from fnet.core.examples import drawn, shapes_of
from fnet.core.trees import cast, is_floating
from fnet.core.values import read
from fnet.layers import affine, gelu, relu, tanh

WIDTH, ROWS = 512, 1024
DEPTHS = (12, 48)
BLOCKS = {  # ours, and the peer's
    "relu": (relu(), jax.nn.relu),
    "tanh": (tanh(), jnp.tanh),
    "gelu": (gelu(), functools.partial(jax.nn.gelu, approximate=False)),
}
MEMORY = {"relu": 0.85, "tanh": 0.45, "gelu": 0.45}
SPEED = {"tanh": 1.3, "gelu": 1.3}
BATCH = 128
MB = 1e6


def results(rounds: int) -> dict[str, dict]:
    loops, targets = [], []
    for depth in DEPTHS:
        for name, pair in BLOCKS.items():
            row = _loop(*pair, depth, rounds)
            loops.append({"block": f"affine({WIDTH}), {name}", "deep": depth, **row})
            targets += _targets(f"{name} block, {depth} deep", name, row)
    alone = [_alone(text, takes, rounds) for text, takes in registry.LARGE.items()]
    return {
        "repeat": _table("repeat, in one loop", loops, targets),
        "composing": _table("each layer and combinator alone", alone, []),
    }


def _targets(block: str, name: str, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What is held against the scan's autodiff, and what against its checkpointed form."""
    scan, checkpoint = f"jax.vjp of the scan, {block}", f"jax.checkpoint of the scan, {block}"
    held = [
        (f"bytes of {scan}", MEMORY[name], row["bytes, part of vjp's"], True),
        (f"remat: bytes of {checkpoint}", 1.0, row["remat: bytes, part of checkpoint's"], True),
        (f"remat: {checkpoint}", 1.15, row["remat: checkpoint takes"], False),
    ]
    if name in SPEED:
        held.append((scan, SPEED[name], row["vjp takes"], False))
    return [
        {"against": against, "target": target, "ratio": ratio} | ({"most": True} if most else {})
        for against, target, ratio, most in held
    ]


def _table(title: str, rows: list[dict[str, Any]], targets: list[dict[str, Any]]) -> dict[str, Any]:
    columns = list(rows[0])
    return {"title": title, "columns": columns, "rows": rows, "targets": targets}


def _loop(activation: Layer, theirs: Callable[..., Any], depth: int, rounds: int) -> dict[str, Any]:
    block = serial(affine(WIDTH), activation)
    params, _ = repeat(block, depth).init(jax.random.key(0), (WIDTH,))
    x = jax.random.normal(jax.random.key(1), (ROWS, WIDTH))

    def scan(params: Any, x: Any, checkpoint: bool) -> Any:
        def body(x: Any, own: Any) -> Any:
            w, b = own[0]
            return theirs(x @ w.T + b), None

        # Inside a loop nothing can be shared between the passes, so that no barrier is needed.
        body = jax.checkpoint(body, prevent_cse=False) if checkpoint else body
        return jax.lax.scan(body, x, params)[0]

    def by_jax(checkpoint: bool) -> Callable[..., Any]:
        def program(params: Any, x: Any, dy: Any) -> Any:
            return jax.vjp(functools.partial(scan, checkpoint=checkpoint), params, x)[1](dy)

        return program

    programs = {
        "ours": by_hand(repeat(block, depth)),
        "remat": by_hand(repeat(remat(block), depth)),
        "vjp": by_jax(False),
        "checkpoint": by_jax(True),
    }
    sizes, seconds = measured(programs, (params, x, x), rounds)
    return {
        "repeat, MB": sizes["ours"] / MB,
        "bytes, part of vjp's": sizes["ours"] / sizes["vjp"],
        "vjp takes": _ratio(seconds, "vjp", "ours"),
        "remat, MB": sizes["remat"] / MB,
        "remat: bytes, part of checkpoint's": sizes["remat"] / sizes["checkpoint"],
        "remat: checkpoint takes": _ratio(seconds, "checkpoint", "remat"),
    }


def _alone(text: str, takes: Any, rounds: int) -> dict[str, Any]:
    layer: Layer = read(text, registry.VOCABULARY["model"])
    params, _ = layer.init(jax.random.key(0), shapes_of(takes))
    x = cast(jax.tree.map(jnp.asarray, drawn(takes, BATCH)), jnp.float32)
    y = jax.eval_shape(lambda params, x: layer.forward(params, x)[0], params, x)
    dy = jax.tree.map(lambda leaf: jnp.ones(leaf.shape) if is_floating(leaf) else None, y)

    def by_jax(params: Any, x: Any, dy: Any) -> Any:
        y, vjp = jax.vjp(lambda params, x: layer.forward(params, x)[0], params, x)
        like = jax.tree.map(
            lambda leaf, d: np.zeros(leaf.shape, jax.dtypes.float0) if d is None else d, y, dy
        )
        return vjp(like)

    programs = {"ours": by_hand(layer), "vjp": by_jax}
    sizes, seconds = measured(programs, (params, x, dy), rounds)
    return {
        "layer": text,
        "temporaries, MB": sizes["ours"] / MB,
        "of jax.vjp, MB": sizes["vjp"] / MB,
        "jax.vjp takes": _ratio(seconds, "vjp", "ours"),
    }


def by_hand(layer: Layer) -> Callable[..., Any]:
    def program(params: Any, x: Any, dy: Any) -> Any:
        return layer.backward(params, layer.forward(params, x)[1], dy)

    return program


def measured(
    programs: dict[str, Callable[..., Any]], arguments: tuple[Any, ...], rounds: int
) -> tuple[dict[str, int], dict[str, list[float]]]:
    """Bytes of temporaries, and seconds of each round, of each program."""
    compiled = {name: jax.jit(f).lower(*arguments).compile() for name, f in programs.items()}
    sizes = {
        name: program.memory_analysis().temp_size_in_bytes for name, program in compiled.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in compiled}
    for number in range(rounds + 1):  # the first is a warm-up
        for name, program in compiled.items():
            start = time.perf_counter()
            jax.block_until_ready(program(*arguments))
            if number:
                seconds[name].append(time.perf_counter() - start)
    return sizes, seconds


def _ratio(seconds: dict[str, list[float]], peer: str, ours: str) -> float:
    """How many times as long the peer takes: the median over rounds."""
    return float(np.median(np.divide(seconds[peer], seconds[ours])))
