"""The call that made a layer: what a layer is, and with which arguments."""

import inspect
from typing import Any, NamedTuple

from fnet import compose, layers
from fnet.core import Layer


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
