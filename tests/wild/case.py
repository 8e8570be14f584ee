"""A function of a public package with a gradient written by hand, and arguments for it."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One check.

    `package` is the distribution, `name` the function, `label` says which arguments these are.
    `subject` is what `fnet.check.explain` takes: a `Pair`, a `ValueAndGrad`, or a JAX function.
    `exact` is, for a function of one entry at a time, the same in mpmath. `options` are keyword
    arguments of `explain`.
    """

    package: str
    name: str
    subject: Any
    arguments: tuple[Any, ...]
    label: str = ""
    exact: Callable[..., Any] | None = None
    options: dict[str, Any] = {}  # noqa: RUF012  (never written to)

    def __str__(self) -> str:
        label = f" [{self.label}]" if self.label else ""
        return f"{self.package}: {self.name}{label}"
