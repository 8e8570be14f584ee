"""What is checked, in one form: a forward function and hand-written gradients."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fnet.check.truth.functions import Gradients


class Pair(NamedTuple):
    """A forward and a backward function, as courses teach them, in JAX or NumPy.

        forward(*arguments) -> out, cache        backward(dout, cache) -> gradients

    Gradients are one per argument (None for a constant), or one per differentiable argument, or a
    dict by name (`{"dx": …, "dw": …}`). NumPy code is run on JAX arrays for the comparison with
    autodiff, provided that this gives the same numbers; otherwise it is compared with finite
    differences alone, unless a `reference` is given: a JAX function, reference(*arguments) -> out.

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
    """A function that returns a scalar and its gradients.

        function(*arguments) -> value, gradients

    Gradients and `reference(*arguments) -> value` are as in `Pair`.

    >>> import numpy as np
    >>> from fnet.check import check_gradients
    >>> check_gradients(ValueAndGrad(lambda w: (w @ w, 2 * w)), np.array([1.0, 3.0])).right
    True
    """

    function: Callable[..., Any]
    reference: Callable[..., Any] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """What every check works on.

    `of` is what it was made from. `forward(*arguments) -> out`. `routes` compute the gradients, by
    the name that a message gives them: route(dout, *arguments) -> one gradient per argument.
    `plain` is the function that autodiff differentiates, None where JAX has none. `passes` are the
    two functions around a cache, (*arguments) -> out, cache and (dout, cache, *arguments) ->
    gradients. `values` are other ways to compute the output, which must agree.
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
    strict: bool = True  # whether a narrow array's gradient must not have JAX's default dtype
    lifted: Callable[..., Gradients] | None = None  # NumPy's route, run on JAX arrays
    note: str = ""  # a limitation of the verdict
    constants: tuple[str, ...] = ()  # arguments that are not differentiated, even if floating
    untrained: bool = True  # whether NonTrainable arrays must have a zero gradient
    rows: tuple[str, ...] = ()  # arguments with one independent row per example
    anywhere: bool = False  # whether it must be right for all arguments, whatever the given show
    ruled: bool = True  # whether anything in it is differentiated by hand
    staged: bool = False  # whether JAX traces both passes whenever they are called
    unsteady: str = ""  # why two calls of its forward pass differ
    unlifted: str = ""  # why there is no plain function


class Case(NamedTuple):
    """A subject with arguments: how a message describes them, where the subject is already known to
    be right, and whether it is examined in full."""

    subject: Subject
    arguments: tuple[Any, ...]
    words: str = ""
    right: str = ""
    in_full: bool = True
