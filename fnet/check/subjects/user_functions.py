"""Users' functions as subjects."""

from collections.abc import Callable
from typing import Any

import jax

from fnet.check import thresholds
from fnet.check.subjects.calls import alike
from fnet.check.subjects.jax_functions import plain_of
from fnet.check.subjects.subject import Pair, Subject, ValueAndGrad
from fnet.check.truth.arguments import copied
from fnet.check.truth.functions import Gradients, aligned, cached, like, name_of, names_of, traced
from fnet.check.truth.held import unheld
from fnet.check.truth.lengths import LONGER
from fnet.check.truth.lifting import by_lifting, lifted, runs_in_jax
from fnet.check.truth.stand_in import at_most


def of_pair(
    pair: Pair,
    sample: tuple[Any, ...],
    constants: tuple[str, ...] = (),
    note: str = "",
    long: tuple[bool, bool] = (False, False),
) -> Subject:
    """The subject of a forward and a backward function; `long` are the forward pass alone and both
    passes, if their loops are."""
    names = names_of(pair.forward, sample)
    original = *pair, constants
    who = name_of(pair.backward)
    pair = pair._replace(
        forward=unheld(pair.forward, sample), reference=unheld(pair.reference, sample)
    )

    def first(returned: Any) -> Any:
        return cached(returned, pair.forward)[0]

    def forward(*arguments: Any) -> Any:
        return first(pair.forward(*arguments))

    def backward(dout: Any, cache: Any, *arguments: Any) -> Gradients:
        return aligned(pair.backward(dout, cache), names, sample, who, constants)

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        return backward(dout, cached(pair.forward(*arguments), pair.forward)[1], *arguments)

    def by_lifted(dout: Any, *arguments: Any) -> Gradients:
        cache = lifted(pair.forward)(*arguments)[1]
        with at_most(thresholds.LIFTED_BACKWARD):
            found = lifted(pair.backward)(dout, cache)
        return aligned(found, names, sample, who, constants)

    plain, runs, unlifted = _differentiable(pair.forward, sample, first, pair.reference, long[0])

    def own(*arguments: Any) -> Any:
        return by_hand(like(forward(*arguments)), *arguments)

    traceable = runs and not long[1] and traced(own, sample) is not None
    plain = forward if plain is None and runs else plain
    passes = (lambda *arguments: cached(pair.forward(*arguments), pair.forward), backward)
    values = {"the reference": pair.reference} if pair.reference else {}
    return Subject(
        who,
        original,
        names,
        forward,
        {"": by_hand},
        plain,
        traceable,
        passes,
        values,
        strict=False,
        lifted=by_lifted,
        note=note,
        constants=constants,
        unsteady="" if traceable else _unsteady(forward, sample),
        unlifted=unlifted,
    )


def of_value_and_grad(
    subject: ValueAndGrad,
    sample: tuple[Any, ...],
    constants: tuple[str, ...] = (),
    note: str = "",
    long: bool = False,
) -> Subject:
    """The subject of a function that returns a value and its gradients."""
    function, names = unheld(subject.function, sample), names_of(subject.function, sample)
    reference = unheld(subject.reference, sample)

    def first(returned: Any) -> Any:
        return cached(returned, function, "value, gradients")[0]

    def value(*arguments: Any) -> Any:
        return first(function(*arguments))

    def by_hand(dout: Any, *arguments: Any) -> Gradients:
        return scaled(dout, cached(function(*arguments), function, "value, gradients")[1])

    def by_lifted(dout: Any, *arguments: Any) -> Gradients:
        return scaled(dout, lifted(function)(*arguments)[1])

    def scaled(dout: Any, gradients: Any) -> Gradients:
        found = aligned(gradients, names, sample, name_of(function), constants)
        return tuple(jax.tree.map(lambda d: dout * d, gradient) for gradient in found)

    plain, runs, unlifted = _differentiable(function, sample, first, reference, long)
    traceable = runs and traced(function, sample) is not None
    plain = value if plain is None and runs else plain
    values = {"the reference": reference} if reference else {}
    return Subject(
        name_of(function),
        (*subject, constants),
        names,
        value,
        {"": by_hand},
        plain,
        traceable,
        values=values,
        linear=False,
        strict=False,
        lifted=by_lifted,
        note=note,
        constants=constants,
        unsteady="" if traceable else _unsteady(value, sample),
        unlifted=unlifted,
    )


def _unsteady(forward: Callable[..., Any], sample: tuple[Any, ...]) -> str:
    """Why two forward passes on the same arguments differ, if they do."""
    try:
        one, other = (forward(*copied(sample)) for _ in range(2))
    except Exception:  # raised again when it is examined
        return ""
    return "" if alike(one, other, thresholds.STEADY) else UNSTEADY


def _differentiable(
    function: Callable[..., Any],
    sample: tuple[Any, ...],
    part: Callable[[Any], Any],
    reference: Callable[..., Any] | None,
    long: bool,
) -> tuple[Callable[..., Any] | None, bool, str]:
    """The reference or the lifted function, whether the function itself runs in JAX, and why there
    is nothing to differentiate."""
    runs = not long and runs_in_jax(function, sample, part)
    plain = plain_of(reference, sample)
    if plain is not None or runs:
        return plain, runs, ""
    plain, unlifted = (None, LONGER) if long else by_lifting(function, sample, part)
    return plain, False, unlifted


UNSTEADY = (
    "the forward pass returns different numbers for the same arguments: it draws random numbers "
    "without a seed, or keeps state; the backward pass was not examined. Draw from "
    "np.random.default_rng(0) in it, or give the random numbers as an argument"
)
