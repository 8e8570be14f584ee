"""What is checked, in one form: a forward, and gradients that somebody wrote by hand."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax

from fnet.check.functions import (
    Gradients,
    aligned,
    by_vjp,
    cached,
    like,
    name_of,
    names_of,
    traces,
    value_of_vjp,
)
from fnet.check.lifting import in_jax
from fnet.core import Layer, Loss


class Pair(NamedTuple):
    """Two functions in the style of a course.

        forward(*arguments) -> out, cache        backward(dout, cache) -> gradients

    of JAX or of NumPy. `gradients` has one for each argument (None for a constant), or one for each
    that is differentiated, or names them (`{"dx": …, "dw": …}`). NumPy functions are compared with
    finite differences, and with autodiff of `reference`, if that is given: a JAX function
    reference(*arguments) -> out.

    >>> import numpy as np
    >>> from fnet.check import check_gradients
    >>> pair = Pair(lambda x: (np.sin(x), x), lambda dout, x: np.cos(x) * dout)
    >>> check_gradients(pair, np.array([0.5, 2.0])).right
    True
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    reference: Callable[..., Any] | None = None


class ValueAndGrad(NamedTuple):
    """A function that returns a scalar with its gradients.

        function(*arguments) -> value, gradients

    `gradients` are as those of `Pair`. `reference(*arguments) -> value` as there.

    >>> import numpy as np
    >>> from fnet.check import check_gradients
    >>> check_gradients(ValueAndGrad(lambda w: (w @ w, 2 * w)), np.array([1.0, 3.0])).right
    True
    """

    function: Callable[..., Any]
    reference: Callable[..., Any] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """What all checks work on.

    `of` is what it was made of. `forward(*arguments) -> out`. `routes` are the ways to the gradients, by how they are called in
    a message: route(dout, *arguments) -> one gradient for each argument. `plain` is the function
    that autodiff is asked about, None where there is none in JAX. `passes` are the two functions
    around a cache, (*arguments) -> out, cache and (dout, cache, *arguments) -> gradients. `values`
    are other ways to the output, which must lead to the same.
    """

    name: str
    of: tuple[Any, ...]
    names: tuple[str, ...]
    forward: Callable[..., Any]
    routes: Mapping[str, Callable[..., Gradients]]
    plain: Callable[..., Any] | None
    traceable: bool
    passes: tuple[Callable[..., Any], Callable[..., Any]] | None = None
    values: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    linear: bool = True
    dtype_matters: bool = True  # whether a gradient must have the dtype of a narrow argument
    rows: tuple[str, ...] = ()  # the arguments of a row for each example, where rows are apart


def of_layer(layer: Layer) -> Subject:
    """Of (params, x): by `backward`, and through `apply`."""

    def forward(params: Any, x: Any) -> tuple[Any, Any]:
        return cached(layer.forward(params, x), layer.forward)

    def backward(dout: Any, cache: Any, params: Any, x: Any) -> Gradients:
        return cached(layer.backward(params, cache, dout), layer.backward, "dparams, dx")

    def by_hand(dout: Any, params: Any, x: Any) -> Gradients:
        return backward(dout, forward(params, x)[1], params, x)

    def plain(params: Any, x: Any) -> Any:
        return forward(params, x)[0]

    def through(dout: Any, params: Any, x: Any) -> Gradients:
        return by_vjp(lambda params, x: layer.apply(params, x), dout, params, x)

    return Subject(
        repr(layer),
        (layer,),
        ("params", "x"),
        plain,
        {"": by_hand, "through apply": through},
        plain,
        True,
        (forward, backward),
        {"apply": lambda params, x: layer.apply(params, x)},
        rows=("x",),
    )


def of_penalty(layer: Layer) -> Subject:
    """Of the parameters: the penalty's gradient, and through its `apply`."""
    assert layer.penalty is not None
    penalty = layer.penalty

    def by_hand(dout: Any, params: Any) -> Gradients:
        return (
            jax.tree.map(lambda d: dout.astype(d.dtype) * d, penalty.value_and_grad(params)[1]),
        )

    def plain(params: Any) -> Any:
        return penalty.value_and_grad(params)[0]

    routes: dict[str, Any] = {"": by_hand}
    routes["through apply"] = functools.partial(by_vjp, penalty.apply)
    return Subject(
        f"the penalty of {layer!r}",
        (penalty,),
        ("params",),
        plain,
        routes,
        plain,
        True,
        linear=False,
    )


