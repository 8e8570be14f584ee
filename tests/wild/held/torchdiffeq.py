"""torchdiffeq: adjoints of solutions of differential equations."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.held.glue import from_torch

PACKAGE = "torchdiffeq"


def cases() -> Iterator[Case]:
    import torch
    import torchdiffeq

    A, y = np.array([[-0.3, 1.0], [-1.0, -0.2]]), np.array([1.0, 0.4])
    times = torch.linspace(0, 1, 3, dtype=torch.float64)
    tight = {"rtol": 1e-9, "atol": 1e-11}

    def solved(solve: Any, **more: Any) -> Any:
        def run(A: Any, y: Any) -> Any:
            class Field(torch.nn.Module):
                def forward(self, t: Any, y: Any) -> Any:
                    return torch.tanh(A @ y)

            if solve is torchdiffeq.odeint_adjoint:
                more["adjoint_params"] = (A,)
            return solve(Field(), y, times, **more)

        return from_torch(run)

    for method, of in {"dopri5": tight, "rk4": {}, "explicit_adams": {}}.items():
        yield Case(
            PACKAGE, f"odeint, {method}", solved(torchdiffeq.odeint, method=method, **of), (A, y)
        )
    adjoint = solved(torchdiffeq.odeint_adjoint, method="dopri5", **tight)
    yield Case(PACKAGE, "odeint_adjoint, dopri5", adjoint, (A, y))
    coarse = solved(torchdiffeq.odeint_adjoint)
    yield Case(PACKAGE, "odeint_adjoint", coarse, (A, y), "default")

    def crossing(a: Any) -> Any:
        when, _ = torchdiffeq.odeint_event(
            lambda t, y: a * y,
            torch.ones(1, dtype=torch.float64),
            torch.tensor(0.0, dtype=torch.float64),
            event_fn=lambda t, y: (y - 2).sum(),
            method="dopri5",
            **tight,
        )
        return when

    yield Case(PACKAGE, "odeint_event", from_torch(crossing), (np.array(0.7),))
