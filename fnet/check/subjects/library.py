"""Layers, penalties and losses as subjects."""

import functools
from typing import Any

import jax

from fnet.check.subjects.subject import Subject
from fnet.check.truth.functions import Gradients, by_vjp, cached
from fnet.core import Layer, Loss


def of_layer(layer: Layer, in_training: bool = False) -> Subject:
    """The subject of (params, x) in use, or of (params, x, key) in training, with two routes to the
    gradients: `backward`, and `jax.vjp` of `apply`.

    Every point is given the same key, so noise is constant. In training, rows of a batch may
    depend on each other, as in batch normalisation; in use they may not.
    """

    def forward(params: Any, x: Any, *key: Any) -> tuple[Any, Any]:
        return cached(layer.forward(params, x, *key), layer.forward)

    def backward(dout: Any, cache: Any, params: Any, x: Any, *key: Any) -> Gradients:
        found = cached(layer.backward(params, cache, dout), layer.backward, "dparams, dx")
        return *found, *(None for _ in key)

    def by_hand(dout: Any, params: Any, x: Any, *key: Any) -> Gradients:
        return backward(dout, forward(params, x, *key)[1], params, x, *key)

    def plain(params: Any, x: Any, *key: Any) -> Any:
        return forward(params, x, *key)[0]

    def apply(params: Any, x: Any, *key: Any) -> Any:
        return layer.apply(params, x, *key)

    return Subject(
        repr(layer),
        (layer,),
        ("params", "x", "key")[: 3 if in_training else 2],
        plain,
        {"": by_hand, "through apply": functools.partial(by_vjp, apply)},
        plain,
        True,
        (forward, backward),
        {"apply": apply},
        rows=() if in_training else ("x",),
        anywhere=True,
    )


def of_penalty(layer: Layer) -> Subject:
    """The subject of the layer's penalty: `value_and_grad`, and `jax.vjp` of `apply`."""
    assert layer.penalty is not None
    penalty = layer.penalty

    def by_hand(dout: Any, params: Any) -> Gradients:
        return (
            jax.tree.map(lambda d: dout.astype(d.dtype) * d, penalty.value_and_grad(params)[1]),
        )

    def plain(params: Any) -> Any:
        return penalty.value_and_grad(params)[0]

    through = functools.partial(by_vjp, penalty.apply)
    routes: dict[str, Any] = {"": by_hand, "through apply": through}
    name = f"the penalty of {layer!r}"
    return Subject(
        name, (penalty,), ("params",), plain, routes, plain, True, linear=False, anywhere=True
    )


def of_loss(loss: Loss) -> tuple[Subject, Subject]:
    """The subjects of the loss: `value_and_grad`, and `jax.vjp` of `apply`."""

    def value(y: Any, target: Any, where: Any) -> Any:
        return loss.value_and_grad(y, target, where)[0]

    def total(y: Any, target: Any, where: Any) -> Any:
        return value(y, target, where).sum()

    def by_hand(dout: Any, y: Any, target: Any, where: Any) -> Gradients:
        return dout * loss.value_and_grad(y, target, where)[1], None, None

    def through(dout: Any, y: Any, target: Any, where: Any) -> Gradients:
        return *by_vjp(lambda y: loss.apply(y, target, where), dout, y), None, None

    names = ("y", "target", "where")
    of_total = Subject(
        repr(loss),
        (loss,),
        names,
        total,
        {"": by_hand},
        total,
        True,
        linear=False,
        constants=names[1:],
        anywhere=True,
    )
    of_value = Subject(
        repr(loss),
        (loss,),
        names,
        value,
        {"through apply": through},
        value,
        True,
        values={"apply": lambda y, target, where: loss.apply(y, target, where)},
        constants=names[1:],
        anywhere=True,
    )
    return of_total, of_value