def of_loss(loss: Loss, target: Any, where: Any) -> tuple[Subject, Subject]:
    """Of the predictions: the gradient that comes with the value, and through `apply`."""

    def total(y: Any) -> Any:
        return loss.value_and_grad(y, target, where)[0].sum()

    def by_hand(dout: Any, y: Any) -> Gradients:
        return (dout * loss.value_and_grad(y, target, where)[1],)

    def value(y: Any) -> Any:
        return loss.value_and_grad(y, target, where)[0]

    through = functools.partial(by_vjp, lambda y: loss.apply(y, target, where))
    name = repr(loss)
    return (
        Subject(name, (loss,), ("y",), total, {"": by_hand}, total, True, linear=False),
        Subject(
            name,
            (loss,),
            ("y",),
            value,
            {"through apply": through},
            value,
            True,
            values={"apply": lambda y: loss.apply(y, target, where)},
        ),
    )


def of_pair(pair: Pair, arguments: tuple[Any, ...]) -> Subject:
    """Of the arguments of a forward and backward of anybody's."""
    names = names_of(pair.forward, arguments)

    def forward(*arguments: Any) -> Any:
        return cached(pair.forward(*arguments), pair.forward)[0]

    def backward(dout: Any, cache: Any, *arguments: Any) -> Gradients:
        return aligned(pair.backward(dout, cache), names, arguments, name_of(pair.backward))

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        return backward(dout, cached(pair.forward(*arguments), pair.forward)[1], *arguments)

    traceable = traces(lambda *arguments: by_hand(like(forward(*arguments)), *arguments), arguments)
    plain = pair.reference or in_jax(forward, arguments)
    passes = (lambda *arguments: cached(pair.forward(*arguments), pair.forward), backward)
    values = {"the reference": pair.reference} if pair.reference else {}
    return Subject(
        name_of(pair.backward),
        pair,
        names,
        forward,
        {"": by_hand},
        plain,
        traceable,
        passes,
        values,
        dtype_matters=False,
    )


def of_value_and_grad(subject: ValueAndGrad, arguments: tuple[Any, ...]) -> Subject:
    """Of the arguments of a function that returns its gradients too."""
    function, names = subject.function, names_of(subject.function, arguments)

    def value(*arguments: Any) -> Any:
        return cached(function(*arguments), function, "value, gradients")[0]

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        gradients = cached(function(*arguments), function, "value, gradients")[1]
        found = aligned(gradients, names, arguments, name_of(function))
        return tuple(jax.tree.map(lambda d: dout * d, gradient) for gradient in found)

    traceable = traces(function, arguments)
    plain = subject.reference or (value if traceable else in_jax(value, arguments))
    values = {"the reference": subject.reference} if subject.reference else {}
    return Subject(
        name_of(function),
        subject,
        names,
        value,
        {"": by_hand},
        plain,
        traceable,
        values=values,
        linear=False,
        dtype_matters=False,
    )


def of_function(
    function: Callable[..., Any], reference: Any, arguments: tuple[Any, ...]
) -> Subject:
    """Of a JAX function that JAX differentiates by a rule of its own: `jax.custom_vjp`."""
    passes = None
    if isinstance(function, jax.custom_vjp) and not function.nondiff_argnums:
        forward, backward = getattr(function, "fwd", None), getattr(function, "bwd", None)
        names = names_of(function, arguments)
        if forward and backward and not getattr(function, "symbolic_zeros", False):
            passes = (
                forward,
                lambda dout, cache, *arguments: aligned(
                    backward(cache, dout), names, arguments, name_of(backward)
                ),
            )
    return Subject(
        name_of(function),
        (function, reference),
        names_of(function, arguments),
        function,
        {"": functools.partial(by_vjp, function)},
        reference or function,
        True,
        passes,
        {"its forward pass": lambda *arguments: value_of_vjp(function, arguments)}
        | ({"the reference": reference} if reference else {}),
    )
