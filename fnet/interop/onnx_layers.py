"""The layers of fnet as operations of ONNX, which has channels first: it is turned around each."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.compose import mixed_precision, residual, serial
from fnet.core import Layer, out_shape
from fnet.core.windows import Windows, lay
from fnet.errors import ConfigurationError
from fnet.interop.calls import call_of
from fnet.interop.layouts import Input, Place, entries
from fnet.interop.onnx_graph import Graph
from fnet.layers import (
    affine,
    avg_pool,
    batch_norm,
    conv,
    depthwise_conv,
    dropout,
    flatten,
    gelu,
    global_avg_pool,
    hard_tanh,
    leaky_relu,
    max_pool,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    softsign,
    squeeze,
    tanh,
)

Emit = Callable[[Graph, Place, dict[str, Any], str], str]


def emit(graph: Graph, layer: Layer, shape: tuple[int, ...], params: Any, x: str) -> str:
    """Add the layer, in use, on x (N, *shape); returns the name of its output.

    Raises ConfigurationError for a layer that is not in `TABLE`.
    """
    call = call_of(layer)
    known = TABLE.get(call.constructor)
    if known is None:
        names = ", ".join(sorted(each.__name__ for each in TABLE))
        raise ConfigurationError(f"to_onnx: {layer} is not one of the layers it knows: {names}")
    return known(graph, Place("", layer, Input(shape), params), call.arguments, x)


def _simply(operation: str, **attributes: Any) -> Emit:
    return lambda graph, place, given, x: graph.add(operation, x, **attributes)


def _serial(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    shape = place.input.shape
    for part, own in zip(place.layer.layers, place.params, strict=True):
        x, shape = emit(graph, part, shape, own, x), out_shape(part, shape)
    return x


def _residual(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    shape = place.input.shape
    sides = zip(place.layer.layers, place.params, strict=True)
    return graph.add("Add", *(emit(graph, side, shape, own, x) for side, own in sides))


def _inside(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return emit(graph, place.layer.layers[0], place.input.shape, place.params, x)


def _affine(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    w, b = place.params
    rank = len(place.input.shape)
    kept = 0 if given["axes"] is None else rank - given["axes"]
    if not kept:
        flat = x if rank == 1 else graph.add("Flatten", x, axis=1)
        own = [] if b is None else [graph.constant(b)]
        return graph.add("Gemm", flat, graph.constant(w), *own, transB=1)
    sizes = [*[0] * (1 + kept), -1]  # as they are, and the rest
    flat = graph.add("Reshape", x, graph.constant(sizes, np.int64))
    y = graph.add("MatMul", flat, graph.constant(np.asarray(w).T))
    return y if b is None else graph.add("Add", y, graph.constant(b))


def _squeeze(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Squeeze", x, graph.constant([-1], np.int64))


def _leaky(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("LeakyRelu", x, alpha=float(given["a"]))


def _gelu(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Gelu", x, approximate="tanh" if given["approximate"] else "none")


def _silu(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


def _clip(low: float, high: float) -> Emit:
    return lambda graph, place, given, x: graph.add(
        "Clip", x, graph.constant(low), graph.constant(high)
    )


def _turned(graph: Graph, rank: int, x: str, operation: Callable[[str], str]) -> str:
    """The operation between (N, n..., C) turned to (N, C, n...), and back."""
    first = graph.add("Transpose", x, perm=[0, rank + 1, *range(1, rank + 1)])
    return graph.add("Transpose", operation(first), perm=[0, *range(2, rank + 2), 1])


def _pads(windows: Windows) -> list[int]:
    return [pair[side] for side in (0, 1) for pair in windows.padding]


def _conv(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    shape = place.input.shape
    settings = (given["window"], given["stride"], given["padding"], given["dilation"])
    windows = lay("to_onnx", shape[:-1], *settings)
    laid = {entry.name: entry.layout for entry in entries(place, None)}
    leaves = zip(laid.values(), (leaf for leaf in place.params if leaf is not None), strict=True)
    arrays = [graph.constant(layout.to_torch(np.asarray(leaf))) for layout, leaf in leaves]
    options = {
        "strides": windows.strides,
        "dilations": windows.dilations,
        "pads": _pads(windows),
        "group": given.get("groups", shape[-1]),  # a depthwise convolution has one per channel
    }
    return _turned(graph, len(shape) - 1, x, lambda x: graph.add("Conv", x, *arrays, **options))


def _pool(operation: str) -> Emit:
    def pooled(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
        sides, stride = place.input.shape[:-1], given["stride"]
        if given["ceil"] or (operation == "AveragePool" and given["padding"] != "valid"):
            raise ConfigurationError(f"to_onnx: {place.layer} has no operation that pads the same")
        step = given["window"] if stride is None else stride
        windows = lay("to_onnx", sides, given["window"], step, given["padding"], 1)
        options = {
            "kernel_shape": windows.sizes,
            "strides": windows.strides,
            "pads": _pads(windows),
        }
        return _turned(graph, len(sides), x, lambda x: graph.add(operation, x, **options))

    return pooled


def _global_average(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    axes = graph.constant(range(1, len(place.input.shape)), np.int64)
    return graph.add("ReduceMean", x, axes, keepdims=0)


def _batch_norm(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    scale, bias, running = place.params
    mean, variance = (np.asarray(array, np.float64) for array in running.value)
    rate = 1 / np.sqrt(variance + given["eps"])
    rate = rate if scale is None else rate * np.asarray(scale, np.float64)
    shift = 0 if bias is None else np.asarray(bias, np.float64)
    centred = graph.add("Sub", x, graph.constant(mean))
    scaled = graph.add("Mul", centred, graph.constant(rate))
    return graph.add("Add", scaled, graph.constant(shift + np.zeros_like(mean)))


TABLE: dict[Any, Emit] = {
    serial: _serial,
    residual: _residual,
    mixed_precision: _inside,
    affine: _affine,
    flatten: _simply("Flatten", axis=1),
    squeeze: _squeeze,
    relu: _simply("Relu"),
    leaky_relu: _leaky,
    sigmoid: _simply("Sigmoid"),
    tanh: _simply("Tanh"),
    gelu: _gelu,
    silu: _silu,
    softplus: _simply("Softplus"),
    softsign: _simply("Softsign"),
    hard_tanh: _clip(-1, 1),
    relu6: _clip(0, 6),
    dropout: _simply("Identity"),
    conv: _conv,
    depthwise_conv: _conv,
    max_pool: _pool("MaxPool"),
    avg_pool: _pool("AveragePool"),
    global_avg_pool: _global_average,
    batch_norm: _batch_norm,
}
