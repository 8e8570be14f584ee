"""Least squares against certified values of NIST's Statistical Reference Datasets.

The data are facts in the public domain; the benchmark reads all 27 from NIST's files.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from fnet.solvers import bfgs, lbfgs, least_squares, levenberg_marquardt, solve


def growth(b, x):
    return b[0] * (1 - jnp.exp(-b[1] * x))


def power(b, x):
    return b[0] * x ** b[1]


def ratio(b, x):
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


PROBLEMS = {  # model, x, y, both starts, certified parameters and sum of squares
    "BoxBOD": (
        growth,
        [1, 2, 3, 5, 7, 10],
        [109.0, 149.0, 149.0, 191.0, 213.0, 224.0],
        ([1, 1], [100, 0.75]),
        [2.1380940889e02, 5.4723748542e-01],
        1.1680088766e03,
    ),
    "DanWood": (
        power,
        [1.309, 1.471, 1.490, 1.565, 1.611, 1.680],
        [2.138, 3.421, 3.597, 4.340, 4.882, 5.660],
        ([1, 5], [0.7, 4]),
        [7.6886226176e-01, 3.8604055871e00],
        4.3173084083e-03,
    ),
    "MGH09": (
        ratio,
        [4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        [
            *(0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323),
            *(0.0235, 0.0246),
        ],
        ([25, 39, 41.5, 39], [0.25, 0.39, 0.415, 0.39]),
        [1.9280693458e-01, 1.9128232873e-01, 1.2305650693e-01, 1.3606233068e-01],
        3.0750560385e-04,
    ),
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", PROBLEMS)
def test_certified_digits(name, start):
    model, x, y, starts, certified, squares = PROBLEMS[name]
    goal = least_squares(lambda b, x, y: model(b, x) - y, jnp.array(x, float), jnp.array(y))
    begin = jnp.array(starts[start], float)
    result = solve(levenberg_marquardt(), goal, begin, tol=0.0, max_steps=1000)
    np.testing.assert_allclose(result.params, certified, rtol=1e-9)
    np.testing.assert_allclose(2 * result.value, squares, rtol=1e-9)
    assert result.converged, result.reason


PRESSURE = [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1]
VOLUME = [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40]
MISRA1A = (jnp.array([*PRESSURE, 689.1, 760.0]), jnp.array([*VOLUME, 75.47, 81.78]))
STALLS = [(500, 1e-4), (250, 5e-4), (521.3, 1.0918e-4), (508.7, 1.174e-4), (563.2, 8.011e-5)]


@pytest.mark.parametrize("solver", [bfgs(), lbfgs()], ids=repr)
def test_parameters_of_units_far_apart_do_not_stall_a_search(solver):
    """Misra1a, whose curvatures differ by a factor of 1e13, from starts of which all stalled one.

    The steep parameter is soon at its best, to rounding, where the other has not moved.
    """
    goal = least_squares(lambda b, x, y: growth(b, x) - y, *MISRA1A)
    for start in STALLS:
        result = solve(solver, goal, jnp.array(start), tol=0.0, max_steps=2000)
        np.testing.assert_allclose(result.params, [2.3894212918e02, 5.5015643181e-04], rtol=1e-7)
