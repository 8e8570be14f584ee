"""Weights of Keras for models of fnet, and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Shape
from fnet.errors import ConfigurationError
from fnet.interop.arrays import as_numpy
from fnet.interop.calls import Call, call_of
from fnet.interop.layouts import Place
from fnet.interop.library import Library, Names, given, paths_of, refuse, taken
from fnet.interop.paths import flattened
from fnet.interop.turned import Turned, as_it_is, matrix
from fnet.interop.usual import check_recurrent, convolution, heads, linear
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
    rms_norm,
    rnn,
)

SEED = "seed_generator_state"  # of dropout, among a model's variables
RESET = "bias_of_reset"  # the second bias of a GRU's candidate, which is a row's end in Keras
UPDATE_FIRST = (1, 0, 2)  # gates of Keras's GRU: update, reset, candidate
PARTS = ("layers", "cell", "forward_layer", "backward_layer")  # where a layer has layers


def from_keras(
    model: Layer,
    shape: Shape,
    weights: Any,
    *,
    names: Names = None,
    eps: float | Sequence[float] | None = None,
) -> ArrayTree:
    """The model's parameters, from a Keras model or layer, its get_weights(), or arrays by path.

    `shape` is that of one example. Paths are those of the model's variables, v.path for each v.
    A matrix is (in, out) in Keras and (out, in) here; kernels of convolutions and the table of an
    embedding stand as here. The maps of attention have an axis for the heads: (in, heads, d), and
    (heads, d, out) behind. An LSTM's gates are in the same order, and a GRU's update gate comes
    first there and the reset gate here. With reset_after=True Keras's GRU has two biases for each
    gate: here is their sum, but for the second one of the candidate, which is reset.

    A list as of get_weights() is taken in the order of the layers. Otherwise a layer is matched
    with the folder of arrays of these names and shapes; of several such folders the numbers in
    their names, such as dense and dense_1, tell the order. Where they do not, say it by `names`:
    the folder of each layer with weights in the order of the layers, such as "lstm_2/lstm_cell", or
    a mapping from the names here. Both directions of a Bidirectional are layers here, fan_out(
    lstm(8), lstm(8, reverse=True)). Whatever is missing, left over or of another shape is an error.

    Arrays have no settings, and those of a model or layer are compared. The `eps` of norms must be
    that of Keras, which is 1e-3, and 1e-6 of an RMSNormalization, unless said otherwise. The
    momentum of a BatchNormalization is 0.99 there. A layer with go_backwards=True gives its steps
    from the last to the first, and one with reverse=True here in their order. Activations within a
    Dense or a convolution are layers of their own here: compare outputs in the end.

    Arrays keep their dtype, as far as JAX has it. The inverse is `to_keras`. Raises
    ConfigurationError where names, settings or layers have no match, ShapeError where shapes
    differ.

    >>> from fnet import serial
    >>> from fnet.layers import affine, layer_norm
    >>> model = serial(layer_norm(eps=1e-3), affine(2))
    >>> weights = [np.ones(3), np.zeros(3), np.ones((3, 2)), np.zeros(2)]
    >>> from_keras(model, (3,), weights)[1].w.shape
    (2, 3)
    """
    arrays, modules = _source(model, shape, weights)
    state = _unpacked({path: as_numpy(path, array) for path, array in arrays.items()})

    def check(place: Place, folder: str) -> None:
        _check_settings(place, folder, modules[folder])
        around = modules.get(folder.rpartition("/")[0])
        if "reverse" in call_of(place.layer).arguments and around is not None:  # of a cell, its RNN
            _check_settings(place, folder, around)

    compared = check if modules else None
    return taken(KERAS, model, shape, state, names, eps, compared)


def to_keras(
    model: Layer, shape: Shape, params: ArrayTree, *, names: Names = None
) -> dict[str, np.ndarray]:
    """The model's parameters as Keras lays them out: new arrays by path, in the order of layers.

    The inverse of `from_keras`, for model.set_weights(list(arrays.values())). `names` are folders;
    without them a layer's folder is its name here. Gradients are turned in the same way, but the
    second bias of a GRU is 0 except for its candidate, and has the gradient of the first.

    >>> import jax
    >>> from fnet import serial
    >>> from fnet.layers import gru
    >>> params, _ = serial(gru(2)).init(jax.random.key(0), (5, 3))
    >>> {path: a.shape for path, a in to_keras(serial(gru(2)), (5, 3), params).items()}
    {'0/kernel': (3, 6), '0/recurrent_kernel': (2, 6), '0/bias': (2, 6)}
    """
    return _packed(given(KERAS, "to_keras", model, shape, params, names))


def _source(model: Layer, shape: Shape, weights: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays by path, and Keras's layers by path if these are known."""
    if hasattr(weights, "weights"):
        modules = {each.path: each for each in _modules(weights)}
        paths = (weight.path for weight in weights.weights)
        return dict(zip(paths, weights.get_weights(), strict=True)), modules
    if isinstance(weights, Mapping):
        return {p: a for p, a in flattened(weights) if not p.endswith(SEED)}, {}
    if not isinstance(weights, list | tuple):
        raise ConfigurationError(
            f"weights is of type {type(weights).__name__}; give a Keras model, its get_weights(), "
            "or a mapping of its variables' paths to arrays"
        )
    wanted = [path for path in paths_of(KERAS, model, shape) if not path.endswith(RESET)]
    if len(wanted) != len(weights):
        raise ConfigurationError(
            f"weights are {len(weights)} arrays, of {', '.join(str(np.shape(a)) for a in weights)};"
            f" the model has {len(wanted)}: {', '.join(wanted)}"
        )
    return dict(zip(wanted, weights, strict=True)), {}


