"""One update of many parameters by fnet's optimizers and by optax's: time, temporaries, tracing.

Parameters and state are donated, as in a training loop. Both contestants run in this process,
round by round in turn; a ratio is the median over rounds. Beside them runs what a user of JAX can
get of the memory: the same arrays, each multiplied by a number in its own place. GB/s are the bytes
that each program's loops read and write (`cost_analysis`), by its time.

On a CPU both Adams are near the floor of what XLA (jax 0.10.2) makes of them: three loops for each
array, for m, v and θ, which read and write ten arrays of the size of the parameters, 401 MB
(`cost_analysis`), in whichever order. Three such loops in C take 10.9 ms of one core here, fnet's
update 12.0 to 13.4, optax's 14.2 to 14.7; one loop in C that writes all three, 280 MB, takes 6.3.
XLA does not write it: its option xla_cpu_use_multi_output_fusion joins m and v alone, and gains
nothing. Nor do blocks that stay in the cache: in C the loops one array (200 kB) after the other
take 10.0 ms, all arrays loop by loop 10.4, blocks of 32 kB 10.3; only blocks of 2 kB gain, 5.8,
and a loop of XLA over blocks takes two to four times as long. θ first, from the old m and v,
would gain (8.3 for 12.0 in C), but XLA then copies what is written later. About 3 ms of processor
time of each call are JAX's handling of 800 arrays given and 600 returned, the same for both.

Muon's products run at 94 GFLOP/s of one core, as NumPy's of 1,024 × 1,024 do (95). Half of each
symmetric product saves 5 % of the time, and the iteration of the Gram matrix alone loses 13 %.

Scalars, less than a kilobyte, count as no temporaries. Muon of 1,000 small arrays is traced alone:
XLA had not compiled optax's after four minutes.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

LARGE = [(256, 196), (196, 256)] * 100  # ten million
SMALL = [(8,), (8, 8), (3, 5), (16,)] * 250
RATE = 1e-3


def results(rounds: int) -> dict[str, dict]:
    import optax

    from fnet.optimizers import adam, adamw, apply_updates, muon

    pairs = {
        "adam": (adam(RATE), optax.adam(RATE)),
        "adamw": (adamw(RATE, mask="all"), optax.adamw(RATE, weight_decay=0.01)),
        "muon": (muon(RATE), optax.contrib.muon(RATE)),
    }
    applies = (apply_updates, optax.apply_updates)
    large = {
        name: _compared(pair, applies, LARGE, 1 if name == "muon" else 10, rounds)
        for name, pair in pairs.items()
    }
    small = {
        name: _compared(pair, applies, SMALL, 10, rounds)
        for name, pair in pairs.items()
        if name != "muon"
    }
    result = _table("one update of 10 million parameters in 200 arrays", large, "time", 0.8)
    result["targets"] += [_temporaries(name, measured) for name, measured in large.items()]
    traced = _table("one update of 1,000 small arrays", small, "tracing", 0.5)
    traced["targets"].append(_traced("muon", pairs["muon"], applies, rounds))
    return {"updates": result, "updates_small": traced}


def _temporaries(name: str, measured: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = (max(size, 1024) for size in measured["temporaries"][:2])
    against = f"optax, temporaries of {name}"
    return {"against": against, "target": 1.0, "ratio": ours / theirs, "most": True}


def _traced(name: str, pair: tuple[Any, Any], applies: Any, rounds: int) -> dict[str, Any]:
    steps = [_step(optimizer, apply) for optimizer, apply in zip(pair, applies, strict=True)]
    params = _params(SMALL)
    states = [optimizer.init(params) for optimizer in pair]
    seconds = np.array([_tracing(steps, params, states) for _ in range(rounds)])
    ratio = float(np.median(seconds[:, 0] / seconds[:, 1]))
    return {"against": f"optax, tracing of {name}", "target": 0.5, "ratio": ratio, "most": True}


def _params(shapes: Any) -> dict[str, jax.Array]:
    return {str(i): jnp.full(shape, 0.01, jnp.float32) for i, shape in enumerate(shapes)}


def _compared(
    pair: tuple[Any, Any], applies: Any, shapes: Any, count: int, rounds: int
) -> dict[str, Any]:
    steps = [_step(optimizer, apply) for optimizer, apply in zip(pair, applies, strict=True)]
    params = _params(shapes)
    states = [optimizer.init(params) for optimizer in pair]
    tracing = [_tracing(steps, params, states) for _ in range(rounds)]
    compiled = [
        jax.jit(step, donate_argnums=(0, 1)).lower(params, state, params).compile()
        for step, state in zip(steps, states, strict=True)
    ]
    held = [(jax.tree.map(jnp.copy, params), state) for state in (*states, ())]
    compiled.append(jax.jit(_scaled, donate_argnums=0).lower(*held[2], params).compile())
    seconds = []
    for number in range(rounds + 1):
        row = [0.0, 0.0, 0.0]
        for who in (0, 1, 2) if number % 2 else (2, 1, 0):
            begin = time.perf_counter()
            for _ in range(count):
                held[who] = compiled[who](*held[who], params)
            jax.block_until_ready(held[who])
            row[who] = (time.perf_counter() - begin) / count
        seconds.append(row)
    bytes_each = [program.memory_analysis().temp_size_in_bytes for program in compiled]
    return {
        "time": np.array(seconds[1:]),  # the first is of cold caches
        "tracing": np.array(tracing),
        "temporaries": bytes_each,
        "moved": [program.cost_analysis()["bytes accessed"] for program in compiled],
    }


def _scaled(params: Any, state: Any, grads: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf * 0.999, params), state


def _step(optimizer: Any, apply: Callable[..., Any]) -> Callable[..., Any]:
    def step(params: Any, state: Any, grads: Any) -> Any:
        updates, state = optimizer.update(grads, state, params)
        return apply(params, updates), state

    return step


def _tracing(steps: list[Any], params: Any, states: list[Any]) -> list[float]:
    found = []
    for step, state in zip(steps, states, strict=True):
        jax.clear_caches()
        begin = time.perf_counter()
        jax.jit(step).trace(params, state, params)
        found.append(time.perf_counter() - begin)
    return found


def _table(title: str, found: dict[str, Any], judged: str, target: float) -> dict[str, Any]:
    rows, targets = [], []
    for name, measured in found.items():
        ratios = {
            kind: float(np.median(measured[kind][:, 0] / measured[kind][:, 1]))
            for kind in ("time", "tracing")
        }
        row: dict[str, Any] = {"optimizer": name}
        for place, who in enumerate(("fnet", "optax")):
            row[f"{who} ms"] = float(np.median(measured["time"][:, place])) * 1e3
            row[f"{who} tracing, ms"] = float(np.median(measured["tracing"][:, place])) * 1e3
            row[f"{who} temporaries, bytes"] = measured["temporaries"][place]
        middle = np.median(measured["time"], axis=0)
        for place, who in enumerate(("fnet", "optax", "scaling") if name != "muon" else ()):
            row[f"{who} GB/s"] = float(measured["moved"][place] / middle[place] / 1e9)
        rows.append(row | {f"{kind}, fnet / optax": ratio for kind, ratio in ratios.items()})
        against = f"optax, {judged} of {name}"
        targets.append(
            {"against": against, "target": target, "ratio": ratios[judged], "most": True}
        )
    return {"title": title, "columns": list(rows[0]), "rows": rows, "targets": targets}
