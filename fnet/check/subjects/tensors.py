"""Functions and modules of torch, as functions of NumPy arrays. torch is not imported here."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from fnet.check.subjects.calls import named_as, with_parameters
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.arguments import beside, is_float, is_known, widened
from fnet.check.truth.functions import name_of, names_of

PARAMS = "params"
Taken = tuple[Any, tuple[Any, ...]]  # a subject and its arguments


def inherits(kind: type, module: str, name: str) -> bool:
    """Whether the class inherits from one of this name in this package."""
    return any(
        base.__name__ == name and base.__module__.startswith(module) for base in kind.__mro__
    )


def of_torch(subject: Any, arguments: tuple[Any, ...]) -> Taken | None:
    """The subject and its arguments as those of NumPy; None where they have nothing of torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    tensors = any(map(_is_tensor, jax.tree.leaves(arguments)))
    arguments = widened(_to_arrays(arguments))
    if inherits(type(subject), "torch.nn", "Module"):
        return _of_module(torch, subject, arguments)
    for kind in (subject, getattr(subject, "__self__", None)):  # Function, or Function.apply
        if isinstance(kind, type) and inherits(kind, "torch.autograd", "Function"):
            thing: Any = kind
            names = names_of(thing.forward, (None, *arguments))[1:]
            return _by_autograd(torch, thing.apply, name_of(thing), names), arguments
    return _of_tensors(torch, subject, arguments) if tensors else None


def _of_tensors(torch: Any, subject: Any, arguments: tuple[Any, ...]) -> Taken:
    """A function of tensors, or several, as functions of arrays."""

    def of_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
        @named_as(function)
        def called(*arrays: Any) -> Any:
            return _to_arrays(function(*_to_tensors(torch, arrays)))

        return called

    if isinstance(subject, Pair | ValueAndGrad):
        given = {field: each for field, each in subject._asdict().items() if each is not None}
        own = {field: of_arrays(each) for field, each in given.items()}
        return subject._replace(**own), arguments
    if arguments and callable(arguments[0]):
        return (of_arrays(subject), of_arrays(arguments[0])), arguments[1:]
    if _is_tensor(subject(*_to_tensors(torch, arguments, tracked=True))):
        names = names_of(subject, arguments)
        return _by_autograd(torch, subject, name_of(subject), names), arguments
    return of_arrays(subject), arguments


def _of_module(torch: Any, module: Any, arguments: tuple[Any, ...]) -> Taken:
    """A module, of its inputs and a dict of its parameters."""
    base = copy.deepcopy(module).double()
    params = {name: _to_arrays(p) for name, p in base.named_parameters()}
    names = names_of(module.forward, arguments)

    def of_params(*inputs: Any) -> Any:
        *given, own = inputs
        return torch.func.functional_call(copy.deepcopy(base), own, tuple(given))

    def alone(*inputs: Any) -> Any:
        return copy.deepcopy(base)(*inputs)

    name = name_of(module)
    if callable(getattr(type(module), "backward", None)):
        return _of_its_own(torch, base, params, names), (*arguments, params)
    if not params:
        return _by_autograd(torch, alone, name, names), arguments
    pair = _by_autograd(torch, of_params, name, (*names, PARAMS))
    return pair, (*arguments, params)


def _of_its_own(torch: Any, base: Any, params: dict[str, Any], names: tuple[str, ...]) -> Pair:
    """The pair of a module with a `backward` of its own, which leaves the gradients of parameters
    in `grad`, or in attributes: dw for w."""

    def forward(*given: Any) -> Any:
        made = copy.deepcopy(base)
        with torch.no_grad():
            for key, parameter in made.named_parameters():
                parameter.copy_(torch.as_tensor(given[-1][key]))
            return _to_arrays(made(*_to_tensors(torch, given[:-1]))), made

    def backward(dout: Any, cache: Any) -> Any:
        made = copy.deepcopy(cache)
        with torch.no_grad():
            found = _to_arrays(made.backward(_to_tensors(torch, dout)))
        each = found if isinstance(found, tuple) else (found,)
        own = {key: _grad(made, key, p) for key, p in made.named_parameters()}
        return *each, own if any(grad is not None for grad in own.values()) else None

    forward.__name__ = backward.__name__ = name_of(base)
    return Pair(with_parameters(forward, (*names, PARAMS)), backward)


def _grad(module: Any, key: str, parameter: Any) -> Any:
    own = getattr(module, f"d{key}", None)
    return _to_arrays(parameter.grad if own is None else own)


def _by_autograd(
    torch: Any, function: Callable[..., Any], name: str, names: tuple[str, ...]
) -> Pair:
    """The pair of a function of tensors, and of the rules that torch applies to it."""

    def forward(*arrays: Any) -> Any:
        tensors = _to_tensors(torch, arrays, tracked=True)
        outs = function(*tensors)
        return _to_arrays(outs), (tensors, outs)

    def backward(dout: Any, cache: Any) -> Any:
        leaves, tree = jax.tree.flatten(cache[0])
        tracked = [n for n, leaf in enumerate(leaves) if getattr(leaf, "requires_grad", False)]
        outs = jax.tree.leaves(cache[1])
        pairs = [(y, d) for y, d in zip(outs, beside(dout, cache[1]), strict=True) if _moves(y)]
        found = torch.autograd.grad(
            [y for y, _ in pairs],
            [leaves[place] for place in tracked],
            [torch.as_tensor(np.array(d), dtype=y.dtype) for y, d in pairs],
            retain_graph=True,
            allow_unused=True,
        )
        gradients: list[Any] = [None] * len(leaves)
        for place, gradient in zip(tracked, found, strict=True):
            gradients[place] = _to_arrays(gradient)
        return tuple(jax.tree.unflatten(tree, gradients))

    forward.__name__ = backward.__name__ = name
    return Pair(with_parameters(forward, names), backward)


def _moves(out: Any) -> bool:
    """Whether an output depends on what is differentiated."""
    return bool(out.requires_grad)


def _is_tensor(leaf: Any) -> bool:
    return hasattr(leaf, "detach") and hasattr(leaf, "requires_grad")


def _to_arrays(tree: Any) -> Any:
    """Tensors replaced by NumPy arrays."""
    return jax.tree.map(lambda a: a.detach().cpu().numpy().copy() if _is_tensor(a) else a, tree)


def _to_tensors(torch: Any, tree: Any, tracked: bool = False) -> Any:
    """Arrays replaced by tensors; with `tracked`, floating-point ones are differentiated."""

    def tensor(leaf: Any) -> Any:
        if not is_known(leaf):
            return leaf
        made = torch.from_numpy(np.array(leaf))
        return made.requires_grad_() if tracked and is_float(leaf) else made

    return jax.tree.map(tensor, tree)
