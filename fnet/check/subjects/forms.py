"""What people write, recognised by what it takes and returns, in one of fnet's three forms."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.subjects import claims, hessians
from fnet.check.subjects.calls import accepts, called, outlined, require_two, required
from fnet.check.subjects.derivatives import of_values
from fnet.check.subjects.foreign import at_home
from fnet.check.subjects.pairs import Form, Given, by_backprop, is_with_backprop, of_pair, of_two
from fnet.check.subjects.readings import Reading, by_shape, hessian_of, read, taken
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.arguments import layout, widened
from fnet.check.truth.functions import by_vjp, name_of, names_of
from fnet.check.truth.plain import has_rule
from fnet.errors import ConfigurationError

OF = ("gradient", "hessian")


def forms_of(
    subject: Any, arguments: tuple[Any, ...], constants: Any = (), of: str = OF[0]
) -> Iterator[Form]:
    """The forms of what is to be checked."""
    if of not in OF:
        raise ConfigurationError(f"of is {of!r}, and not one of {OF}")
    subject, arguments = at_home(subject, widened(arguments))
    functions, arguments = _functions(subject, widened(arguments))
    names = names_of(functions[0], arguments)
    fixed = claims.named(constants, names, name_of(functions[0]))
    words = claims.settings(arguments, names)
    given = Given(arguments, names, tuple(dict.fromkeys((*fixed, *words))))
    if not any(type(argument) in (int, float) for argument in arguments):
        layout(arguments, names, name_of(functions[-1]), given.constants)  # or it says why not
    if of == "hessian":
        yield _hessian(functions, given)
    elif isinstance(subject, Pair):
        yield of_pair(subject, given, sure=True)
    elif isinstance(subject, ValueAndGrad):
        yield from _of_one(subject.function, given, subject)
    elif len(functions) == 2:
        yield of_two(functions[0], functions[1], given)
    else:
        yield from _of_one(functions[0], given)


def _functions(subject: Any, arguments: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """The functions that are given, and their arguments."""
    if isinstance(subject, Pair):
        return [subject.forward, subject.backward], arguments
    if isinstance(subject, ValueAndGrad):
        return [subject.function], arguments
    if isinstance(subject, tuple | list):
        return list(subject), arguments
    if arguments and callable(arguments[0]) and _is_second(subject, arguments):
        return [subject, arguments[0]], arguments[1:]
    return [subject], arguments


def _is_second(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    """Whether the first argument, which can be called, is a second function, and no argument."""
    if not accepts(function, len(arguments)):
        return True
    try:
        called(function, arguments[1:])
    except Exception:  # it lacks an argument
        return False
    return True


def _of_one(
    function: Callable[..., Any], given: Given, subject: ValueAndGrad | None = None
) -> Iterator[Form]:
    """Of a function that may return its gradients."""
    asked = subject is not None
    if not asked and isinstance(function, jax.custom_vjp | jax.custom_jvp):
        yield given.form(function)
        return
    trace, returned = (None, None) if asked else outlined(function, given.arguments)
    if trace is not None and has_rule(trace, "custom_vjp"):
        yield given.form(function)
        return
    if trace is None:
        try:
            returned = called(function, given.arguments)
        except Exception:  # raised again, in better words, when it is made a subject
            yield given.form(subject or function)
            return
    if is_with_backprop(returned):
        yield of_pair(by_backprop(function), given, sure=True)
        return
    slopes = asked or any(word in name_of(function) for word in ("grad", "deriv", "prime", "jac"))
    reading = read(returned, *given, slopes=slopes)
    if reading is None:
        reading = by_shape(returned, None if asked or trace is None else given.arguments)
    if reading is not None and trace is not None and _is_doubtful(reading, returned):
        reading = reading if _resembles(function, reading, given) else None
    if reading is None:
        if asked:
            require_two(returned, function, "value, gradients")
        yield given.form(subject or function)
        return
    fixed = reading._replace(constants=(*given.constants, *reading.constants))
    found = taken(function, fixed, returned, given.names)
    if subject is not None:
        found = found._replace(reference=subject.reference)
    yield given.form(found, reading.constants)
    hessian = hessian_of(function, fixed, given.names)
    if hessian is not None:
        yield given.form(hessian, reading.constants)


def _is_doubtful(reading: Reading, returned: Any) -> bool:
    """Whether a function of JAX may as well have two outputs: an array and then a number, such as a
    log determinant, or two numbers."""
    return bool(reading.value) or all(np.size(leaf) == 1 for leaf in jax.tree.leaves(returned))


def _resembles(function: Callable[..., Any], reading: Reading, given: Given) -> bool:
    """Whether what may be a gradient is one, but for a factor or a small mistake."""

    def value(*arguments: Any) -> Any:
        return function(*arguments)[reading.value].reshape(())

    try:
        claimed = jax.tree.leaves(function(*given.arguments)[reading.slopes])
        found = jax.tree.leaves(by_vjp(value, np.ones(()), *given.arguments))
        a = np.concatenate([np.ravel(leaf) for leaf in claimed])
        b = np.concatenate([np.ravel(leaf) for leaf in found])[: a.size]
        sizes = np.linalg.norm(a), np.linalg.norm(b)
        along = a.size > 1 and a @ b > thresholds.SAME_DIRECTION * sizes[0] * sizes[1]
        return bool(along or np.linalg.norm(a - b) < thresholds.SAME_SIZE * sizes[1])
    except Exception:  # of any kind: then the shapes alone tell
        return True


def _hessian(functions: list[Any], given: Given) -> Form:
    returned = called(functions[0], given.arguments)
    if len(functions) == 2 and not (
        isinstance(returned, tuple)
        and len(required(functions[1])) == 2
        and "cache" in required(functions[1])
    ):
        return given.form(*hessians.of_gradient(functions[0], functions[1], *given))
    if len(functions) == 2:
        return of_pair(Pair(*functions), given, sure=True)
    if not isinstance(returned, tuple) or len(returned) < 2:
        raise ConfigurationError(
            f"{name_of(functions[0])} must return (gradient, Hessian):\n{hessians.LINES}"
        )
    if is_with_backprop(returned):
        return of_pair(by_backprop(functions[0]), given, sure=True)
    places = len(returned) - 2, len(returned) - 1
    gradient, hessian = (returned[place] for place in places)
    left = claims.unclaimed(hessian, *given, gradient) or ()
    fixed = (*given.constants, *left)
    return given.form(of_values(functions[0], places, given.names, fixed), left)
