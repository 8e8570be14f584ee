"""Functions and objects of other libraries: none of them is imported here."""

import sys
from typing import Any

import numpy as np

from fnet.check.subjects.calls import with_parameters
from fnet.check.subjects.objects import of_method, of_object
from fnet.check.subjects.subject import Pair
from fnet.check.subjects.tensors import PARAMS, inherits, of_torch
from fnet.check.truth.arguments import is_float
from fnet.check.truth.functions import name_of, names_of


def at_home(subject: Any, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The subject as one or two functions of NumPy or JAX, with their arguments."""
    found = of_torch(subject, arguments)
    if found is not None:
        return found
    if inherits(type(subject), "thinc.model", "Model"):
        return _of_thinc(subject, arguments)
    second = bool(arguments) and callable(arguments[0])
    if getattr(subject, "_is_autograd_primitive", False) and not second:
        return _of_primitive(subject, arguments), arguments
    return of_object(subject, arguments) or of_method(subject, arguments) or (subject, arguments)


def _of_primitive(primitive: Any, arguments: tuple[Any, ...]) -> Pair:
    """A primitive of autograd, with the rules of `defvjp`."""
    make_vjp = sys.modules["autograd"].make_vjp  # the primitive is there, and so is its package

    def forward(*given: Any) -> Any:
        return primitive(*given), given

    def backward(dout: Any, given: Any) -> Any:
        def one(number: int) -> Any:
            try:
                return make_vjp(primitive, number)(*given)[0](dout)
            except NotImplementedError:  # it has no rule for this argument
                return None

        return tuple(
            one(number) if is_float(argument) or type(argument) is float else None
            for number, argument in enumerate(given)
        )

    names = names_of(getattr(primitive, "fun", primitive), arguments)
    forward.__name__ = backward.__name__ = name_of(primitive)
    return Pair(with_parameters(forward, names), backward)


def _of_thinc(model: Any, arguments: tuple[Any, ...]) -> tuple[Pair, tuple[Any, ...]]:
    """A model of thinc, of its inputs and a dict of its parameters."""
    base = model.copy()
    if any(node.has_param(name) is None for node in base.walk() for name in node.param_names):
        base.initialize(X=arguments[0])

    def own(of: Any) -> dict[str, Any]:
        """The node and the name of each parameter."""
        return {
            f"{number}.{node.name}.{name}": (node, name)
            for number, node in enumerate(of.walk())
            for name in node.param_names
            if node.has_param(name)
        }

    def forward(*given: Any) -> Any:
        made = base.copy()
        for key, (node, name) in own(made).items():
            node.set_param(name, np.array(given[-1][key]))
        out, backprop = made(*given[: len(arguments)], True)
        return out, (made, backprop)

    def backward(dout: Any, cache: Any) -> Any:
        made, backprop = cache
        for node, name in own(made).values():
            node.set_grad(name, np.zeros_like(node.get_param(name)))
        dx = backprop(dout)
        found = {key: node.get_grad(name).copy() for key, (node, name) in own(made).items()}
        return (dx, found) if found else dx

    forward.__name__ = backward.__name__ = model.name
    params = {key: np.asarray(node.get_param(name)) for key, (node, name) in own(base).items()}
    names = ("x", PARAMS) if params else ("x",)
    pair = Pair(with_parameters(forward, names), backward)
    return pair, (*arguments, params) if params else arguments
