"""Weights of flax for models of fnet, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Shape
from fnet.errors import ConfigurationError
from fnet.interop.arrays import as_numpy
from fnet.interop.calls import Call
from fnet.interop.layouts import Place
from fnet.interop.library import Library, Names, given, refuse, taken
from fnet.interop.paths import flattened
from fnet.interop.turned import Turned, as_it_is, by_gate, matrix
from fnet.interop.usual import check_recurrent, convolution, heads, linear
from fnet.layers import (
    affine,
    attention,
    batch_norm,
    conv,
    cross_attention,
    depthwise_conv,
    embedding,
    group_norm,
    gru,
    instance_norm,
    layer_norm,
    learned_positions,
    lstm,
    rms_norm,
    rnn,
)

COLLECTIONS = ("params", "batch_stats")
GATES = {lstm: "ifgo", gru: "rzn"}


def from_flax(
    model: Layer,
    shape: Shape,
    variables: Mapping[str, Any],
    *,
    names: Names = None,
    eps: float | Sequence[float] | None = None,
) -> ArrayTree:
    """The model's parameters, from the variables of a flax.linen module, or its params alone.

    `shape` is that of one example. A matrix is (in, out) in flax and (out, in) here; a kernel of a
    convolution and a table of an embedding stand as here. The maps of attention have an axis for
    the heads: (in, heads, d), and (heads, d, out) behind. Each gate of a recurrent cell is a Dense
    of its own, ii, if, ig, io and hi, ... of an LSTMCell, ir, iz, in and hr, ... of a GRUCell; here
    they are rows of one matrix. flax's cells have one bias for each gate, as here, and its GRU
    resets after the product, so that gru(reset_after=False) has no counterpart. Batch statistics,
    mean and var, are in a collection of their own, "batch_stats", and must be given: the variables
    whole. A ConvTranspose, which is laid out in two ways, is not converted.

    A layer is matched with the folder of arrays of these names and shapes. Of several such folders
    the numbers in their names, such as Dense_0 and Dense_1, tell the order; where they do not, say
    it by `names`: the folder of each layer with weights in the order of the layers, such as
    "Block_0/Dense_1", or a mapping from the names here. Whatever is missing, left over or of
    another shape is an error.

    Arrays have no settings. The `eps` of norms must be that of flax, which is 1e-6, and 1e-5 of a
    BatchNorm, unless said otherwise, and batch_norm(momentum=0.99) is its default. The activation
    of a cell, numbers of groups and padding are not seen either: compare outputs in the end.

    Arrays keep their dtype, as far as JAX has it. The inverse is `to_flax`. Raises
    ConfigurationError where names, eps or layers have no match, ShapeError where shapes differ.

    >>> from fnet import serial
    >>> from fnet.layers import affine
    >>> params = {"Dense_0": {"kernel": np.ones((3, 2)), "bias": np.zeros(2)}}
    >>> from_flax(serial(affine(2)), (3,), {"params": params})[0].w.shape
    (2, 3)
    """
    return taken(FLAX, model, shape, _state(variables), names, eps)


def to_flax(
    model: Layer, shape: Shape, params: ArrayTree, *, names: Names = None
) -> dict[str, Any]:
    """The variables of a flax.linen module: {"params": ...}, and "batch_stats" if there are any.

    The inverse of `from_flax`. `names` are the folders that the module has; without them a layer's
    folder is its name here. Gradients are turned in the same way.

    >>> import jax
    >>> from fnet import serial
    >>> from fnet.layers import affine
    >>> model = serial(affine(2))
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> to_flax(model, (3,), params, names=("Dense_0",))["params"]["Dense_0"]["kernel"].shape
    (3, 2)
    """
    arrays = given(FLAX, "to_flax", model, shape, params, names)
    variables: dict[str, Any] = {"params": {}}
    for path, array in arrays.items():
        *folders, name = path.split("/")
        node = variables.setdefault("batch_stats" if name in ("mean", "var") else "params", {})
        for folder in folders:
            node = node.setdefault(folder, {})
        node[name] = array
    return variables


def _state(variables: Any) -> dict[str, np.ndarray]:
    """All arrays by their paths, those of both collections in one folder."""
    if not isinstance(variables, Mapping):
        raise ConfigurationError(
            f"variables is of type {type(variables).__name__}; give what module.init returns, or "
            "its params: a mapping of names to arrays"
        )
    whole = "params" in variables and isinstance(variables["params"], Mapping)
    parts = variables if whole else {"params": variables}
    others = [name for name in parts if name not in COLLECTIONS]
    if others:
        raise ConfigurationError(
            f"variables have {', '.join(map(repr, others))}, which has no place here: give params "
            "and batch_stats alone"
        )
    found = (pair for name in parts for pair in flattened(parts[name]))
    return {path: as_numpy(path, array) for path, array in found}


def _norm(place: Place, call: Call) -> list[Turned]:
    named = zip(("scale", "bias"), place.params[:2], strict=True)
    found = [as_it_is(name, p.shape) for name, p in named if p is not None]
    if call.constructor is batch_norm:
        running = place.params.running.value
        found += [as_it_is("mean", running.mean.shape), as_it_is("var", running.variance.shape)]
    return found


def _table(place: Place, call: Call) -> list[Turned]:
    return [as_it_is("embedding", place.params.w.shape)]


def _recurrent(place: Place, call: Call) -> list[Turned]:
    check_recurrent(place, call)
    if call.arguments.get("reset_after") is False:
        raise refuse(place, "flax's GRUCell resets after the product: only gru() is the same")
    w, u, b = place.params[:3]
    if call.constructor is rnn:
        kernels = [matrix("i/kernel", w.shape), matrix("h/kernel", u.shape)]
        return [*kernels, as_it_is("i/bias", b.shape)]
    gates = GATES[call.constructor]
    into, back = (tuple(f"{way}{gate}/kernel" for gate in gates) for way in "ih")
    of_bias = tuple(f"{'h' if call.constructor is lstm else 'i'}{gate}/bias" for gate in gates)
    found = [by_gate(into, w.shape), by_gate(back, u.shape), by_gate(of_bias, b.shape)]
    return [*found, as_it_is("hn/bias", place.params.c.shape)] if call.constructor is gru else found


def _attention(place: Place, call: Call) -> list[Turned]:
    if call.arguments.get("kv_heads") not in (None, call.arguments["heads"]):
        raise refuse(place, "flax's attention shares no keys: each head has its own")
    return heads(place, call, "out")


FLAX = Library(
    "flax",
    {
        affine: linear,
        conv: convolution,
        depthwise_conv: convolution,
        **dict.fromkeys((batch_norm, group_norm, instance_norm, layer_norm), _norm),
        rms_norm: _norm,
        embedding: _table,
        learned_positions: _table,
        **dict.fromkeys((rnn, lstm, gru), _recurrent),
        attention: _attention,
        cross_attention: _attention,
    },
    {batch_norm: 1e-5, group_norm: 1e-6, instance_norm: 1e-6, layer_norm: 1e-6, rms_norm: 1e-6},
)
