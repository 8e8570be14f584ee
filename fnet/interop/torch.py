"""Weights of PyTorch for models of fnet, and back."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Shape
from fnet.errors import ConfigurationError, ShapeError
from fnet.interop.arrays import as_numpy
from fnet.interop.layouts import Entry, Place, entries
from fnet.interop.names import COUNTER, matched, named, state_of
from fnet.interop.packed import PART, packed
from fnet.interop.params import check_params, template
from fnet.interop.settings import check_settings
from fnet.interop.walk import Walk

Names = Mapping[str, str] | Sequence[str] | None


class Slot(NamedTuple):
    """An array that a layer has, and PyTorch's entry for it; `module` is the name here."""

    module: str
    entry: Entry
    place: Place


def from_torch(
    model: Layer,
    shape: Shape,
    state: Any,
    *,
    names: Names = None,
    channels_first: bool | None = None,
) -> ArrayTree:
    """The model's parameters, from a PyTorch module, its state_dict(), or arrays by such names.

    `shape` is that of one example as fnet has it, channels last. Three things are turned.

    A kernel (out, in / groups, window...) becomes (window..., in / groups, out), and a transposed
    one (in, out / groups, window...) becomes (window..., out / groups, in); none is flipped. A
    `depthwise_conv` is a convolution with as many groups as channels, a `separable_conv` that and
    one of window 1. A matrix (out, in) stays, but where its input was flattened, here from
    (H, W, C) and in PyTorch from (C, H, W), its columns change places, and so do the entries of a
    norm there. A norm's weight and bias become scale and bias. Both libraries normalise a batch by
    its biased variance and keep a running one without bias. Momentum is no array: PyTorch's is
    1 − m; the count of batches that it tracks has no place here.

    Gates of `lstm`, `gru` and `rnn` stand as in PyTorch, which has two biases where one is enough:
    theirs is their sum, but for the second one of a GRU's candidate, which is reset. Each layer and
    direction of a recurrent module is a layer here: serial(lstm(8), lstm(8)), or fan_out(lstm(8),
    lstm(8, reverse=True)). The linear maps of `attention`, one array in MultiheadAttention, are
    taken apart. `embedding` and `learned_positions` are torch.nn.Embedding, whose row of padding
    must be 0, as here, and is written so. What is `tied` stands in both places there, and must be
    the same in both. A block of `models.transformer` is a TransformerEncoderLayer(norm_first=True)
    with a causal mask, by the names norm1, self_attn.in_proj.q, .k, .v, self_attn.out_proj, norm2,
    linear1 and linear2.

    Modules and layers with weights are matched by `names`: the modules' names in the order of the
    layers (see `module_names`), or a mapping from the names here, such as "3.layers.0", to them.
    Without `names` they are matched by name, if all are the same, or else in the order of
    state_dict(), which is that in which PyTorch's modules were made. A .safetensors file keeps no
    such order: its modules must be named, unless their names are numbers. Whatever is missing, left
    over or of another shape is an error.

    A state has no settings. They must agree, and are compared if `state` is the module itself. The
    eps of norms: `rms_norm(eps=...)` too, where PyTorch's None is that of the dtype. Momentum:
    `batch_norm(momentum=0.9)` for PyTorch's 0.1. Padding: PyTorch's `padding=1` is the number 1
    here, not "same", which at a stride of 2 and an even size pads behind alone, and so sees other
    windows of the same number. The size of a transposed convolution: PyTorch's `padding=1,
    output_padding=1` at a stride of 2 and a window of 3 is the same here, and not "same", which has
    the same size too.

    Layers without weights, such as pooling, have nothing in a state and are not compared: compare
    outputs in the end. `channels_first` says whether PyTorch flattened (C, H, W), or as here. None
    assumes the former, but of an example of two axes before any layer that takes channels, such as
    a convolution, it must be said.

    Arrays keep their dtype, as far as JAX has it; they are copied. The inverse is `to_torch`.
    Raises ConfigurationError where names, settings or layers have no match, ShapeError where shapes
    differ.

    >>> from fnet import serial
    >>> from fnet.layers import affine, conv, relu
    >>> model = serial(conv(5), relu(), affine(2))
    >>> state = {
    ...     "features.conv.weight": np.zeros((5, 3, 3, 3), np.float32),
    ...     "features.conv.bias": np.zeros(5, np.float32),
    ...     "fc.weight": np.arange(2 * 5 * 8 * 8, dtype=np.float32).reshape(2, -1),
    ...     "fc.bias": np.ones(2, np.float32),
    ... }
    >>> params = from_torch(model, (8, 8, 3), state)
    >>> params[0].w.shape, params[2].w[0, :6].tolist()
    ((3, 3, 3, 5), [0.0, 64.0, 128.0, 192.0, 256.0, 1.0])
    """
    shape = _sizes(shape)
    given, like = state_of(state), template(model, shape)
    slots = _slots(model, shape, like, channels_first)
    modules = dict.fromkeys(slot.module for slot in slots)
    theirs = matched(modules, given, names, functools.partial(_described, slots))
    _check_names(slots, theirs, given)
    _check_modules(slots, theirs, state)

    def visit(place: Place) -> Any:
        arrays = []
        for slot in _of_place(place, channels_first):
            name = _key(theirs[slot.module], slot.entry.name)
            array, wanted = as_numpy(name, given[name]), slot.entry.layout.turned
            if array.shape != wanted:
                raise ShapeError(
                    f"{name} is {array.shape}, and {place.name or 'the model'}, {place.layer} on "
                    f"an example of {place.input.shape}, takes {wanted}: check that it is the same "
                    "layer, and give names=(...) if another module comes first"
                )
            arrays.append(jnp.asarray(slot.entry.layout.to_fnet(array)))
        return jax.tree.unflatten(jax.tree.structure(place.params), arrays)

    return Walk(visit, channels_first).through(model, shape, like)


