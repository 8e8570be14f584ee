"""How PyTorch lays out each array of a layer: turned axes, and features in another order."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnet.core import Layer, Shape
from fnet.errors import ConfigurationError
from fnet.interop.calls import Call, call_of
from fnet.layers import (
    affine,
    attention,
    batch_norm,
    conv,
    conv_transpose,
    cross_attention,
    depthwise_conv,
    embedding,
    group_norm,
    gru,
    instance_norm,
    layer_norm,
    learned_positions,
    lstm,
    prelu,
    rms_norm,
    rnn,
    separable_conv,
)


class Input(NamedTuple):
    """What a layer takes: the shape of one example, and where PyTorch has its features.

    PyTorch has feature i of a flat input at order[i], or at i where `order` is None. `channels`
    says whether a layer before it took the last axis as channels, which PyTorch has first.

    >>> Input((8, 8, 3)).order is None
    True
    """

    shape: Shape
    order: np.ndarray | None = None
    channels: bool = False


class Place(NamedTuple):
    """A layer in a model: where it stands, what it takes, and its parameters.

    >>> from fnet.layers import relu
    >>> Place("1", relu(), Input((3,)), ()).name
    '1'
    """

    name: str
    layer: Layer
    input: Input
    params: Any


class Layout(NamedTuple):
    """PyTorch's array from fnet's: reshaped to `view`, features in `order`, axes as in `axes`.

    >>> kernel = Layout((3, 3, 2, 5), (3, 3, 2, 5), (3, 2, 0, 1))
    >>> kernel.turned, kernel.to_torch(np.zeros((3, 3, 2, 5))).shape
    ((5, 2, 3, 3), (5, 2, 3, 3))
    """

    shape: tuple[int, ...]
    view: tuple[int, ...]
    axes: tuple[int, ...]
    order: np.ndarray | None = None

    @property
    def turned(self) -> tuple[int, ...]:
        """The shape in PyTorch."""
        return tuple(self.view[axis] for axis in self.axes)

    def to_torch(self, array: np.ndarray) -> np.ndarray:
        """A new array, in memory in the order of its axes."""
        array = array.reshape(self.view)
        if self.order is not None:
            array = np.take(array, np.argsort(self.order), axis=-1)
        return _laid_out(array.transpose(self.axes), self.order is not None)

    def to_fnet(self, array: np.ndarray) -> np.ndarray:
        """A new array, in memory in the order of its axes."""
        array = array.transpose(np.argsort(self.axes)).reshape(self.shape)
        if self.order is not None:
            array = np.take(array, self.order, axis=-1)
        return _laid_out(array, self.order is not None)


def _laid_out(array: np.ndarray, new: bool) -> np.ndarray:
    """In memory in the order of its axes; a copy, unless it is one already."""
    return np.ascontiguousarray(array) if new else np.array(array, order="C")


class Entry(NamedTuple):
    """An array of a PyTorch module: the module beneath the place, its name there, its layout.

    >>> Entry("", "weight", _as_it_is((3,))).layout.turned
    (3,)
    """

    module: str
    name: str
    layout: Layout


def features(who: str, entering: Input, channels_first: bool | None) -> np.ndarray | None:
    """Where PyTorch has each feature of this input, once flattened; None: in the same places."""
    shape = entering.shape
    if len(shape) < 2:
        return entering.order
    if channels_first is False or shape[-1] == 1 or math.prod(shape[:-1]) == 1:
        return None
    if channels_first is None and len(shape) == 2 and not entering.channels:
        raise ConfigurationError(
            f"{who or 'the model'} flattens {shape}, and no layer before it says whether PyTorch "
            f"has that as {shape} or, channels first, as {shape[::-1]}: give channels_first=False "
            "or True"
        )
    places = np.arange(math.prod(shape)).reshape(shape[-1], *shape[:-1])
    return np.moveaxis(places, 0, -1).ravel()


def entries(place: Place, channels_first: bool | None) -> list[Entry]:
    """The arrays of PyTorch's module, one for each leaf of the layer's parameters, in order."""
    call = call_of(place.layer)
    of_layer = TABLE.get(call.constructor)
    if of_layer is None:
        raise ConfigurationError(
            f"{place.name or 'the model'}: {place.layer} has weights, and no PyTorch module that "
            "fnet knows has the same: convert the layers around it, and its weights by hand"
        )
    return of_layer(place, call, channels_first)


def _as_it_is(shape: tuple[int, ...], order: np.ndarray | None = None) -> Layout:
    return Layout(shape, shape, tuple(range(len(shape))), order)


def _affine(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    w, b = place.params
    flattens = call.arguments["axes"] is None
    order = features(place.name, place.input, channels_first) if flattens else None
    bias = [] if b is None else [Entry("", "bias", _as_it_is(b.shape))]
    return [Entry("", "weight", _as_it_is(w.shape, order)), *bias]


def _kernel(module: str, w: Any, rank: int) -> Entry:
    """(window..., a, b) is (b, a, window...) in PyTorch; a matrix is a kernel of a window of 1."""
    view = (1,) * (rank + 2 - len(w.shape)) + w.shape
    return Entry(module, "weight", Layout(w.shape, view, (rank + 1, rank, *range(rank))))


def _conv(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    *kernels, b = place.params
    rank = len(place.input.shape) - 1
    modules = [""] if len(kernels) == 1 else ["depthwise", "pointwise"]
    found = [_kernel(module, w, rank) for module, w in zip(modules, kernels, strict=True)]
    bias = [] if b is None else [Entry(modules[-1], "bias", _as_it_is(b.shape))]
    return found + bias


def _channels(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    """Of what has one number per channel."""
    order = place.input.order if len(place.input.shape) == 1 else None
    if order is not None and call.constructor is group_norm and call.arguments["groups"] > 1:
        raise ConfigurationError(
            f"{place.name}: {place.layer} divides flattened features into groups of neighbours, "
            "which are others in PyTorch, where channels come first: put it before the flattening"
        )
    given = zip(("weight", "bias"), place.params[:2], strict=False)
    found = [Entry("", name, _as_it_is(p.shape, order)) for name, p in given if p is not None]
    if call.constructor is batch_norm:
        running = zip(("running_mean", "running_var"), place.params.running.value, strict=True)
        found += [Entry("", name, _as_it_is(p.shape, order)) for name, p in running]
    return found


def _axes(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    """Of what has one number per entry of the axes that it normalises."""
    shape = place.input.shape
    given = call.arguments["axes"]
    axes = given if isinstance(given, tuple) else (given,)
    places = [axis - 1 if axis > 0 else axis + len(shape) for axis in axes]
    order = place.input.order if len(shape) == 1 else None
    turned = sorted(range(len(places)), key=lambda number: places[number])
    last = len(shape) - 1
    both = last in places and len(places) > 1
    if both and features(place.name, place.input, channels_first) is not None:
        turned = sorted(turned, key=lambda number: places[number] != last)
    pairs = zip(("weight", "bias"), place.params, strict=True)
    return [
        Entry("", name, Layout(p.shape, p.shape, tuple(turned), order))
        for name, p in pairs
        if p is not None
    ]


def _table(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    return [Entry("", "weight", _as_it_is(place.params.w.shape))]


def _recurrent(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    if call.arguments["initial"] == "learned" or call.arguments.get("reset_after") is False:
        raise ConfigurationError(
            f"{place.name or 'the model'}: {place.layer} is none of PyTorch's, whose layers learn "
            "no first state, and reset after the product"
        )
    last = "bias_hn" if call.constructor is gru else "weight_hr"
    given = zip(("weight_ih", "weight_hh", "bias", last), place.params, strict=False)
    return [Entry("", name, _as_it_is(p.shape)) for name, p in given if p is not None]


def _attention(place: Place, call: Call, channels_first: bool | None) -> list[Entry]:
    modules = "in_proj.q", "in_proj.k", "in_proj.v", "out_proj"
    return [
        Entry(module, name, _as_it_is(p.shape))
        for module, own in zip(modules, place.params, strict=True)
        for name, p in zip(("weight", "bias"), own, strict=True)
        if p is not None
    ]


TABLE: dict[Any, Callable[[Place, Call, bool | None], list[Entry]]] = {
    affine: _affine,
    conv: _conv,
    conv_transpose: _conv,
    depthwise_conv: _conv,
    separable_conv: _conv,
    batch_norm: _channels,
    group_norm: _channels,
    instance_norm: _channels,
    prelu: _channels,
    layer_norm: _axes,
    rms_norm: _axes,
    embedding: _table,
    learned_positions: _table,
    rnn: _recurrent,
    lstm: _recurrent,
    gru: _recurrent,
    attention: _attention,
    cross_attention: _attention,
}
