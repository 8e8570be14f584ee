"""Libraries that name arrays by paths: their weights for models of fnet, and back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import ArrayTree

from fnet.core import Layer, Shape
from fnet.errors import ConfigurationError, ShapeError
from fnet.interop.calls import Call, call_of
from fnet.interop.layouts import Place
from fnet.interop.names import named
from fnet.interop.params import check_params, template
from fnet.interop.paths import beneath, folders_of, joined
from fnet.interop.turned import Turned
from fnet.interop.walk import Walk

Names = Mapping[str, str] | Sequence[str] | None


class Library(NamedTuple):
    """What a library calls the arrays of each layer, and the eps that its norms have by default.

    `table` gives, for a layer's constructor, how each of its leaves stands there, in their order.

    >>> Library("Flux", {}, {}).name
    'Flux'
    """

    name: str
    table: Mapping[Any, Callable[[Place, Call], list[Turned]]]
    eps: Mapping[Any, float]


def taken(
    library: Library,
    model: Layer,
    shape: Shape,
    state: Mapping[str, np.ndarray],
    names: Names,
    eps: float | Sequence[float] | None,
    check: Callable[[Place, str], None] | None = None,
) -> ArrayTree:
    """The model's parameters, of all arrays of the state.

    `check` compares a layer with what is known of its folder; without it `eps` is all there is.
    """
    like = template(model, shape)
    layers = _layers(library, model, shape, like)
    if check is None:
        for place, _ in layers.values():
            _check_eps(library, place, eps)
    wanted = {name: _shapes(turned) for name, (_, turned) in layers.items()}
    folders = folders_of(wanted, state, names)
    left = set(state)
    for name, shapes in wanted.items():
        place, folder = layers[name][0], folders[name]
        _check_arrays(place, shapes, folder, beneath(folder, state))
        if check is not None:
            check(place, folder)
        left -= {joined(folder, path) for path in shapes}
    if left:
        raise ConfigurationError(
            f"the weights have {', '.join(sorted(left))}, and the model no place for that: give a "
            "model that has one, or leave it out if its function does not need it"
        )

    def visit(place: Place) -> Any:
        folder, turned = folders[place.name], layers[place.name][1]
        arrays = {path: state[joined(folder, path)] for path in wanted[place.name]}
        leaves = [jnp.asarray(each.to_ours(arrays)) for each in turned]
        return jax.tree.unflatten(jax.tree.structure(place.params), leaves)

    return Walk(visit, channels_first=False).through(model, shape, like)


def given(
    library: Library, caller: str, model: Layer, shape: Shape, params: ArrayTree, names: Names
) -> dict[str, np.ndarray]:
    """The arrays of the library by their paths; a layer's folder is its name, or as in `names`."""
    check_params(caller, model, shape, params)
    layers = _layers(library, model, shape, params)
    folders = {name: name for name in layers} if names is None else named(layers, names)
    arrays: dict[str, np.ndarray] = {}
    for name, (place, turned) in layers.items():
        for each, leaf in zip(turned, jax.tree.leaves(place.params), strict=True):
            for path, array in each.to_theirs(np.asarray(leaf)).items():
                arrays[joined(folders[name], path)] = array
    return arrays


def paths_of(library: Library, model: Layer, shape: Shape) -> list[str]:
    """Where the arrays of the model are, in the order of its layers, which give the folders."""
    layers = _layers(library, model, shape, template(model, shape))
    return [joined(name, path) for name, (_, turned) in layers.items() for path in _shapes(turned)]


def refuse(place: Place, why: str) -> ConfigurationError:
    """That a layer has no counterpart; for the caller to raise.

    >>> from fnet.interop.layouts import Input
    >>> from fnet.layers import relu
    >>> print(refuse(Place("1", relu(), Input((3,)), ()), "nobody has it"))
    1, relu(): nobody has it
    """
    return ConfigurationError(f"{place.name or 'the model'}, {place.layer}: {why}")


def _layers(
    library: Library, model: Layer, shape: Shape, params: ArrayTree
) -> dict[str, tuple[Place, list[Turned]]]:
    """The layers with weights, by name, and how their leaves stand there."""
    found: dict[str, tuple[Place, list[Turned]]] = {}

    def visit(place: Place) -> Any:
        call = call_of(place.layer)
        of_layer = library.table.get(call.constructor)
        if of_layer is None:
            why = f"no layer of {library.name} that fnet knows has its weights: convert the layers"
            raise refuse(place, f"{why} around it, and these by hand")
        found[place.name] = place, of_layer(place, call)
        return place.params

    Walk(visit, channels_first=False).through(model, shape, params)
    return found


def _shapes(turned: list[Turned]) -> dict[str, tuple[int, ...]]:
    return {path: each.shape for each in turned for path in each.paths}


def _check_arrays(
    place: Place,
    wanted: Mapping[str, tuple[int, ...]],
    folder: str,
    found: Mapping[str, tuple[int, ...]],
) -> None:
    """Raise unless a folder has the arrays of a layer."""
    for path, shape in wanted.items():
        if path not in found:
            others = ", ".join(found) or "nothing"
            raise refuse(
                place,
                f"{joined(folder, path)} is missing, which it takes as {shape}; there is {others}: "
                "make the layer without it, or add zeros to the weights if it is a bias",
            )
        if found[path] != shape:
            raise ShapeError(
                f"{joined(folder, path)} is {found[path]}, and {place.name or 'the model'}, "
                f"{place.layer} on an example of {place.input.shape}, takes {shape}"
            )


def _check_eps(library: Library, place: Place, eps: float | Sequence[float] | None) -> None:
    """Raise ConfigurationError where a norm's eps is not the one that it has there."""
    call = call_of(place.layer)
    if call.constructor not in library.eps:
        return
    own, default = call.arguments["eps"], library.eps[call.constructor]
    known = (default,) if eps is None else (eps,) if isinstance(eps, int | float) else tuple(eps)
    if own not in known:
        theirs = " or ".join(map(str, known))
        unless = " unless it was given another, which arrays do not show" if eps is None else ""
        raise refuse(
            place,
            f"its eps is {own}, and in {library.name} {theirs}{unless}: write eps={known[0]} here, "
            f"or say which it has there: from_{library.name.lower()}(..., eps={own})",
        )
