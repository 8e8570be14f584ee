"""What other tools say of the same subject: `jax.test_util`, chex, and torch's `gradcheck`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np

from fnet.check import Pair, ValueAndGrad
from fnet.check.truth.arguments import Layout, in_layout, layout
from fnet.check.truth.functions import aligned, names_of, traced
from fnet.core import Layer, Loss
from tests.mutants.planted import normal

try:
    import torch
except ImportError:
    torch = None

CAUGHT, MISSED, NOT_APPLICABLE = "caught", "missed", "n/a"


class Form(NamedTuple):
    """A subject as a function of its floating-point arrays alone, differentiated by its rule."""

    function: Callable[..., Any] | None  # of JAX; None where it is NumPy's
    vjp: Callable[..., tuple[Any, Callable[[Any], list[Any]]]]  # of NumPy's arrays: out, back
    floats: list[np.ndarray]


def form_of(subject: Any, arguments: tuple[Any, ...]) -> Form:
    if isinstance(subject, Pair | ValueAndGrad):
        return _of_two_functions(subject, arguments)
    if isinstance(subject, Layer):
        params = subject.init(jax.random.key(0), arguments[0])[0]
        params = jax.tree.map(lambda leaf: leaf + 0.1 * normal(*leaf.shape, seed=8), params)
        arguments = (params, normal(3, *arguments[0], seed=7))
        return _of_function(lambda params, x: _with_penalty(subject, params, x), arguments)
    if isinstance(subject, Loss):
        y, target, *where = arguments
        return _of_function(lambda y: subject.apply(y, _like(target, y), *where), (y,))
    return _of_function(subject, arguments)


def _like(target: Any, y: Any) -> Any:
    return jnp.asarray(target, y.dtype if target.dtype == np.float64 else None)


def _with_penalty(layer: Layer, params: Any, x: Any) -> Any:
    y = layer.apply(params, x)
    return (y, layer.penalty.apply(params)) if layer.penalty else y


def _floats(form: Layout) -> list[np.ndarray]:
    return [np.asarray(form.leaves[place], np.float64) for place in form.places]


def _of_function(function: Any, arguments: tuple[Any, ...]) -> Form:
    form = layout(arguments, names_of(function, arguments), "")

    def of_floats(*floats: Any) -> Any:
        return function(*form.rebuild(floats))

    def vjp(*floats: np.ndarray) -> Any:
        with jax.enable_x64(True):
            out, back = jax.vjp(of_floats, *map(jnp.asarray, floats))

        def pull(dout: Any) -> list[Any]:
            with jax.enable_x64(True):
                return list(back(jax.tree.map(jnp.asarray, dout)))

        return out, pull

    return Form(of_floats, vjp, _floats(form))


def _of_two_functions(subject: Pair | ValueAndGrad, arguments: tuple[Any, ...]) -> Form:
    """Wired as a user would: `jax.custom_vjp` for JAX, the functions themselves for NumPy."""
    if isinstance(subject, Pair):
        forward, backward = subject.forward, subject.backward
    else:
        forward = subject.function

        def backward(dout: Any, gradients: Any) -> Any:
            return jax.tree.map(lambda d: dout * d, gradients)

    names = names_of(forward, arguments)
    form = layout(arguments, names, "")

    def passes(*floats: Any) -> Any:
        return forward(*form.rebuild(floats))

    def pull(cache: Any, dout: Any) -> list[Any]:
        found = in_layout(aligned(backward(dout, cache), names, arguments, ""), form)
        assert not isinstance(found, str), found
        return found

    def vjp(*floats: np.ndarray) -> Any:
        with jax.enable_x64(True):
            out, cache = passes(*floats)
        return out, lambda dout: pull(cache, dout)

    if traced(forward, arguments) is None:
        return Form(None, vjp, _floats(form))
    wired = jax.custom_vjp(lambda *floats: passes(*floats)[0])
    wired.defvjp(passes, lambda cache, dout: tuple(pull(cache, dout)))
    return _of_function(wired, tuple(_floats(form)))


def by_jax(form: Form) -> str:
    return _in_single(form, lambda f, args: jax.test_util.check_grads(f, args, 1, modes=["rev"]))


def by_chex(form: Form) -> str:
    # A rule of custom_vjp has no forward mode, which chex would ask for too.
    return _in_single(form, lambda f, args: chex.assert_numerical_grads(f, args, 1, modes=["rev"]))


def _in_single(form: Form, check: Callable[[Any, tuple[Any, ...]], None]) -> str:
    if form.function is None:
        return NOT_APPLICABLE
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        return _verdict(check, form.function, tuple(jnp.float32(a) for a in form.floats))


def by_torch(form: Form) -> str:
    if torch is None:
        return NOT_APPLICABLE

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *floats: Any) -> Any:
            out, ctx.back = form.vjp(*(array.detach().numpy() for array in floats))
            leaves, ctx.tree = jax.tree.flatten(out)
            found = tuple(torch.from_numpy(np.array(leaf, np.float64)) for leaf in leaves)
            return found if len(found) > 1 else found[0]

        @staticmethod
        def backward(ctx: Any, *dout: Any) -> Any:
            found = ctx.back(jax.tree.unflatten(ctx.tree, [d.numpy() for d in dout]))
            leaves = [None if leaf is None else torch.from_numpy(np.array(leaf)) for leaf in found]
            return tuple(leaves)

    floats = tuple(torch.tensor(array, requires_grad=True) for array in form.floats)
    return _verdict(torch.autograd.gradcheck, Function.apply, floats)


def _verdict(check: Any, *arguments: Any) -> str:
    """Whatever it raises counts: whoever ran it would look."""
    try:
        check(*arguments)
    except Exception:  # of many types, by tool and by mistake
        return CAUGHT
    return MISSED


TOOLS = {
    "jax.test_util": by_jax,
    "chex": by_chex,
    "torch gradcheck": by_torch,
}
