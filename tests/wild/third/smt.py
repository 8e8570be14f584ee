"""smt: problems of engineering design with derivatives, and models fitted to points."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "smt"


def cases() -> Iterator[Case]:
    from smt import problems as of

    rng = np.random.default_rng(16)
    for name, options in (
        ("Rosenbrock", {"ndim": 3}),
        ("Sphere", {"ndim": 3}),
        ("LpNorm", {"ndim": 3}),
        ("LpNorm", {"ndim": 3, "order": 3}),
        ("TensorProduct", {"ndim": 2, "func": "exp"}),
        ("TensorProduct", {"ndim": 2, "func": "tanh"}),
        ("TensorProduct", {"ndim": 2, "func": "cos"}),
        ("TensorProduct", {"ndim": 2, "func": "gaussian"}),
        ("CantileverBeam", {"ndim": 3}),
        ("RobotArm", {"ndim": 4}),
        ("TorsionVibration", {}),
        ("WaterFlow", {}),
        ("WeldedBeam", {}),
        ("WingWeight", {}),
        ("NdimRosenbrock", {"ndim": 2}),
        ("NdimRobotArm", {"ndim": 2}),
        ("NdimCantileverBeam", {"ndim": 1}),
    ):
        problem = getattr(of, name)(**options)
        low, high = np.transpose(problem.xlimits)
        x = low + (high - low) * rng.uniform(0.2, 0.8, (2, len(low)))
        label = ", ".join(str(value) for key, value in options.items() if key != "ndim")
        yield Case(PACKAGE, name, _by_variable(problem, problem), (x,), label)


def _by_variable(value: Any, slope: Any) -> Pair:
    """Of rows of variables, and the derivative by each variable in turn."""

    def backward(dout: Any, x: Any) -> Any:
        slopes = [slope(np.array(x), kx)[:, 0] for kx in range(np.shape(x)[1])]
        return np.sum(dout, 1)[:, None] * np.stack(slopes, 1)

    return Pair(lambda x: (np.array(value(np.array(x))), x), backward)
