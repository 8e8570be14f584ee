"""What somebody asks to be checked, as subjects with their arguments."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.arguments import Signature, is_known
from fnet.check.points import cotangent
from fnet.check.subject import (
    Pair,
    Subject,
    ValueAndGrad,
    of_function,
    of_layer,
    of_loss,
    of_pair,
    of_penalty,
    of_value_and_grad,
)
from fnet.configuration import is_constructor
from fnet.core import Layer, Loss, Shape
from fnet.errors import ConfigurationError, FnetError

Subjects = Iterator[tuple[Subject, tuple[Any, ...]]]


def subjects_of(
    subject: Any, arguments: tuple[Any, ...], reference: Any, batch_size: int, rng: Any
) -> Subjects:
    """The subjects, the first of which is examined in full."""
    if isinstance(subject, Layer):
        if len(arguments) != 1 or not isinstance(arguments[0], tuple | list):
            raise ConfigurationError(f"{subject!r}: give the shape of one example, as a tuple")
        yield from _of_layer(subject, tuple(arguments[0]), batch_size, rng)
    elif isinstance(subject, Loss):
        if len(arguments) not in (2, 3):
            raise ConfigurationError(f"{subject!r}: give predictions, targets, and where if wanted")
        y, target, *where = arguments
        y, target = jnp.asarray(y), jnp.asarray(target)
        if jnp.issubdtype(target.dtype, jnp.floating):
            target = target.astype(jnp.float64)
        for one in of_loss(subject, target, where[0] if where else None):
            yield one, (y.astype(jnp.float64),)
    elif isinstance(subject, Pair):
        yield from _and_of_one(_known(of_pair, Signature(arguments), subject), arguments)
    elif isinstance(subject, ValueAndGrad):
        yield from _and_of_one(_known(of_value_and_grad, Signature(arguments), subject), arguments)
    elif callable(subject) and not isinstance(subject, type) and not is_constructor(subject):
        known = _known(of_function, Signature(arguments), subject, reference)
        yield from _and_of_one(known, arguments)
    else:
        raise ConfigurationError(
            f"{subject!r} cannot be checked: give a Layer (relu(), not relu), a Loss, a function "
            "of JAX, Pair(forward, backward) or ValueAndGrad(function)"
        )


_layer_subject = functools.lru_cache(maxsize=64)(of_layer)


def _of_layer(layer: Layer, shape: Shape, batch_size: int, rng: Any) -> Subjects:
    params = _moved(layer.init(jax.random.key(int(rng.integers(2**31))), shape)[0], rng)
    x = rng.normal(size=(batch_size, *shape))
    yield _layer_subject(layer), (params, jnp.asarray(x))
    yield _layer_subject(layer), (params, jnp.asarray(x[:1]))
    ones = tuple(1 for _ in shape)
    try:
        small = _moved(layer.init(jax.random.key(0), ones)[0], rng)
        jax.eval_shape(layer.forward, small, jnp.zeros((batch_size, *ones)))
    except FnetError:  # a layer need not take every shape
        pass
    else:
        yield _layer_subject(layer), (small, jnp.asarray(rng.normal(size=(batch_size, *ones))))
    if layer.penalty is not None:
        yield of_penalty(layer), (params,)


@functools.lru_cache(maxsize=64)
def _known(make: Callable[..., Subject], signature: Signature, *given: Any) -> Subject:
    """One subject for all arguments of these shapes: its compiled programs are kept with it."""
    return make(*given, signature.arguments)


def _and_of_one(subject: Subject, arguments: tuple[Any, ...]) -> Subjects:
    """The subject, and again with a batch of one: the first row of all that has as many."""
    yield subject, arguments
    leading = [len(a) for a in arguments if is_known(a) and np.ndim(a)]
    if leading and leading[0] > 1:
        size = leading[0]
        one = [a[:1] if is_known(a) and np.ndim(a) and len(a) == size else a for a in arguments]
        try:
            subject.routes[""](_ones(subject.forward(*one)), *one)
        except Exception:  # these rows were no examples
            return
        yield subject, tuple(one)


def _ones(out: Any) -> Any:
    return cotangent(jax.tree.map(np.asarray, out), np.ones)


def _moved(params: Any, rng: Any) -> Any:
    """Parameters as the layer draws them, each moved, so that none is left at zero."""
    return jax.tree.map(
        lambda leaf: jnp.asarray(np.float64(leaf) + 0.1 * rng.normal(size=leaf.shape)), params
    )
