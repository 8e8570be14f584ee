"""The layers and compositions of fnet as operations of ONNX."""

from typing import Any

import jax

from fnet.compose import (
    fan_out,
    frozen,
    low_rank,
    mixed_precision,
    remat,
    repeat,
    residual,
    serial,
    tied,
    weight_norm,
    weight_standardization,
)
from fnet.core import Layer, out_shape
from fnet.errors import ConfigurationError
from fnet.interop import onnx_images, onnx_pointwise, onnx_sequences
from fnet.interop.calls import call_of, given_to_part
from fnet.interop.layouts import Input, Place
from fnet.interop.onnx_graph import Emit, Graph
from fnet.layers import affine, flatten, geglu, gelu, glu, silu, squeeze, swiglu


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


def _serial(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    shape = place.input.shape
    for part, own in zip(place.layer.layers, place.params, strict=True):
        x, shape = emit(graph, part, shape, own, x), out_shape(part, shape)
    return x


def _residual(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Add", *_each(graph, place, x))


def _fan_out(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    if given["join"] is None:
        raise ConfigurationError(
            f"to_onnx: {place.layer} has several outputs, and layers there take one: give it "
            "join='add' or 'concatenate'"
        )
    outputs = _each(graph, place, x)
    if given["join"] == "concatenate":
        return graph.add("Concat", *outputs, axis=-1)
    for other in outputs[1:]:
        outputs[0] = graph.add("Add", outputs[0], other)
    return outputs[0]


def _each(graph: Graph, place: Place, x: str) -> list[str]:
    """The outputs of all parts, which take the same input."""
    parts = zip(place.layer.layers, place.params, strict=True)
    return [emit(graph, part, place.input.shape, own, x) for part, own in parts]


def _repeat(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    for number in range(given["times"]):
        own = place.params
        if not given["tied"]:
            own = jax.tree.map(lambda leaf, number=number: leaf[number], own)
        x = emit(graph, place.layer.layers[0], place.input.shape, own, x)
    return x


def _inside(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return emit(graph, place.layer.layers[0], place.input.shape, place.params, x)


def _expanded(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    own = given_to_part(place.layer, place.params)
    return emit(graph, place.layer.layers[0], place.input.shape, own, x)


def _affine(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    w, b = place.params
    rank = len(place.input.shape)
    kept = 0 if given["axes"] is None else rank - given["axes"]
    if not kept:
        flat = x if rank == 1 else graph.add("Flatten", x, axis=1)
        own = [] if b is None else [graph.constant(b)]
        return graph.add("Gemm", flat, graph.constant(w), *own, transB=1)
    sizes = [*[0] * (1 + kept), -1]  # as they are, and the rest
    return graph.linear(graph.add("Reshape", x, graph.whole(sizes)), w, b)


def _gated(activation: Layer | None) -> Emit:
    """The product of two linear maps, one of them through an activation; None: that given."""

    def emitted(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
        gate = given["activation"] if activation is None else activation
        a, b = (graph.linear(x, w) for w in place.params)
        inner = *place.input.shape[:-1], len(place.params.w)
        return graph.add("Mul", emit(graph, gate, inner, (), a), b)

    return emitted


def _squeeze(graph: Graph, place: Place, given: dict[str, Any], x: str) -> str:
    return graph.add("Squeeze", x, graph.whole([-1]))


TABLE: dict[Any, Emit] = {
    serial: _serial,
    residual: _residual,
    fan_out: _fan_out,
    repeat: _repeat,
    remat: _inside,
    mixed_precision: _inside,
    tied: _expanded,
    frozen: _expanded,
    low_rank: _expanded,
    weight_norm: _expanded,
    weight_standardization: _expanded,
    affine: _affine,
    glu: _gated(None),
    swiglu: _gated(silu()),
    geglu: _gated(gelu()),
    flatten: onnx_pointwise.simply("Flatten", axis=1),
    squeeze: _squeeze,
    **onnx_pointwise.TABLE,
    **onnx_images.TABLE,
    **onnx_sequences.TABLE,
}
