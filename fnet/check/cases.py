"""The cases to examine: each subject with its arguments."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnet.check.checks.points import cotangent
from fnet.check.checks.programs import known
from fnet.check.subjects.calls import LINES, drawn
from fnet.check.subjects.forms import forms_of
from fnet.check.subjects.jax_functions import of_function
from fnet.check.subjects.layers import cases_of_layer
from fnet.check.subjects.library import of_loss
from fnet.check.subjects.narrow import in_own_dtypes
from fnet.check.subjects.objects import has_methods
from fnet.check.subjects.pairs import Form
from fnet.check.subjects.subject import Case, Pair, Subject, ValueAndGrad
from fnet.check.subjects.user_functions import of_pair, of_value_and_grad
from fnet.check.truth.arguments import copied
from fnet.check.truth.functions import cached, like
from fnet.check.truth.held import held
from fnet.check.truth.lengths import is_long
from fnet.core import Layer, Loss
from fnet.core.values import is_constructor
from fnet.errors import ConfigurationError


def cases_of(
    subject: Any,
    arguments: tuple[Any, ...],
    reference: Any = None,
    key: Any = None,
    batch_size: int = 3,
    rng: Any = None,
    quick: bool = False,
    constants: Any = (),
    of: str = "gradient",
) -> Iterator[Case]:
    """Every case of what is to be checked; if quick, as few as suffice.

    `constants` are the arguments that are not differentiated, by name or position; `of` is
    "gradient", or "hessian" where a Hessian is checked against a gradient."""
    if reference is not None and isinstance(subject, Layer | Loss):
        raise ConfigurationError(f"{subject!r}: a layer or a loss is its own reference; give none")
    if isinstance(subject, Layer | Loss) and (
        of != "gradient" or not isinstance(constants, tuple) or constants
    ):
        raise ConfigurationError(f"{subject!r}: constants and of are for functions; give none")
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
    elif isinstance(subject, type) and not hasattr(subject, "apply"):
        raise ConfigurationError(_uncheckable(subject))
    elif _may_be_functions(subject):
        if is_constructor(subject):
            raise ConfigurationError(_uncheckable(subject))
        subject, note = in_own_dtypes(subject, arguments)
        for form in forms_of(subject, arguments, constants, of):
            yield _case_of(form._replace(note=form.note or note), reference)
    else:
        raise ConfigurationError(_uncheckable(subject))


def _may_be_functions(subject: Any) -> bool:
    both = type(subject) in (tuple, list) and len(subject) == 2 and all(map(callable, subject))
    pair = isinstance(subject, Pair | ValueAndGrad)
    return both or pair or callable(subject) or has_methods(subject)


def _uncheckable(subject: Any) -> str:
    return (
        f"{subject!r} cannot be checked: give a Layer (relu(), not relu), a Loss, a function "
        f"of JAX, Pair(forward, backward) or ValueAndGrad(function). These would do:\n{LINES}"
    )


def _case_of(form: Form, reference: Any) -> Case:
    """The case of a user's function, or of two."""
    subject, arguments = form.subject, form.arguments
    made: Callable[..., Subject]
    options: Any = {"constants": form.constants, "note": form.note}
    if reference is not None and isinstance(subject, Pair | ValueAndGrad):
        subject = subject._replace(reference=reference)
    if isinstance(subject, Pair):
        long = is_long(subject.forward, arguments), is_long(_both(subject, drawn), arguments)
        given = arguments if any(long) else held(_both(subject, like), arguments)
        made = functools.partial(of_pair, subject, long=long, **options)
    elif isinstance(subject, ValueAndGrad):
        wide = is_long(subject.function, arguments)
        given = arguments if wide else held(subject.function, arguments)
        made = functools.partial(of_value_and_grad, subject, long=wide, **options)
    else:
        given = held(subject, arguments, getattr(subject, "nondiff_argnums", ()))
        made = functools.partial(of_function, subject, reference, **options)
    found = made(given)
    arguments = _with_numbers(found, given)
    return Case(found if arguments is given else made(arguments), arguments)


def _both(pair: Pair, draw: Callable[[Any], Any]) -> Callable[..., Any]:
    """Both passes in one function of the arguments; `draw` makes the cotangent of an output."""

    def gradients(*arguments: Any) -> Any:
        out, cache = cached(pair.forward(*arguments), pair.forward)
        return pair.backward(draw(out), cache)

    return gradients


def _with_numbers(subject: Subject, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, Python numbers as arrays where the subject returns gradients for them."""
    numbers = [type(argument) in (int, float) for argument in arguments]
    if not any(numbers):
        return arguments
    given = copied(arguments)
    try:
        # Not 1, for which a gradient is 0 where the sum of the output is conserved.
        rng = np.random.default_rng(0)
        dout = cotangent(known(subject.forward(*given)), lambda shape: rng.normal(size=shape))
        gradients = subject.routes[""](dout, *given)
    except Exception:  # raised again when the subject is examined
        return arguments
    nonzero = [gradient is not None and np.any(gradient) for gradient in gradients]
    differentiated = [*map(all, zip(numbers, nonzero, strict=True))]
    if not any(differentiated):
        return arguments
    pairs = zip(arguments, differentiated, strict=True)
    return tuple(np.asarray(argument, float) if array else argument for argument, array in pairs)
