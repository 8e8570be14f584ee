"""What a solver is: a stateless pair, like an optimizer, whose update sees the whole objective."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from chex import Array, ArrayTree

from fnet.core.values import Value
from fnet.solvers.objectives import Problem, raveled
from fnet.solvers.outcomes import State


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Solver(Value):
    """A stateless pair of pure functions of a vector x.

        init_state(x)          -> state      x: (n,), the parameters raveled
        update(problem, state) -> state      problem: value, gradient and curvature

    It unpacks as the pair, and has `init(params)`, as optimizers do. `solve` runs it in a compiled
    loop. An update never raises because of numbers: it sets `state.reason`.

    >>> import jax.numpy as jnp
    >>> from fnet.solvers import lbfgs
    >>> init_state, update = lbfgs(memory=3)
    >>> init_state(jnp.zeros(2)).x.tolist()
    [0.0, 0.0]
    """

    init_state: Callable[[Array], State]
    update: Callable[[Problem, State], State]

    def init(self, params: ArrayTree) -> Any:
        """The state before the first step from these parameters."""
        return self.init_state(raveled(params)[0])

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        return iter((self.init_state, self.update))