def to_torch(
    model: Layer,
    shape: Shape,
    params: ArrayTree,
    *,
    names: Names = None,
    channels_first: bool | None = None,
) -> dict[str, np.ndarray]:
    """The model's parameters as PyTorch lays them out: NumPy arrays by name, in its order.

    The inverse of `from_torch`, with the same arguments. `names` are those of the modules in
    PyTorch; without them a layer's name is its place, as in torch.nn.Sequential: "2.weight" in a
    chain, "3.layers.0.weight" and "3.shortcut.weight" in a `residual`. Every array is new,
    writable, and in memory in the order of its axes. A batch norm's num_batches_tracked is 0.
    Gradients are turned in the same way, but the second bias of a recurrent layer is 0, whose
    gradient is that of the first. A module of PyTorch takes arrays with names of its own,
    names=module_names(module), by

        module.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})

    where torch.from_numpy does not know bfloat16: cast such params to float32 first.

    >>> from fnet import serial
    >>> from fnet.layers import batch_norm, conv
    >>> model = serial(conv(5, bias=False), batch_norm())
    >>> params, _ = model.init(jax.random.key(0), (8, 8, 3))
    >>> arrays = to_torch(model, (8, 8, 3), params, names=("conv1", "bn1"))
    >>> arrays["conv1.weight"].shape, list(arrays)[1:3]
    ((5, 3, 3, 3), ['bn1.weight', 'bn1.bias'])
    """
    shape = _sizes(shape)
    check_params("to_torch", model, shape, params)
    slots = _slots(model, shape, params, channels_first)
    modules = dict.fromkeys(slot.module for slot in slots)
    theirs = {name: name for name in modules} if names is None else named(modules, names)
    arrays: dict[str, np.ndarray] = {}

    def visit(place: Place) -> Any:
        leaves = jax.tree.leaves(place.params)
        for slot, leaf in zip(_of_place(place, channels_first), leaves, strict=True):
            name = _key(theirs[slot.module], slot.entry.name)
            arrays[name] = slot.entry.layout.to_torch(np.asarray(leaf))
            if slot.entry.name == "running_var":
                arrays[_key(theirs[slot.module], COUNTER)] = np.zeros((), np.int64)
        return place.params

    Walk(visit, channels_first).through(model, shape, params)
    return packed(arrays)


