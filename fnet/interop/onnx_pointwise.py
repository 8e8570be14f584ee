"""Layers that change each number by itself, as operations of ONNX, and norms along axes."""

from typing import Any

import numpy as np

from fnet.interop.layouts import Place
from fnet.interop.onnx_graph import Emit, Graph
from fnet.layers import (
    celu,
    drop_path,
    dropout,
    elu,
    gaussian_noise,
    gelu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    layer_norm,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    relu_squared,
    rms_norm,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    spatial_dropout,
    tanh,
)


def simply(operation: str, **attributes: Any) -> Emit:
    """An operation with these attributes."""
    return lambda graph, place, given, x: graph.add(operation, x, **attributes)


def _by_alpha(operation: str) -> Emit:
    return lambda graph, place, given, x: graph.add(operation, x, alpha=float(given["a"]))


def _along(operation: str) -> Emit:
    return lambda graph, place, given, x: graph.add(operation, x, axis=given["axis"])


def _gelu(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Gelu", x, approximate="tanh" if given["approximate"] else "none")


def _silu(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _squared(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    positive = graph.add("Relu", x)
    return graph.add("Mul", positive, positive)


def _log_sigmoid(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Neg", graph.add("Softplus", graph.add("Neg", x)))


def _clip(low: float, high: float) -> Emit:
    return lambda graph, place, given, x: graph.add(
        "Clip", x, graph.constant(low), graph.constant(high)
    )


def _norm(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    """Over some axes, which scale and bias have in their own order."""
    rank = 1 + len(place.input.shape)
    axes = given["axes"] if isinstance(given["axes"], tuple) else (given["axes"],)
    places = [axis % rank for axis in axes]
    over = graph.whole(sorted(places))
    if "bias" in given:  # a layer_norm, which takes the mean away
        x = graph.add("Sub", x, graph.add("ReduceMean", x, over))
    square = graph.add("ReduceMean", graph.add("Mul", x, x), over)
    y = graph.add(
        "Div", x, graph.add("Sqrt", graph.add("Add", square, graph.constant(given["eps"])))
    )
    for operation, own in zip(("Mul", "Add"), place.params, strict=True):
        if own is not None:
            turned = np.asarray(own).transpose(np.argsort(places))
            sizes = [place.input.shape[n - 1] if n in places else 1 for n in range(1, rank)]
            y = graph.add(operation, y, graph.constant(turned.reshape(sizes)))
    return y


TABLE: dict[Any, Emit] = {
    relu: simply("Relu"),
    leaky_relu: _by_alpha("LeakyRelu"),
    elu: _by_alpha("Elu"),
    celu: _by_alpha("Celu"),
    selu: simply("Selu"),
    sigmoid: simply("Sigmoid"),
    tanh: simply("Tanh"),
    gelu: _gelu,
    silu: _silu,
    mish: simply("Mish"),
    softplus: simply("Softplus"),
    softsign: simply("Softsign"),
    hard_tanh: _clip(-1, 1),
    relu6: _clip(0, 6),
    relu_squared: _squared,
    log_sigmoid: _log_sigmoid,
    hard_sigmoid: simply("HardSigmoid", alpha=1 / 6, beta=0.5),
    hard_swish: simply("HardSwish"),
    softmax: _along("Softmax"),
    log_softmax: _along("LogSoftmax"),
    dropout: simply("Identity"),
    spatial_dropout: simply("Identity"),
    drop_path: simply("Identity"),
    gaussian_noise: simply("Identity"),
    layer_norm: _norm,
    rms_norm: _norm,
}
