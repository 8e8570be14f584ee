"""What people write, recognised by what it takes and returns, in one of fnet's three forms."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from fnet.check.subjects import claims, hessians
from fnet.check.subjects.backwards import FEW, as_called, first_of, split, usual_gradients
from fnet.check.subjects.calls import LINES, accepts, called, is_cotangent, named_as, required
from fnet.check.subjects.derivatives import of_derivative, of_values
from fnet.check.subjects.foreign import at_home
from fnet.check.subjects.readings import by_shape, hessian_of, read, taken
from fnet.check.subjects.subject import Pair, ValueAndGrad
from fnet.check.truth.arguments import layout, widened
from fnet.check.truth.functions import name_of, names_of, traced
from fnet.check.truth.plain import has_rule
from fnet.errors import ConfigurationError

OF = ("gradient", "hessian")


class Form(NamedTuple):
    """A Pair, a ValueAndGrad or a JAX function, its arguments, and those that are constants."""

    subject: Any
    arguments: tuple[Any, ...]
    constants: tuple[str, ...] = ()
    note: str = ""


class Given(NamedTuple):
    """What a form is made from."""

    arguments: tuple[Any, ...]
    names: tuple[str, ...]
    constants: tuple[str, ...]

    def form(self, subject: Any, left: tuple[str, ...] = ()) -> Form:
        """The form, where `left` are further arguments without a gradient."""
        return Form(subject, self.arguments, (*self.constants, *left), claims.note(left))


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
        yield _of_pair(subject, given, sure=True)
    elif isinstance(subject, ValueAndGrad):
        yield from _of_one(subject.function, given, subject)
    elif len(functions) == 2:
        yield _of_two(functions[0], functions[1], given)
    else:
        yield from _of_one(functions[0], given)


def _functions(subject: Any, arguments: tuple[Any, ...]) -> tuple[list[Any], tuple[Any, ...]]:
    """The functions that are given, and their arguments."""
    if isinstance(subject, Pair):
        return [subject.forward, subject.backward], arguments
    if isinstance(subject, ValueAndGrad):
        return [subject.function], arguments
    if isinstance(subject, tuple | list) and len(subject) == 2 and all(map(callable, subject)):
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


def _of_two(function: Callable[..., Any], second: Callable[..., Any], given: Given) -> Form:
    """Of forward and backward, or of a function and its derivative."""
    out = called(function, given.arguments)
    if isinstance(out, tuple) and len(out) > 1:
        return _of_pair(Pair(function, second), given, sure=False)
    count, takes = len(given.arguments), required(second)
    alone = len(takes) == 1 and is_cotangent(takes[0]) and takes[0] not in given.names
    if alone:
        return _of_pair(_with_cache(function, Pair(function, second), True), given, sure=True)
    if accepts(second, count) and "cache" not in takes:
        found = called(second, given.arguments)
        left = claims.unclaimed(found, *given, out) or ()
        fixed = (*given.constants, *left)
        return given.form(of_derivative(function, second, given.names, fixed), left)
    if accepts(second, count + 1):
        return _of_pair(_with_cache(function, Pair(function, second), False), given, sure=True)
    raise ConfigurationError(
        f"{name_of(function)} returns one array, and {name_of(second)} takes "
        f"{', '.join(takes) or 'no arguments'}; these would do:\n{LINES}"
    )


def _with_cache(function: Callable[..., Any], pair: Pair, empty: bool) -> Pair:
    """A forward pass that returns no cache, with its arguments for one, or with none."""

    @named_as(function)
    def forward(*arguments: Any) -> Any:
        return function(*arguments), None if empty else arguments

    return pair._replace(forward=forward)


def _of_pair(pair: Pair, given: Given, sure: bool) -> Form:
    usual = usual_gradients(pair, given.arguments)
    left = None if usual is None else claims.unclaimed(usual, *given, fewer=False)
    return _by_trying(pair, given, sure) if left is None else given.form(pair, left)


def _by_trying(pair: Pair, given: Given, sure: bool) -> Form:
    returned = called(pair.forward, given.arguments)
    if not isinstance(returned, tuple) or len(returned) < 2:
        return given.form(pair)  # which is reported when it is made a subject
    if len(returned) > 2:
        pair = pair._replace(forward=split(pair.forward))
        returned = tuple(returned[:-1]), returned[-1]

    def left(gradients: Any) -> tuple[str, ...] | None:
        return claims.unclaimed(gradients, *given, fewer=False)

    out, cache = returned
    found = as_called(pair, out, cache, lambda gradients: left(gradients) is not None, sure)
    made = given.form(pair._replace(backward=found.way), left(found.gradients) or ())
    if found.outs is None:
        return made
    few = made.subject._replace(forward=first_of(pair.forward, found.outs))
    return made._replace(subject=few, note="; ".join(filter(None, (made.note, FEW))))


def _of_one(
    function: Callable[..., Any], given: Given, subject: ValueAndGrad | None = None
) -> Iterator[Form]:
    """Of a function that may return its gradients."""
    asked = subject is not None
    trace = None if asked else traced(function, given.arguments)
    ruled = isinstance(function, jax.custom_vjp | jax.custom_jvp)
    if not asked and (ruled or (trace is not None and has_rule(trace, "custom_vjp"))):
        yield given.form(function)
        return
    try:
        returned = called(function, given.arguments)
    except Exception:  # raised again, in better words, when it is made a subject
        yield given.form(subject or function)
        return
    if _is_with_backprop(returned):
        yield _of_pair(_by_backprop(function), given, sure=True)
        return
    slopes = asked or any(word in name_of(function) for word in ("grad", "deriv", "prime", "jac"))
    reading = read(returned, *given, slopes=slopes)
    if reading is None:
        reading = by_shape(returned, None if asked or trace is None else given.arguments)
    if reading is None:
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


def _is_with_backprop(returned: Any) -> bool:
    return (
        isinstance(returned, tuple)
        and len(returned) == 2
        and callable(returned[1])
        and not callable(returned[0])
    )


def _by_backprop(function: Callable[..., Any]) -> Pair:
    """The pair of a function that returns (out, backprop)."""

    def backward(dout: Any, backprop: Any) -> Any:
        return backprop(dout)

    backward.__name__ = name_of(function)
    return Pair(function, backward)


def _hessian(functions: list[Any], given: Given) -> Form:
    returned = called(functions[0], given.arguments)
    if len(functions) == 2 and not (
        isinstance(returned, tuple)
        and len(required(functions[1])) == 2
        and "cache" in required(functions[1])
    ):
        return given.form(hessians.of_gradient(functions[0], functions[1], *given))
    if len(functions) == 2:
        return _of_pair(Pair(*functions), given, sure=True)
    if not isinstance(returned, tuple) or len(returned) < 2:
        raise ConfigurationError(
            f"{name_of(functions[0])} must return (gradient, Hessian):\n{hessians.LINES}"
        )
    if _is_with_backprop(returned):
        return _of_pair(_by_backprop(functions[0]), given, sure=True)
    places = len(returned) - 2, len(returned) - 1
    gradient, hessian = (returned[place] for place in places)
    left = claims.unclaimed(hessian, *given, gradient) or ()
    fixed = (*given.constants, *left)
    return given.form(of_values(functions[0], places, given.names, fixed), left)