def _modules(layer: Any) -> Iterator[Any]:
    """A layer of Keras, and those in it."""
    yield layer
    for name in PARTS:
        parts = getattr(layer, name, ())
        for part in parts if isinstance(parts, list | tuple) else [parts]:
            yield from _modules(part)


def _check_settings(place: Place, folder: str, module: Any) -> None:
    """Raise ConfigurationError where Keras's layer computes something else."""
    constructor, arguments = call_of(place.layer)
    wanted = {"epsilon": arguments.get("eps"), "momentum": arguments.get("momentum")}
    wanted["reset_after"] = arguments.get("reset_after")
    if constructor in (rnn, lstm, gru):
        wanted["activation"] = arguments.get("activation", "tanh")
        wanted["recurrent_activation"] = "sigmoid"
        wanted["go_backwards"] = arguments["reverse"]
    if constructor in (conv, conv_transpose, depthwise_conv):
        axes, padding = len(place.input.shape) - 1, arguments["padding"]
        for setting, name in (("strides", "stride"), ("dilation_rate", "dilation")):
            size = arguments[name]
            wanted[setting] = (size,) * axes if isinstance(size, int) else size
        wanted["padding"] = padding if isinstance(padding, str) else None
        wanted["groups"] = arguments.get("groups")
    for setting, ours in wanted.items():
        theirs = getattr(module, setting, None)
        theirs = getattr(theirs, "__name__", theirs)
        if ours is not None and theirs is not None and theirs != ours:
            raise refuse(place, f"{folder} has {setting} {theirs}, and this layer {ours}")


def _unpacked(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The state with the biases of a GRU as here: those with two rows, summed but for one end."""
    found: dict[str, np.ndarray] = {}
    for path, array in state.items():
        folder, _, name = path.rpartition("bias")
        if name == "" and array.ndim == 2 and f"{folder}recurrent_kernel" in state:
            width = array.shape[1] // 3
            rest = array[:, : 2 * width].sum(0)
            found[path] = np.concatenate([rest, array[0, 2 * width :]])
            found[f"{folder}{RESET}"] = array[1, 2 * width :]
        else:
            found[path] = array
    return found


def _packed(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `_unpacked`: the second row is 0 but at its end."""
    found: dict[str, np.ndarray] = {}
    for path, array in arrays.items():
        reset = arrays.get(path.removesuffix("bias") + RESET) if path.endswith("bias") else None
        if reset is not None:
            second = np.zeros_like(array)
            second[-len(reset) :] = reset
            array = np.stack([array, second])
        if not path.endswith(RESET):
            found[path] = array
    return found


def _depthwise(place: Place, call: Call) -> list[Turned]:
    kernel, *bias = convolution(place, call)
    *window, _, out = kernel.part
    channels = place.input.shape[-1]
    view = *window, channels, out // channels
    return [kernel._replace(view=view, axes=tuple(range(len(view)))), *bias]


def _norm(place: Place, call: Call) -> list[Turned]:
    words = ("scale", "") if call.constructor is rms_norm else ("gamma", "beta")
    named = zip(words, place.params[:2], strict=True)
    found = [as_it_is(name, p.shape) for name, p in named if p is not None]
    if call.constructor is batch_norm:
        running = zip(("moving_mean", "moving_variance"), place.params.running.value, strict=True)
        found += [as_it_is(name, p.shape) for name, p in running]
    return found


def _table(place: Place, call: Call) -> list[Turned]:
    return [as_it_is("embeddings", place.params.w.shape)]


def _recurrent(place: Place, call: Call) -> list[Turned]:
    check_recurrent(place, call)
    w, u, b = place.params[:3]
    gates = UPDATE_FIRST if call.constructor is gru else (0,)
    kernels = [matrix("kernel", w.shape, gates), matrix("recurrent_kernel", u.shape, gates)]
    found = [*kernels, as_it_is("bias", b.shape, gates)]
    if call.constructor is gru and place.params.c is not None:
        found.append(as_it_is(RESET, place.params.c.shape))
    return found


def _attention(place: Place, call: Call) -> list[Turned]:
    return heads(place, call, "attention_output")


NORMS = (batch_norm, group_norm, instance_norm, layer_norm)

KERAS = Library(
    "Keras",
    {
        affine: linear,
        conv: convolution,
        conv_transpose: convolution,
        depthwise_conv: _depthwise,
        **dict.fromkeys((*NORMS, rms_norm), _norm),
        embedding: _table,
        learned_positions: _table,
        **dict.fromkeys((rnn, lstm, gru), _recurrent),
        attention: _attention,
        cross_attention: _attention,
    },
    {**dict.fromkeys(NORMS, 1e-3), rms_norm: 1e-6},
)
