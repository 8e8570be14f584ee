"""openmdao: components with hand-written partial derivatives, and interpolations."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case
from tests.wild.second.glue import of_arguments

PACKAGE = "openmdao"


def of_component(make: Any, inputs: tuple[str, ...], output: str) -> Pair:
    """A component alone in a problem, whose total derivatives are its partial ones."""
    import openmdao.api as om

    problem = om.Problem(reports=False)
    problem.model.add_subsystem("c", make(om), promotes=["*"])
    problem.setup(force_alloc_complex=False)

    def run(arrays: Any) -> Any:
        for name, array in zip(inputs, arrays, strict=True):
            problem.set_val(name, array)
        problem.run_model()
        return np.array(problem.get_val(output))

    def forward(*arrays: Any) -> Any:
        return run(arrays), arrays

    def backward(dout: Any, arrays: Any) -> Any:
        run(arrays)
        found = problem.compute_totals([output], [*inputs])
        return tuple(
            (np.ravel(dout) @ found[output, name]).reshape(np.shape(array))
            for name, array in zip(inputs, arrays, strict=True)
        )

    return Pair(forward, backward)


def cases() -> Iterator[Case]:
    rng = np.random.default_rng(13)
    a, b = rng.normal(size=(2, 4, 3))
    matrix = rng.normal(size=(4, 2, 3))
    components = {
        "KSComp": (
            lambda om: om.KSComp(width=5, rho=20.0), ("g",), "KS", (rng.normal(size=(1, 5)),)),
        "DotProductComp": (
            lambda om: om.DotProductComp(vec_size=4, length=3), ("a", "b"), "c", (a, b)),
        "CrossProductComp": (lambda om: om.CrossProductComp(vec_size=4), ("a", "b"), "c", (a, b)),
        "VectorMagnitudeComp": (
            lambda om: om.VectorMagnitudeComp(vec_size=4, length=3), ("a",), "a_mag", (a,)),
        "MatrixVectorProductComp": (
            lambda om: om.MatrixVectorProductComp(vec_size=4, A_shape=(2, 3)), ("A", "x"), "b",
            (matrix, a)),
        "EQConstraintComp": (_equality, ("lhs:y", "rhs:y"), "y", (a[0], b[0] + 3)),
        "AddSubtractComp": (_sums, ("a", "b"), "y", (a[:, 0].copy(), b[:, 0].copy())),
    }  # fmt: skip
    for name, (make, inputs, output, at) in components.items():
        yield Case(PACKAGE, name, of_component(make, inputs, output), at)
    yield from _interpolations(rng)


def _equality(om: Any) -> Any:
    return om.EQConstraintComp("y", shape=(3,), use_mult=False, normalize=True)


def _sums(om: Any) -> Any:
    made = om.AddSubtractComp()
    made.add_equation("y", ["a", "b"], vec_size=4, scaling_factors=[2.0, -0.5])
    return made


def _interpolations(rng: np.random.Generator) -> Iterator[Case]:
    from openmdao.components.interp_util.interp import InterpND

    grid = np.linspace(0, 3, 7), np.linspace(-1, 1, 6)
    values = np.sin(grid[0][:, None]) * np.exp(grid[1]) + 0.1 * rng.normal(size=(7, 6))
    x, y = np.array([0.4, 1.7, 2.9]), np.array([-0.33, 0.77, 0.1])
    for method in ("slinear", "lagrange2", "lagrange3", "akima", "cubic"):
        made = InterpND(method=method, points=grid, values=values)

        def function(x: Any, y: Any, made: Any = made) -> Any:
            return np.array(made.interpolate(np.stack([x, y], 1)))

        def partials(x: Any, y: Any, made: Any = made) -> Any:
            _, slopes = made.interpolate(np.stack([x, y], 1), compute_derivative=True)
            return list(np.reshape(slopes, (len(x), 2)).T)

        yield Case(PACKAGE, f"InterpND {method}", of_arguments(function, partials), (x, y))
