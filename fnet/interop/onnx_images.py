"""Convolutions, pooling and batch norm as operations of ONNX.

ONNX has channels first: the array is turned around each window. A window is laid for one size."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fnet.core.windows import Windows, lay
from fnet.errors import ConfigurationError
from fnet.interop.layouts import Place, entries
from fnet.interop.onnx_graph import Emit, Graph
from fnet.layers import avg_pool, batch_norm, conv, depthwise_conv, global_avg_pool, max_pool


def _turned(graph: Graph, rank: int, x: str, operation: Callable[[str], str]) -> str:
    """The operation between (N, n..., C) turned to (N, C, n...), and back."""
    graph.sized = True
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
    options: dict[str, Any] = {
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
        options: dict[str, Any] = {
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
    conv: _conv,
    depthwise_conv: _conv,
    max_pool: _pool("MaxPool"),
    avg_pool: _pool("AveragePool"),
    global_avg_pool: _global_average,
    batch_norm: _batch_norm,
}
