"""The call that made a layer: what a layer is, and with which arguments."""

import inspect
from typing import Any, NamedTuple

from fnet import compose, layers
from fnet.core import Layer
from fnet.core.watching import watching


class Call(NamedTuple):
    """The constructor and all arguments of a layer, defaults included; None without one.

    >>> from fnet.layers import affine
    >>> call_of(affine(3)).arguments["width"]
    3
    """

    constructor: Any
    arguments: dict[str, Any]


KNOWN = {getattr(room, name) for room in (layers, compose) for name in room.__all__}


def call_of(layer: Layer) -> Call:
    """Which of fnet's constructors made this layer; one that calls another is looked through."""
    while layer.made:
        construct, arguments, keywords = layer.made
        if construct in KNOWN:
            bound = inspect.signature(construct).bind(*arguments, **keywords)
            bound.apply_defaults()
            return Call(construct, dict(bound.arguments))
        layer = inspect.unwrap(construct)(*arguments, **keywords)
    return Call(None, {})


def given_to_part(layer: Layer, params: Any) -> Any:
    """The parameters that a reparametrized layer, such as `tied`, gives to its one part.

    >>> import jax
    >>> from fnet import serial
    >>> from fnet.layers import affine
    >>> model = compose.tied(serial(affine(3), affine(3)), "[1].w", "[0].w")
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> params[1].w is None, given_to_part(model, params)[1].w is params[0].w
    (True, True)
    """

    def watch(each: Layer, own: Any, x: Any, run: Any) -> Any:
        return run() if each is layer else (own, ())  # in place of a pass of the part

    with watching(watch):
        return layer.forward(params, None)[0]
