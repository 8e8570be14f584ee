"""Objects with `forward` and `backward`, which keep what they need in themselves."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.check.subjects.calls import accepts, drawn, required, with_parameters
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.arguments import is_float
from fnet.check.truth.functions import name_of, names_of

PARAMS = "params"
METHODS = (("forward", "backward"), ("__call__", "backward"))
DERIVATIVES = (("fn", "grad"), ("__call__", "deriv"))  # f and f', of the same arguments
HOLDERS = (("parameters", "gradients"), ("params", "grads"))  # dicts or lists, side by side
NAMES = ("d{}", "grad_{}", "{}_grad", "d_{}")  # of the gradient of an attribute

Taken = tuple[Any, tuple[Any, ...]]  # a subject and its arguments


class Slot(NamedTuple):
    """Where a parameter and its gradient are: the attributes that hold them ("" is the object
    itself), and the keys in these."""

    params: str
    key: Any
    gradients: str
    gradient: Any

    def get(self, thing: Any, gradient: bool = False) -> np.ndarray:
        """The parameter, or its gradient."""
        if gradient:
            return np.array(_held(thing, self.gradients)[self.gradient])
        return np.array(_held(thing, self.params)[self.key])

    def put(self, thing: Any, value: Any) -> None:
        """Set the parameter; its gradient, which some add to, begins at 0."""
        _held(thing, self.params)[self.key] = np.array(value)
        if self.gradients:
            _held(thing, self.gradients)[self.gradient] = np.zeros_like(value)


def _held(thing: Any, name: str) -> Any:
    return getattr(thing, name) if name else vars(thing)


def has_methods(thing: Any) -> bool:
    """Whether it has a forward and a backward method, or a function and its derivative."""
    return not isinstance(thing, type) and any(
        callable(getattr(thing, first, None)) and callable(getattr(thing, second, None))
        for first, second in (*METHODS, *DERIVATIVES)
    )


def of_object(thing: Any, arguments: tuple[Any, ...]) -> Taken | None:
    """The two methods of an object, of its inputs and its parameters, if it has any."""
    if isinstance(thing, tuple) or not has_methods(thing):
        return None
    for first, second in (*METHODS, *DERIVATIVES):
        methods: Any = getattr(thing, first, None), getattr(thing, second, None)
        if not all(map(callable, methods)):
            continue
        if second == "backward" and len(required(methods[1])) < 2:
            return _of_state(thing, first, arguments)
        if second == "backward" or accepts(methods[1], len(arguments)):
            return methods, arguments
    return None


def _of_state(thing: Any, first: str, arguments: tuple[Any, ...]) -> Taken:
    """The pair of an object that keeps its cache, where a copy of the object is the cache."""
    count, takes_dout = len(arguments), accepts(thing.backward, 1)
    base, slots = _with_parameters(thing, first, arguments)

    def forward(*given: Any) -> Any:
        made = copy.deepcopy(base)
        for key, slot in slots.items():
            slot.put(made, given[-1][key])
        return getattr(made, first)(*given[:count]), made

    def backward(dout: Any, cache: Any) -> Any:
        made = copy.deepcopy(cache)
        found = made.backward(dout) if takes_dout else made.backward()
        inputs = tuple(found) if isinstance(found, tuple | list) else (found,)
        inputs = (*inputs, *[None] * (count - len(inputs)))
        params = {key: slot.get(made, gradient=True) for key, slot in slots.items()}
        every = (*inputs, params) if slots else inputs
        return every if takes_dout else jax.tree.map(lambda d: dout * d, every)

    params = {key: slot.get(base) for key, slot in slots.items()}
    names = names_of(getattr(thing, first), arguments)
    forward.__name__ = backward.__name__ = name_of(thing)
    pair = Pair(with_parameters(forward, (*names, PARAMS) if slots else names), backward)
    return pair, (*arguments, params) if slots else arguments


def _with_parameters(
    thing: Any, first: str, arguments: tuple[Any, ...]
) -> tuple[Any, dict[str, Slot]]:
    """The object, its parameters made, and where they are."""
    trial = copy.deepcopy(thing)
    out = getattr(trial, first)(*copy.deepcopy(arguments))
    base = copy.deepcopy(thing)
    if {*_floats(trial)} != {*_floats(base)}:  # the first call makes parameters
        base = copy.deepcopy(trial)
        getattr(base, "flush_gradients", list)()
    if accepts(thing.backward, 1):
        trial.backward(drawn(out))
    else:
        trial.backward()
    seen = [leaf for leaf in jax.tree.leaves((arguments, out)) if is_float(leaf)]
    return base, dict(_slots(base, trial, seen))


def _floats(thing: Any) -> Iterator[Any]:
    """The parameters in its dicts and lists."""
    for name, _ in HOLDERS:
        for key, value in _items(getattr(thing, name, None)):
            if is_float(value):
                yield name, key


def _items(holder: Any) -> Any:
    if isinstance(holder, dict):
        return holder.items()
    return enumerate(holder) if isinstance(holder, list) else ()


def _slots(base: Any, trial: Any, seen: list[Any]) -> Iterator[tuple[str, Slot]]:
    """By name: parameters that have a gradient once `trial` has run backward. An attribute that
    equals an input or the output is no parameter."""
    for name, gradients in HOLDERS:
        theirs = dict(_items(getattr(trial, gradients, None)))
        for key, value in _items(getattr(base, name, None)):
            if is_float(value) and is_float(theirs.get(key)):
                yield str(key), Slot(name, key, gradients, key)
    attributes: dict[str, Any] = vars(trial) if hasattr(trial, "__dict__") else {}
    for name, value in vars(base).items() if attributes else ():
        if not is_float(value) or not np.array_equal(value, attributes.get(name, ())):
            continue
        if any(np.array_equal(value, other) for other in seen):
            continue
        for pattern in NAMES:
            if is_float(attributes.get(pattern.format(name))):
                yield name, Slot("", name, "", pattern.format(name))
                break


def of_method(method: Any, arguments: tuple[Any, ...]) -> Taken | None:
    """A method that returns a loss and the gradients of its object's `params`, by their names."""
    owner: Any = getattr(method, "__self__", None)
    params = getattr(owner, "params", None)
    if not isinstance(params, dict) or not any(map(is_float, params.values())):
        return None
    name = method.__name__
    returned = getattr(copy.deepcopy(owner), name)(*copy.deepcopy(arguments))
    if not isinstance(returned, tuple) or not any(
        isinstance(part, dict) and part and set(part) <= set(params) for part in returned
    ):
        return None

    def value_and_gradients(*given: Any) -> Any:
        made = copy.deepcopy(owner)
        made.params.update({key: np.array(value) for key, value in given[-1].items()})
        return getattr(made, name)(*given[:-1])

    value_and_gradients.__name__ = name
    names = (*names_of(method, arguments), PARAMS)
    own = {key: value for key, value in params.items() if is_float(value)}
    return ValueAndGrad(with_parameters(value_and_gradients, names)), (*arguments, own)
