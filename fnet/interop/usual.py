"""What Keras and flax call the arrays of a layer alike: kernels and biases."""

from typing import Any

from fnet.interop.calls import Call
from fnet.interop.layouts import Place
from fnet.interop.library import refuse
from fnet.interop.turned import Turned, as_it_is, matrix, of_heads, of_joined_heads


def linear(place: Place, call: Call) -> list[Turned]:
    """A matrix, and a bias if there is one."""
    w, b = place.params
    return [matrix("kernel", w.shape), *_bias("bias", b)]


def convolution(place: Place, call: Call) -> list[Turned]:
    """A kernel (window..., in, out), as here, and a bias if there is one."""
    w, b = place.params
    return [as_it_is("kernel", w.shape), *_bias("bias", b)]


def heads(place: Place, call: Call, behind: str) -> list[Turned]:
    """The linear maps of attention; `behind` is what the last one is called."""
    *inner, out = place.params
    number = call.arguments["heads"]
    size = len(inner[0].w) // number
    found = []
    for module, (w, b) in zip(("query", "key", "value"), inner, strict=True):
        found.append(of_heads(module, w.shape, len(w) // size))
        if b is not None:
            view = len(b) // size, size
            found.append(Turned((f"{module}/bias",), b.shape, view, (0, 1)))
    return [*found, of_joined_heads(behind, out.w.shape, number), *_bias(f"{behind}/bias", out.b)]


def check_recurrent(place: Place, call: Call) -> None:
    """Raise ConfigurationError for a layer with more parameters than those of its gates."""
    if call.arguments["initial"] == "learned":
        raise refuse(place, "its first state is learned, and that has no place elsewhere")
    if call.arguments.get("projection") is not None:
        raise refuse(place, "its projection has no place elsewhere")


def _bias(path: str, b: Any) -> list[Turned]:
    return [] if b is None else [as_it_is(path, b.shape)]
