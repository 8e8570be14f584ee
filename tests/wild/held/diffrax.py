"""Diffrax: solutions of differential equations, with adjoints of several kinds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "diffrax"


def cases() -> Iterator[Case]:
    import diffrax as dfx
    import jax.numpy as jnp

    A, y = np.array([[-0.3, 1.0], [-1.0, -0.2]]), np.array([1.0, 0.4])

    def solved(adjoint: Any, solver: Any, tight: bool = True) -> Any:
        def run(A: Any, y: Any) -> Any:
            control = dfx.PIDController(rtol=1e-9, atol=1e-11) if tight else dfx.ConstantStepSize()
            return dfx.diffeqsolve(
                dfx.ODETerm(lambda t, y, A: jnp.tanh(A @ y)), solver, 0.0, 1.0, 0.1, y, A,
                stepsize_controller=control, adjoint=adjoint,
            ).ys[0]  # fmt: skip

        return run

    recursive = dfx.RecursiveCheckpointAdjoint()
    for name, subject in {
        "diffeqsolve, RecursiveCheckpointAdjoint": solved(recursive, dfx.Tsit5(), tight=False),
        "diffeqsolve, DirectAdjoint": solved(dfx.DirectAdjoint(), dfx.Heun(), tight=False),
        "diffeqsolve, Kvaerno3": solved(recursive, dfx.Kvaerno3()),
        "diffeqsolve, BacksolveAdjoint": solved(dfx.BacksolveAdjoint(
            stepsize_controller=dfx.PIDController(rtol=1e-9, atol=1e-11)), dfx.Tsit5()),
    }.items():  # fmt: skip
        yield Case(PACKAGE, name, subject, (A, y))
    times = np.array([0.0, 0.4, 1.0, 1.3])
    values = np.random.default_rng(19).normal(size=(4, 2))

    def interpolated(values: Any) -> Any:
        return dfx.CubicInterpolation(times, dfx.backward_hermite_coefficients(times, values))

    yield Case(PACKAGE, "CubicInterpolation.evaluate",
               lambda values: interpolated(values).evaluate(0.7), (values,))  # fmt: skip
    yield Case(PACKAGE, "CubicInterpolation.derivative",
               lambda values: interpolated(values).derivative(0.7), (values,))  # fmt: skip
