"""What is checked, in one form: a forward, and gradients that somebody wrote by hand."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fnet.check.truth.functions import Gradients


class Pair(NamedTuple):
    """Two functions in the style of a course.

        forward(*arguments) -> out, cache        backward(dout, cache) -> gradients

    of JAX or of NumPy. Gradients are one for each argument (None for what is not differentiated),
    or one for each that is, or a dict of them by name (`{"dx": …, "dw": …}`). A forward of NumPy is
    run over JAX's arrays, for autodiff to be asked about it too, if that gives the same numbers; if
    not, differences alone are asked, unless there is a `reference`: a function of JAX,
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

    Gradients are as those of `Pair`. `reference(*arguments) -> value` as there.

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

    `of` is what it was made of. `forward(*arguments) -> out`. `routes` are the ways to the
    gradients, by how they are called in a message: route(dout, *arguments) -> one gradient for each
    argument. `plain` is the function that autodiff is asked about, None where there is none in JAX.
    `passes` are the two functions around a cache, (*arguments) -> out, cache and (dout, cache,
    *arguments) -> gradients. `values` are other ways to the output, which must lead to the same.
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
    strict: bool = True  # whether a gradient of a narrow array may not be in JAX's default dtype
    lifted: Callable[..., Gradients] | None = None  # a route of NumPy's, of JAX's arrays
    note: str = ""  # of what its being right does not mean
    constants: tuple[str, ...] = ()  # the arguments that are not differentiated, floating or not
    untrained: bool = True  # whether what is NonTrainable must have a gradient of zeros
    rows: tuple[str, ...] = ()  # the arguments of a row for each example, where rows are apart


class Asked(NamedTuple):
    """A subject at some arguments: what these are, where it was found right before, and whether it
    is examined in full."""

    subject: Subject
    arguments: tuple[Any, ...]
    words: str = ""
    right: str = ""
    in_full: bool = True
