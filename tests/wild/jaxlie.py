"""jaxlie: exponentials and logarithms of rotations and rigid motions, whose series join at 0."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "jaxlie"


def cases() -> Iterator[Case]:
    """For each group exp, log, action, composition, inverse, adjoint; then the manifold's steps."""
    import jaxlie

    rng = np.random.default_rng(111)
    for group in (jaxlie.SO2, jaxlie.SO3, jaxlie.SE2, jaxlie.SE3):
        yield from _of_group(group, rng)
    yield from _manifold(jaxlie, rng)


def _of_group(group: Any, rng: np.random.Generator) -> Iterator[Case]:
    size, name = group.tangent_dim, group.__name__
    t, s = 0.8 * rng.normal(size=size), 0.8 * rng.normal(size=size)
    point = rng.normal(size=group.space_dim)
    nearly, nothing = 1e-6 * t, np.zeros(size)

    def exp(t: Any) -> Any:
        return group.exp(t).as_matrix()

    def log(t: Any) -> Any:
        return group.exp(t).log()

    def moved(t: Any, point: Any) -> Any:
        return group.exp(t) @ point

    def composed(t: Any, s: Any) -> Any:
        return (group.exp(t) @ group.exp(s)).as_matrix()

    for label, given in {"ordinary": t, "edge 0": nothing, "edge 1e-6": nearly}.items():
        yield Case(PACKAGE, f"{name}.exp", exp, (given,), label)
        yield Case(PACKAGE, f"{name}.log", log, (given,), label)
    yield Case(PACKAGE, f"{name}.apply", moved, (t, point), "ordinary")
    yield Case(PACKAGE, f"{name}.multiply", composed, (t, s), "ordinary")
    inverse = lambda t: group.exp(t).inverse().as_matrix()  # noqa: E731
    yield Case(PACKAGE, f"{name}.inverse", inverse, (t,), "ordinary")
    yield Case(PACKAGE, f"{name}.adjoint", lambda t: group.exp(t).adjoint(), (t,), "ordinary")
    if hasattr(group, "jlog"):
        yield Case(PACKAGE, f"{name}.jlog", lambda t: group.exp(t).jlog(), (t,), "ordinary")


def _manifold(jaxlie: Any, rng: np.random.Generator) -> Iterator[Case]:
    t, s = 0.6 * rng.normal(size=3), 0.6 * rng.normal(size=3)
    rotation = jaxlie.SO3

    def between(t: Any, s: Any) -> Any:
        return jaxlie.manifold.rminus(rotation.exp(t), rotation.exp(s))

    def stepped(t: Any, s: Any) -> Any:
        return jaxlie.manifold.rplus(rotation.exp(t), s).as_matrix()

    yield Case(PACKAGE, "manifold.rminus", between, (t, s), "ordinary")
    yield Case(PACKAGE, "manifold.rminus", between, (t, t), "edge equal")
    yield Case(PACKAGE, "manifold.rplus", stepped, (t, s), "ordinary")
    angles = rng.uniform(-1, 1, 3)

    def turned(angles: Any) -> Any:
        return rotation.from_rpy_radians(*angles).as_matrix()

    yield Case(PACKAGE, "SO3.from_rpy_radians", turned, (angles,), "ordinary")

    def read(t: Any) -> Any:
        return tuple(rotation.exp(t).as_rpy_radians())

    yield Case(PACKAGE, "SO3.as_rpy_radians", read, (t,), "ordinary")
