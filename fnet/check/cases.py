"""The cases to examine: each subject with its arguments."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.checks.points import cotangent
from fnet.check.checks.programs import known
from fnet.check.subjects.layers import cases_of_layer
from fnet.check.subjects.library import of_loss
from fnet.check.subjects.subject import Case, Pair, Subject, ValueAndGrad
from fnet.check.subjects.user_functions import of_function, of_pair, of_value_and_grad
from fnet.check.truth.arguments import copied, in_layout, in_numpy, is_float, is_known, layout
from fnet.check.truth.functions import cached, like
from fnet.check.truth.held import Held, held, value_of
from fnet.core import Layer, Loss
from fnet.core.values import is_constructor
from fnet.errors import ConfigurationError

OF_ALL = "for all of the batch"


def cases_of(
    subject: Any,
    arguments: tuple[Any, ...],
    reference: Any = None,
    key: Any = None,
    batch_size: int = 3,
    rng: Any = None,
    quick: bool = False,
) -> Iterator[Case]:
    """Every case of what is to be checked; if quick, as few as suffice."""
    if reference is not None and isinstance(subject, Pair | ValueAndGrad):
        subject = subject._replace(reference=reference)
    elif reference is not None and isinstance(subject, Layer | Loss):
        raise ConfigurationError(f"{subject!r}: a layer or a loss is its own reference; give none")
    if key is not None and not isinstance(subject, Layer):
        raise ConfigurationError("key is for layers; give it among the arguments of a function")
    if isinstance(subject, Layer):
        yield from cases_of_layer(subject, arguments, key, batch_size, rng, quick)
    elif isinstance(subject, Loss):
        if len(arguments) not in (2, 3):
            raise ConfigurationError(f"{subject!r}: give predictions, targets, and where if wanted")
        y, target, *where = arguments
        y, target = jnp.asarray(y), jnp.asarray(target)
        if jnp.issubdtype(target.dtype, jnp.floating):
            target = target.astype(jnp.float64)
        given = y.astype(jnp.float64), target, where[0] if where else None
        yield from (
            Case(one, given, in_full=number == 0) for number, one in enumerate(of_loss(subject))
        )
    elif isinstance(subject, Pair):
        arguments = held(_both_passes(subject), arguments)
        yield from _and_of_one(functools.partial(of_pair, subject), arguments, quick)
    elif isinstance(subject, ValueAndGrad):
        arguments = held(subject.function, arguments)
        yield from _and_of_one(functools.partial(of_value_and_grad, subject), arguments, quick)
    elif callable(subject) and not isinstance(subject, type) and not is_constructor(subject):
        arguments = held(subject, arguments, getattr(subject, "nondiff_argnums", ()))
        yield from _and_of_one(functools.partial(of_function, subject, reference), arguments, quick)
    else:
        raise ConfigurationError(
            f"{subject!r} cannot be checked: give a Layer (relu(), not relu), a Loss, a function "
            "of JAX, Pair(forward, backward) or ValueAndGrad(function)"
        )


def _both_passes(pair: Pair) -> Callable[..., Any]:
    """Forward and backward pass in one function of the arguments."""

    def gradients(*arguments: Any) -> Any:
        out, cache = cached(pair.forward(*arguments), pair.forward)
        return pair.backward(like(out), cache)

    return gradients


def _and_of_one(
    make: Callable[[tuple[Any, ...]], Subject], given: tuple[Any, ...], quick: bool
) -> Iterator[Case]:
    """The subject as given, and again for a batch of one: the first row of each batched array."""
    subject = make(given)
    arguments = _with_numbers(subject, given)
    if arguments is not given:
        subject = make(arguments)
    yield Case(subject, arguments)
    if quick:
        return
    arrays = [array for array in map(value_of, arguments) if is_known(array) and np.ndim(array)]
    if arrays and len(arrays[0]) > 1:
        one = tuple(_first_row(argument, len(arrays[0])) for argument in arguments)
        if _are_examples(subject, arguments, one):
            yield Case(subject, one, "the first row alone", OF_ALL, in_full=False)


def _first_row(argument: Any, rows: int) -> Any:
    """The first row of an array with this many rows; anything else unchanged."""
    array = value_of(argument)
    if not (is_known(array) and np.ndim(array) and len(array) == rows):
        return argument
    return Held(array[:1]) if isinstance(argument, Held) else array[:1]


def _with_numbers(subject: Subject, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, Python numbers as arrays where the subject returns gradients for them."""
    numbers = [type(argument) in (int, float) for argument in arguments]
    if not any(numbers):
        return arguments
    given = copied(arguments)
    try:
        dout = cotangent(known(subject.forward(*given)), np.ones)
        gradients = subject.routes[""](dout, *given)
    except Exception:  # raised again when the subject is examined
        return arguments
    nonzero = [gradient is not None and np.any(gradient) for gradient in gradients]
    differentiated = [*map(all, zip(numbers, nonzero, strict=True))]
    if not any(differentiated):
        return arguments
    pairs = zip(arguments, differentiated, strict=True)
    return tuple(np.asarray(argument, float) if array else argument for argument, array in pairs)


def _are_examples(subject: Subject, batch: tuple[Any, ...], one: tuple[Any, ...]) -> bool:
    """Whether output and gradients of one row have the shapes of a batch of one."""
    try:
        whole, out = (jax.tree.map(in_numpy, subject.forward(*a)) for a in (batch, one))
        pairs = zip(jax.tree.leaves(whole), jax.tree.leaves(out), strict=True)
        if any(y.shape != (1, *of_all.shape[1:])[: y.ndim] for of_all, y in pairs):
            return False
        found = in_layout(
            subject.routes[""](cotangent(out, np.ones), *one), layout(one, subject.names, "")
        )
        arrays = [leaf for leaf in jax.tree.leaves(one) if is_float(leaf)]
        return not isinstance(found, str) and all(
            gradient is None or np.shape(gradient) == np.shape(array)
            for gradient, array in zip(found, arrays, strict=True)
        )
    except Exception:  # the rows are not examples
        return False
