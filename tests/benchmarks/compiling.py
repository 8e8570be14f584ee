"""Time to trace and to compile a training step, against jax.value_and_grad with optax, and flax.

Everything runs in one process, with JAX's caches cleared and every function rebuilt before each
measurement; rounds alternate their order, and ratios are taken within a round. Processor time, of
all threads, is reported too: a busy computer distorts it less than the clock.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.losses import cross_entropy
from fnet.models import classification_net
from fnet.optimizers import adam
from fnet.training import State, make_step
from tests.benchmarks.memory import in_out, mean_cross_entropy, network

WIDTH, BATCH, CLASSES = 256, 512, 10
DEPTHS = (2, 32)
RATE = 1e-3
TARGET = 0.8
X = jax.ShapeDtypeStruct((BATCH, WIDTH), jnp.float32)
LABELS = jax.ShapeDtypeStruct((BATCH,), jnp.int32)
Program = Callable[..., Any]


def results(rounds: int) -> dict[str, dict]:
    programs = {"fnet": _fnet, "jax.value_and_grad + optax": _jax, "flax + optax": _flax}
    rows = [row for layers in DEPTHS for row in measure(programs, layers, max(rounds, 2))]
    targets = [
        {
            "against": f"{row['program']}, {row['layers']} layers",
            "target": TARGET,
            "ratio": row.get("fnet takes"),
            "most": True,
        }
        for row in rows
        if row["program"] != "fnet"
    ]
    return {
        "compiling": {
            "title": "trace and compile of a training step",
            "columns": list(rows[0]),
            "rows": rows,
            "targets": targets,
        }
    }


def measure(programs: dict[str, Program], layers: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each program, of which the first is ours; program(layers) -> step, *arguments."""
    missing = {}
    for name, make in programs.items():
        try:
            make(layers)
        except ImportError as error:
            missing[name] = {"layers": layers, "program": f"{name}: not installed: {error.name}"}
    names = [name for name in programs if name not in missing]
    seconds: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    facts = {}
    for number in range(rounds + 1):
        for name in names if number % 2 == 0 else names[::-1]:
            jax.clear_caches()
            found, facts[name] = _seconds(*programs[name](layers))
            if number:  # the first round imports modules, and fills caches that cannot be cleared
                seconds[name].append(found)
    base = np.array(seconds["fnet"])
    rows = []
    for name in names:
        own = np.array(seconds[name])
        trace, compilation, processor = (float(part) for part in np.median(own, axis=0))
        row = {
            "layers": layers,
            "program": name,
            "trace s": trace,
            "compile s": compilation,
            "processor s": processor,
            **facts[name],
            "fnet takes": float(np.median(base[:, :2].sum(axis=1) / own[:, :2].sum(axis=1))),
            "of processor": float(np.median(base[:, 2] / own[:, 2])),
        }
        rows.append(row)
    return rows + list(missing.values())


def _seconds(step: Program, *arguments: Any) -> tuple[tuple[float, ...], dict[str, int]]:
    """Seconds to trace, to compile, and of processor time; size of the step, before and after."""
    processor, start = time.process_time(), time.perf_counter()
    traced = step.trace(*arguments)
    lowered = traced.lower()
    middle = time.perf_counter()
    compiled = lowered.compile()
    end, processor = time.perf_counter(), time.process_time() - processor
    instructions = sum(" = " in line for line in compiled.as_text().splitlines())
    size = {"equations": _equations(traced.jaxpr.jaxpr), "HLO instructions": instructions}
    return (middle - start, end - middle, processor), size


def _equations(jaxpr: Any) -> int:
    inner = (value for eqn in jaxpr.eqns for value in eqn.params.values())
    parts = (getattr(value, "jaxpr", value) for value in inner)
    return len(jaxpr.eqns) + sum(_equations(part) for part in parts if hasattr(part, "eqns"))


def _fnet(layers: int) -> tuple[Any, ...]:
    model = classification_net(CLASSES, hidden=WIDTH, layers=layers)
    optimizer = adam(RATE)

    def init() -> State:
        params, _ = model.init(jax.random.key(0), (WIDTH,))
        return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))

    step = make_step.__wrapped__(model, cross_entropy(), optimizer)
    return step, jax.eval_shape(init), X, LABELS


def _jax(layers: int) -> tuple[Any, ...]:
    def value(params: Any, x: Any, labels: Any) -> Any:
        return mean_cross_entropy(network(params, x, jax.nn.relu, in_out), labels)

    widths = [WIDTH] * (layers - 1) + [CLASSES]
    params = [(jnp.zeros((WIDTH, width)), jnp.zeros(width)) for width in widths]
    return _with_optax(value, params)


def _flax(layers: int) -> tuple[Any, ...]:
    import flax.linen

    # The same Dense twice in the list would be one layer with shared weights.
    blocks = [part for _ in range(layers - 1) for part in (flax.linen.Dense(WIDTH), jax.nn.relu)]
    model = flax.linen.Sequential([*blocks, flax.linen.Dense(CLASSES)])

    def value(params: Any, x: Any, labels: Any) -> Any:
        return mean_cross_entropy(model.apply(params, x), labels)

    return _with_optax(value, jax.eval_shape(model.init, jax.random.key(0), X))


def _with_optax(value: Program, params: Any) -> tuple[Any, ...]:
    import optax

    optimizer = optax.adam(RATE)

    @jax.jit
    def step(params: Any, state: Any, x: Any, labels: Any) -> Any:
        loss, grads = jax.value_and_grad(value)(params, x, labels)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    return step, params, jax.eval_shape(optimizer.init, params), X, LABELS
