"""thinc: operations with their backprops, layers that return a callback, losses."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case

PACKAGE = "thinc"
EDGE = np.array([[0.0, 2.5, -2.5, 3.0, -3.0], [1.0, -1.0, 25.0, -25.0, 6.0]])
LENGTHS = np.array([3, 1, 2], "i")
BY_Y, BY_X, BY_BOTH = "y", "x", "both"
POINTWISE = {
    "sigmoid": BY_Y,
    "relu": BY_Y,
    "clipped_linear": BY_X,
    "relu_k": BY_X,
    "hard_sigmoid": BY_X,
    "hard_tanh": BY_X,
    "swish": BY_BOTH,
    "hard_swish": BY_X,
    "hard_swish_mobilenet": BY_X,
    "dish": BY_X,
    "gelu": BY_X,
    "gelu_approx": BY_X,
    "mish": BY_X,
}
COMPILED = ("relu", "mish", "clipped_linear", "gelu", "swish", "dish", "hard_swish")


def cases() -> Iterator[Case]:
    """Operations of both backends, reductions of ragged rows, layers and losses."""
    import thinc.api
    from thinc.backends.ops import Ops

    rng = np.random.default_rng(505)
    plain, compiled = Ops(), thinc.api.NumpyOps()
    plain.xp = np
    yield from _pointwise(plain, compiled, rng)
    yield from _softmax(plain, rng)
    yield from _ragged(compiled, rng)
    with thinc.api.use_ops("numpy"):
        yield from _layers(thinc.api, rng)
        yield from _losses(thinc.api, rng)


def operation(function: Callable[..., Any], backprop: Callable[..., Any], keeps: str) -> Pair:
    """An operation; its backprop takes what was kept. Some write into their arguments."""

    def forward(x: Any) -> tuple[Any, Any]:
        y = function(x.copy())
        kept = {BY_Y: (y.copy(),), BY_X: (x.copy(),), BY_BOTH: (x.copy(), y.copy())}
        return y, kept[keeps]

    return Pair(forward, lambda dout, kept: backprop(dout.copy(), *(one.copy() for one in kept)))


def _pointwise(plain: Any, compiled: Any, rng: np.random.Generator) -> Iterator[Case]:
    x = 1.6 * rng.normal(size=(3, 4))
    for name, keeps in POINTWISE.items():
        one = operation(getattr(plain, name), getattr(plain, f"backprop_{name}"), keeps)
        yield Case(PACKAGE, f"Ops.{name}", one, (x,), "ordinary")
        yield Case(PACKAGE, f"Ops.{name}", one, (EDGE,), "edge 0, ±2.5, ±3, ±25")
        if name in COMPILED:
            one = operation(getattr(compiled, name), getattr(compiled, f"backprop_{name}"), keeps)
            yield Case(PACKAGE, f"NumpyOps.{name}", one, (x,), "ordinary")
            yield Case(PACKAGE, f"NumpyOps.{name}", one, (np.float32(x),), "float32")


def _softmax(ops: Any, rng: np.random.Generator) -> Iterator[Case]:
    x, ties = rng.normal(size=(3, 4)), np.array([[1.0, 1.0, 1.0], [60.0, 0.0, -60.0]])
    for temperature in (1.0, 2.5):

        def forward(x: Any, t: float = temperature) -> Any:
            return ops.softmax(x, temperature=t)

        def backprop(dy: Any, y: Any, t: float = temperature) -> Any:
            return ops.backprop_softmax(y, dy, temperature=t)

        one = operation(forward, backprop, BY_Y)
        yield Case(PACKAGE, "Ops.softmax", one, (x,), f"temperature {temperature}")
        yield Case(PACKAGE, "Ops.softmax", one, (ties,), f"edge ties, temperature {temperature}")


def _ragged(ops: Any, rng: np.random.Generator) -> Iterator[Case]:
    x = rng.normal(size=(int(LENGTHS.sum()), 3))
    for name in ("sum", "mean"):
        reduce, back = getattr(ops, f"reduce_{name}"), getattr(ops, f"backprop_reduce_{name}")
        one = Pair(
            lambda x, reduce=reduce: (reduce(x, LENGTHS), None),
            lambda dout, _, back=back: back(dout, LENGTHS),
        )
        yield Case(PACKAGE, f"NumpyOps.reduce_{name}", one, (x,), "ordinary")
    most = Pair(
        lambda x: ops.reduce_max(x, LENGTHS),
        lambda dout, which: ops.backprop_reduce_max(dout, which, LENGTHS),
    )
    yield Case(PACKAGE, "NumpyOps.reduce_max", most, (x,), "ordinary")
    yield Case(PACKAGE, "NumpyOps.reduce_max", most, (np.ones((6, 2)),), "edge ties")
    for name in ("first", "last"):
        reduce, back = getattr(ops, f"reduce_{name}"), getattr(ops, f"backprop_reduce_{name}")
        one = Pair(lambda x, reduce=reduce: reduce(x, LENGTHS), back)
        yield Case(PACKAGE, f"NumpyOps.reduce_{name}", one, (x,), "ordinary")
    window = Pair(
        lambda x: (ops.seq2col(x, 1), None), lambda dout, _: ops.backprop_seq2col(dout, 1)
    )
    yield Case(PACKAGE, "NumpyOps.seq2col", window, (x,), "ordinary")
    pieces = rng.normal(size=(3, 2, 4))
    best = Pair(ops.maxout, lambda dout, which: ops.backprop_maxout(dout, which, 4))
    yield Case(PACKAGE, "NumpyOps.maxout", best, (pieces,), "ordinary")
    rows = Pair(
        lambda x: (y := ops.softmax_sequences(x, LENGTHS), y),
        lambda dout, y: ops.backprop_softmax_sequences(dout, y, LENGTHS),
    )
    yield Case(PACKAGE, "NumpyOps.softmax_sequences", rows, (x,), "ordinary")


def layer(make: Callable[[], Any], names: tuple[str, ...]) -> Pair:
    """A model of thinc as a function of its input and its parameters."""

    def forward(x: Any, *params: Any) -> tuple[Any, Any]:
        model = make()
        model.initialize(X=np.float32(x))
        for name, array in zip(names, params, strict=True):
            model.set_param(name, array.copy())
        y, backprop = model(x.copy(), is_train=True)
        return y, (model, backprop)

    def backward(dout: Any, cache: Any) -> Any:
        model, backprop = cache
        for name in names:
            model.set_grad(name, np.zeros_like(model.get_param(name)))
        dx = backprop(dout.copy())
        return (dx, *(model.get_grad(name).copy() for name in names)) if names else dx

    return Pair(forward, backward)


def _layers(api: Any, rng: np.random.Generator) -> Iterator[Case]:
    x = rng.normal(size=(4, 3))
    dense = ("Linear", "Relu", "Mish", "Gelu", "Swish", "HardSwish", "HardSwishMobilenet")
    for name in (*dense, "Sigmoid", "ClippedLinear", "HardTanh", "HardSigmoid", "ReluK"):
        make = getattr(api, name)
        one = layer(lambda make=make: make(2, 3), ("W", "b"))
        params = rng.normal(size=(2, 3)), rng.normal(size=2)
        yield Case(PACKAGE, f"layers.{name}", one, (x, *params), "ordinary")
    square = rng.normal(size=(3, 3)), rng.normal(size=3)
    dish = layer(lambda: api.Dish(3, 3), ("W", "b"))  # its backprop raises if widths differ
    yield Case(PACKAGE, "layers.Dish", dish, (x, *square), "as wide as its input")
    most = layer(lambda: api.Maxout(2, 3, nP=3), ("W", "b"))
    params = rng.normal(size=(2, 3, 3)), rng.normal(size=(2, 3))
    yield Case(PACKAGE, "layers.Maxout", most, (x, *params), "ordinary")
    norm = layer(lambda: api.LayerNorm(3), ("G", "b"))
    params = rng.uniform(0.5, 1.5, 3), rng.normal(size=3)
    yield Case(PACKAGE, "layers.LayerNorm", norm, (x, *params), "ordinary")
    for name in ("sigmoid_activation", "softmax_activation"):
        if hasattr(api, name):
            one = layer(getattr(api, name), ())
            yield Case(PACKAGE, f"layers.{name}", one, (x,), "ordinary")
    window = layer(lambda: api.expand_window(1), ())
    yield Case(PACKAGE, "layers.expand_window", window, (x,), "ordinary")

    def alike(x: Any, y: Any, w: Any) -> tuple[Any, Any]:
        model = api.CauchySimilarity(3)
        model.initialize()
        model.set_param("W", w.copy())
        out, backprop = model((x.copy(), y.copy()), is_train=True)
        return out, (model, backprop)

    def alike_back(dout: Any, cache: Any) -> Any:
        model, backprop = cache
        model.set_grad("W", np.zeros_like(model.get_param("W")))
        dx, dy = backprop(dout.copy())
        return dx, dy, model.get_grad("W").copy()

    given = x, rng.normal(size=(4, 3)), rng.uniform(0.2, 1, (1, 3))
    yield Case(PACKAGE, "layers.CauchySimilarity", Pair(alike, alike_back), given, "ordinary")


def _losses(api: Any, rng: np.random.Generator) -> Iterator[Case]:
    guess, truth = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    p = rng.dirichlet(np.ones(4), 3)
    labels = np.eye(4, dtype="f")[[1, 0, 3]]
    for normalize in (True, False):
        for name, x, target in (
            ("L2Distance", guess, truth),
            ("CosineDistance", guess, truth),
            ("CategoricalCrossentropy", p, labels),
        ):
            loss = getattr(api, name)(normalize=normalize)

            def both(x: Any, loss: Any = loss, target: Any = target) -> tuple[Any, Any]:
                return loss.get_loss(x, target), loss.get_grad(x, target)

            words = f"normalize={normalize}"
            yield Case(PACKAGE, f"loss.{name}", ValueAndGrad(both), (x,), words)