def _sizes(shape: Shape) -> Shape:
    whole = isinstance(shape, list) and all(isinstance(size, int) for size in shape)
    return tuple(shape) if whole else shape


def _slots(model: Layer, shape: Shape, params: ArrayTree, channels_first: Any) -> list[Slot]:
    """All arrays of the model, in the order of its layers."""
    found: list[Slot] = []

    def visit(place: Place) -> Any:
        found.extend(_of_place(place, channels_first))
        return place.params

    Walk(visit, channels_first).through(model, shape, params)
    return found


def _of_place(place: Place, channels_first: bool | None) -> list[Slot]:
    return [
        Slot(_key(place.name, entry.module), entry, place)
        for entry in entries(place, channels_first)
    ]


def _key(module: str, name: str) -> str:
    return f"{module}.{name}" if module and name else module or name


def _described(slots: list[Slot], module: str) -> str:
    """The layer of a module, and its arrays as PyTorch has them."""
    own = [slot for slot in slots if slot.module == module]
    arrays = ", ".join(f"{slot.entry.name} {slot.entry.layout.turned}" for slot in own)
    return f"{own[0].place.layer}, {arrays}"


def _check_names(slots: list[Slot], theirs: dict[str, str], state: Mapping[str, Any]) -> None:
    """Raise ConfigurationError unless the state has exactly the arrays of the model."""
    wanted = {_key(theirs[slot.module], slot.entry.name): slot for slot in slots}
    counters = {
        _key(theirs[slot.module], COUNTER) for slot in slots if slot.entry.name == "running_var"
    }
    for name, slot in wanted.items():
        if name not in state:
            raise ConfigurationError(
                f"{name} is missing, which {slot.place.name or 'the model'}, {slot.place.layer}, "
                f"takes as {slot.entry.layout.turned}: {_remedy(slot)}"
            )
    others = [name for name in state if name not in wanted and name not in counters]
    if others:
        module = others[0].rpartition(".")[0]
        of_module = [slot.place for slot in slots if theirs[slot.module] == module]
        beside = f", which is {of_module[0].layer} here" if of_module else ""
        raise ConfigurationError(
            f"the state has {', '.join(others)}, and the model no place for it{beside}: give a "
            "model that has one, or leave it out of the state if its function does not need it"
        )


def _remedy(slot: Slot) -> str:
    """What to do where the state lacks an array."""
    params, name = slot.place.params, slot.entry.name
    if name.startswith("running"):
        return "PyTorch's has track_running_stats=False; add zeros as mean and ones as variance"
    if name == "bias" and hasattr(params, "u"):
        return (
            f"PyTorch's has bias=False, and {slot.place.layer} always has one: add zeros to the "
            "state, bias_ih_... and bias_hh_..., beside its weights"
        )
    if name == "bias":
        return "PyTorch's has none: make the layer with bias=False"
    if hasattr(params, "scale"):
        return "PyTorch's has none: make the layer with scale=False"
    return "check that it is the same layer, and give names=(...) if another module comes first"


def _check_modules(slots: list[Slot], theirs: dict[str, str], state: Any) -> None:
    """Compare settings where the state came from a module, which has them."""
    if not callable(getattr(state, "named_modules", None)):
        return
    modules = dict(state.named_modules())
    for slot in {slot.module: slot for slot in slots}.values():
        name = theirs[slot.module]
        part, match = slot.entry.module, PART.fullmatch(name)
        if match:  # a part of a module
            name, part = match[1] or "", match[2]
        if name in modules:
            check_settings(name, modules[name], slot.place, part)
