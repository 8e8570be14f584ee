"""A walk through a model: each of its layers with its parameters, and what it takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.compose import (
    Frozen,
    Residual,
    each,
    fan_out,
    first,
    frozen,
    mixed_precision,
    parallel,
    remat,
    repeat,
    residual,
    serial,
    tied,
    weight_standardization,
)
from fnet.compose.joins import joined_shape
from fnet.core import Layer, out_shape
from fnet.core.containers import alike
from fnet.core.expect import require
from fnet.core.trees import is_non_trainable, is_shape
from fnet.errors import ConfigurationError
from fnet.interop.calls import call_of, given_to_part
from fnet.interop.layouts import Input, Place, features
from fnet.interop.params import silent
from fnet.layers import (
    affine,
    avg_pool,
    batch_norm,
    conv,
    conv_transpose,
    depthwise_conv,
    embedding,
    flatten,
    global_avg_pool,
    global_max_pool,
    group_norm,
    instance_norm,
    max_pool,
    separable_conv,
    spatial_dropout,
)

OF_CHANNELS = {avg_pool, batch_norm, conv, conv_transpose, depthwise_conv, global_avg_pool}
OF_CHANNELS |= {global_max_pool, group_norm, instance_norm, max_pool, separable_conv}
OF_CHANNELS |= {spatial_dropout}


class Walk(NamedTuple):
    """Through a model, `visit` makes each layer's new parameters of its place.

    `channels_first` says how PyTorch has what is flattened; None: as `features` finds out.
    """

    visit: Callable[[Place], Any]
    channels_first: bool | None = None

    def through(self, model: Layer, shape: Any, params: Any) -> Any:
        """The new parameters of the model."""
        entering = jax.tree.map(Input, shape, is_leaf=is_shape)
        return self.at("", model, entering, params)[0]

    def at(self, name: str, layer: Layer, entering: Any, params: Any) -> tuple[Any, Any]:
        """The new parameters of the layer of this name, and what the layer after it takes."""
        call = call_of(layer)
        of_kind = COMPOSITIONS.get(call.constructor)
        if of_kind is not None:
            found: tuple[Any, Any] = of_kind(self, name, layer, entering, params, call.arguments)
            return found
        if layer.layers and jax.tree.leaves(params):
            raise ConfigurationError(
                f"{name or 'the model'}: no library that fnet knows has the weights of a "
                f"composition such as {layer}: convert its parts, each by itself"
            )
        if jax.tree.leaves(params):
            padding = call.arguments.get("padding") if call.constructor is embedding else None
            params = params if padding is None else silent(params, padding)
            params = self.visit(Place(name, layer, entering, params))
            if padding is not None and np.any(params.w[padding]):
                raise ConfigurationError(
                    f"{name or 'the model'}: row {padding} of the table is not 0, and {layer} is 0 "
                    "there: make it without padding, or set that row to 0"
                )
        return params, self._after(name, layer, call.constructor, entering)

    def _after(self, name: str, layer: Layer, constructor: Any, entering: Any) -> Any:
        """What a layer that is no composition makes of its input."""
        shapes = jax.tree.map(lambda one: one.shape, entering, is_leaf=_is_input)
        after = out_shape(layer, shapes)
        if not _is_input(entering) or not is_shape(after):
            return jax.tree.map(Input, after, is_leaf=is_shape)
        channels = entering.channels or constructor in OF_CHANNELS
        if constructor is flatten:
            return Input(after, features(name, entering, self.channels_first), channels)
        stays = after == shapes and constructor is not affine
        return Input(after, entering.order if stays else None, channels)


def _is_input(node: Any) -> bool:
    return isinstance(node, Input)


def _beneath(name: str, *parts: Any) -> str:
    return ".".join([*([name] if name else []), *map(str, parts)])


def _serial(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    _require_parts(name, layer, params, len(layer.layers))
    new = []
    for number, (part, own) in enumerate(zip(layer.layers, params, strict=True)):
        own, x = walk.at(_beneath(name, number), part, x, own)
        new.append(own)
    return tuple(new), x


def _residual(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    _require_parts(name, layer, params, 2)
    pairs = zip(Residual._fields, layer.layers, params, strict=True)
    new, outputs = zip(
        *(walk.at(_beneath(name, field), part, x, own) for field, part, own in pairs), strict=True
    )
    return Residual(*new), _joined(name, layer, "add", outputs)


def _parallel(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    _require_parts(name, layer, params, len(layer.layers))
    inputs = x if call_of(layer).constructor is parallel else [x] * len(layer.layers)
    new, outputs = [], []
    for number, calls in enumerate(zip(layer.layers, inputs, params, strict=True)):
        part, own_x, own = calls
        own, y = walk.at(_beneath(name, number), part, own_x, own)
        new.append(own)
        outputs.append(y)
    join = arguments["join"]
    return tuple(new), tuple(outputs) if join is None else _joined(name, layer, join, outputs)


def _joined(name: str, layer: Layer, join: str, outputs: Any) -> Any:
    shapes = [jax.tree.map(lambda one: one.shape, y, is_leaf=_is_input) for y in outputs]
    after = joined_shape(str(layer), join, shapes)
    if not is_shape(after):
        return jax.tree.map(Input, after, is_leaf=is_shape)
    channels = any(y.channels for y in outputs)
    if all(y.order is None for y in outputs):
        return Input(after, None, channels)
    orders = [np.arange(y.shape[-1]) if y.order is None else y.order for y in outputs]
    if join == "add":
        if not all(np.array_equal(orders[0], order) for order in orders):
            raise ConfigurationError(
                f"{name or 'the model'}: {layer} adds flattened features, which have another order "
                "in PyTorch, to the output of a layer, which has none: convert its parts by "
                "themselves"
            )
        return Input(after, orders[0], channels)
    begins = np.cumsum([0, *(len(order) for order in orders[:-1])])
    moved = [order + begin for order, begin in zip(orders, begins, strict=True)]
    return Input(after, np.concatenate(moved), channels)


def _first(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    new, y = walk.at(name, layer.layers[0], x[0], params)
    return new, alike(x, (y, *x[1:]))


def _each(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    new, y = walk.at(name, layer.layers[0], x[0], params)
    return new, alike(x, (y for _ in x))


def _same(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    """A composition whose parameters are those of its one part."""
    return walk.at(name, layer.layers[0], x, params)


def _repeat(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    if arguments["tied"]:
        return walk.at(name, layer.layers[0], x, params)
    rounds = []
    for number in range(arguments["times"]):
        own = jax.tree.map(lambda leaf, number=number: leaf[number], params)
        own, y = walk.at(_beneath(name, number), layer.layers[0], x, own)
        rounds.append(own)
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *rounds), y


def _frozen(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    def thawed(node: Any) -> Any:
        return node.value if isinstance(node, Frozen) else node

    def refrozen(node: Any, new: Any) -> Any:
        return Frozen(new) if isinstance(node, Frozen) else new

    own = jax.tree.map(thawed, params, is_leaf=is_non_trainable)
    new, y = walk.at(name, layer.layers[0], x, own)
    return jax.tree.map(refrozen, params, new, is_leaf=is_non_trainable), y


def _tied(walk: Walk, name: str, layer: Layer, x: Any, params: Any, arguments: Any) -> Any:
    """Both places have the array, and must have the same one afterwards."""
    new, y = walk.at(name, layer.layers[0], x, given_to_part(layer, params))
    leaves = {jax.tree_util.keystr(p): leaf for p, leaf in jax.tree_util.tree_leaves_with_path(new)}
    path, source = arguments["path"], arguments["source"]
    shared = leaves[source].T if arguments["transpose"] else leaves[source]
    if not np.array_equal(leaves[path], shared):
        raise ConfigurationError(
            f"{name or 'the model'}: its weights at {path} and {source} are one array, and two "
            "that differ were given: make the model without tied weights"
        )
    return jax.tree_util.tree_map_with_path(
        lambda p, leaf: None if jax.tree_util.keystr(p) == path else leaf, new
    ), y


def _require_parts(name: str, layer: Layer, params: Any, number: int) -> None:
    given = isinstance(params, tuple | list) and len(params) == number
    require(
        given,
        f"{name or 'the model'}: {type(params).__name__} of parameters for {layer}: give those "
        "that its init returns, or that it was trained to",
    )


COMPOSITIONS = {
    serial: _serial,
    residual: _residual,
    parallel: _parallel,
    fan_out: _parallel,
    first: _first,
    each: _each,
    repeat: _repeat,
    remat: _same,
    mixed_precision: _same,
    weight_standardization: _same,
    frozen: _frozen,
    tied: _tied,
}
