"""Temporary memory, arithmetic and traffic of a compiled training step, against jax.grad.

The figures are the compiler's own: nothing is timed, and all rounds are equal. Every step returns
the same: new parameters, the loss, and how many rows are classified correctly.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnet.compose import serial
from fnet.layers import affine, relu, sigmoid, tanh
from fnet.losses import cross_entropy
from fnet.optimizers import apply_updates, sgd
from fnet.training import State, make_step
from fnet.training.scoring import correct

WIDTH, BATCH, CLASSES = 256, 512, 10
DEPTHS = (2, 8, 32)
SCANNED = 30
RATE = 0.01
ACTIVATIONS = {
    "relu": (relu(), jax.nn.relu),
    "tanh": (tanh(), jnp.tanh),
    "sigmoid": (sigmoid(), jax.nn.sigmoid),
}
X = jax.ShapeDtypeStruct((BATCH, WIDTH), jnp.float32)
LABELS = jax.ShapeDtypeStruct((BATCH,), jnp.int32)


def results(rounds: int) -> dict[str, dict]:
    unrolled = [
        {"layers": layers, **_row(name, *_unrolled(name, layers))}
        for layers in DEPTHS
        for name in ACTIVATIONS
    ]
    scanned = [{"layers": SCANNED + 1, **_row(name, *_scanned(name))} for name in ACTIVATIONS]
    return {
        "memory": _table("temporaries of one training step", unrolled),
        "memory_scan": _table("temporaries of one training step, under lax.scan", scanned),
    }


def network(
    params: Any, x: Any, activation: Callable[..., Any], product: Callable[..., Any]
) -> Any:
    """The logits of affine layers with activations between them, in plain jnp."""
    for w, b in params[:-1]:
        x = activation(product(x, w) + b)
    w, b = params[-1]
    return product(x, w) + b


def mean_cross_entropy(logits: Any, labels: Any) -> Any:
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -picked.mean()


def out_in(x: Any, w: Any) -> Any:
    return x @ w.T


def in_out(x: Any, w: Any) -> Any:
    return x @ w


def _unrolled(name: str, layers: int) -> tuple[Any, Any, Any]:
    ours, theirs = ACTIVATIONS[name]
    model = serial(*(affine(WIDTH), ours) * (layers - 1), affine(CLASSES))
    optimizer = sgd(RATE)

    def init() -> State:
        params, _ = model.init(jax.random.key(0), (WIDTH,))
        return State(params, optimizer.init(params), jnp.zeros((), jnp.int32))

    step = make_step(model, cross_entropy(), optimizer)
    compiled = [step.lower(jax.eval_shape(init), X, LABELS).compile()]
    for product in (out_in, in_out):

        def logits(params: Any, x: Any, product: Any = product) -> Any:
            return network(params, x, theirs, product)

        widths = [WIDTH] * (layers - 1) + [CLASSES]
        compiled.append(_descent(logits, [_params(width, product) for width in widths]))
    return tuple(compiled)


def _scanned(name: str) -> tuple[Any, Any, Any]:
    ours, theirs = ACTIVATIONS[name]
    hidden, head, loss, optimizer = affine(WIDTH), affine(CLASSES), cross_entropy(), sgd(RATE)

    @jax.jit
    def step(params: Any, state: Any, x: Any, labels: Any) -> Any:
        def forward(x: Any, own: Any) -> tuple[Any, Any]:
            return ours.forward((), hidden.forward(own, x)[0])[0], x

        def backward(carry: Any, kept: Any) -> tuple[Any, Any]:
            dy, y = carry
            own, x = kept
            dparams, dx = hidden.backward(own, x, ours.backward((), y, dy)[1])
            return (dx, x), dparams  # x is the output of the layer below

        stack, last = params
        y, inputs = jax.lax.scan(forward, x, stack)
        logits, cache = head.forward(last, y)
        value, dlogits = loss.value_and_grad(logits, labels)
        dlast, dy = head.backward(last, cache, dlogits)
        _, dstack = jax.lax.scan(backward, (dy, y), (stack, inputs), reverse=True)
        updates, state = optimizer.update((dstack, dlast), state, params)
        return apply_updates(params, updates), state, value, correct(loss, logits, labels, None)

    def init() -> tuple[Any, Any]:
        keys = jax.random.split(jax.random.key(0), SCANNED)
        stack = jax.vmap(lambda key: hidden.init(key, (WIDTH,))[0])(keys)
        params = stack, head.init(keys[0], (WIDTH,))[0]
        return params, optimizer.init(params)

    compiled = [step.lower(*jax.eval_shape(init), X, LABELS).compile()]
    for product in (out_in, in_out):

        def logits(params: Any, x: Any, product: Any = product) -> Any:
            def forward(x: Any, own: Any) -> tuple[Any, None]:
                return theirs(product(x, own[0]) + own[1]), None

            stack, last = params
            y, _ = jax.lax.scan(forward, x, stack)
            return network([last], y, theirs, product)

        stack = _params(WIDTH, product, (SCANNED,))
        compiled.append(_descent(logits, (stack, _params(CLASSES, product))))
    return tuple(compiled)


def _params(width: int, product: Callable[..., Any], leading: tuple[int, ...] = ()) -> Any:
    shape = (width, WIDTH) if product is out_in else (WIDTH, width)
    return (
        jax.ShapeDtypeStruct((*leading, *shape), jnp.float32),
        jax.ShapeDtypeStruct((*leading, width), jnp.float32),
    )


def _descent(logits_of: Callable[..., Any], params: Any) -> Any:
    def value(params: Any, x: Any, labels: Any) -> tuple[Any, Any]:
        logits = logits_of(params, x)
        return mean_cross_entropy(logits, labels), (logits.argmax(axis=1) == labels).sum()

    @jax.jit
    def step(params: Any, x: Any, labels: Any) -> Any:
        metrics, grads = jax.value_and_grad(value, has_aux=True)(params, x, labels)
        return jax.tree.map(lambda p, g: p - RATE * g, params, grads), metrics

    return step.lower(params, X, LABELS).compile()


def _row(name: str, ours: Any, first: Any, second: Any) -> dict[str, Any]:
    programs = {"fnet": ours, "jax.grad (out, in)": first, "jax.grad (in, out)": second}
    found = {
        f"{program} {unit}": measure(compiled)
        for unit, measure in {"bytes": _temporaries, "FLOPs": _flops, "traffic": _traffic}.items()
        for program, compiled in programs.items()
    }
    best = min(_temporaries(first), _temporaries(second))
    return {"activation": name, **found, "ratio": _temporaries(ours) / best}


def _temporaries(compiled: Any) -> int:
    return compiled.memory_analysis().temp_size_in_bytes


def _flops(compiled: Any) -> float:
    return compiled.cost_analysis()["flops"]


def _traffic(compiled: Any) -> float:
    return compiled.cost_analysis()["bytes accessed"]


def _table(title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    worst = max(row["ratio"] for row in rows)
    return {
        "title": title,
        "columns": list(rows[0]),
        "rows": rows,
        "targets": [
            {"against": "jax.grad, the better layout", "target": 1.0, "ratio": worst, "most": True}
        ],
    }
