"""The truth of `tests.wild`, on functions whose derivatives are known; without its extra."""

import math
import tomllib
import types
from pathlib import Path

import numpy as np
import pytest

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case
from tests.wild.differences import slope
from tests.wild.gallery import MISTAKES
from tests.wild.gradients import moved
from tests.wild.mutation import changes, mutant, planted
from tests.wild.outcome import ALARM, ELSEWHERE, FOUND, MISS, NEARLY, RIGHT, UNCLEAR, outcome
from tests.wild.truth import truth


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (math.sin, 0.7, math.cos(0.7)),
        (math.exp, -30.0, math.exp(-30.0)),
        (lambda x: x**3, 0.0, 0.0),
        (lambda x: 1 / x, 1e-8, -1e16),
        (lambda x: math.log(x) if x > 0 else math.nan, 1e-9, 1e9),
        (lambda x: float(np.float32(math.sin(x))), 0.7, math.cos(0.7)),
    ],
)
def test_a_slope_is_within_its_error(function, x, expected):
    found = slope(function, x)
    assert found.low == found.high
    assert abs(found.high - expected) <= 3 * found.error
    assert found.error <= 1e-3 * abs(expected) + 1e-9


def test_at_a_kink_the_slopes_of_both_sides_are_found():
    found = slope(lambda x: max(x, -2 * x), 0.0)
    assert (found.low, found.high) == pytest.approx((-2, 1))


def test_where_the_second_derivative_jumps_there_is_a_slope():
    found = slope(lambda x: max(x, 0.0) ** 2 + 3 * x, 0.0)
    assert (found.low, found.high) == pytest.approx((3, 3))
    assert found.error < 1e-9


def test_at_the_end_of_a_domain_one_side_is_enough():
    found = slope(lambda x: math.sin(x) if x >= 0 else math.nan, 0.0)
    assert found.low == pytest.approx(1)
    assert found.error < 1e-6


@pytest.mark.parametrize(
    "function",
    [
        lambda x: math.copysign(1.0, x),
        lambda x: 1 / x if x else math.inf,
        lambda x: 1 / x if x else 0.0,
        lambda x: math.sqrt(abs(x)),
        lambda x: math.cos(x) if x else 5.0,
    ],
    ids=["a jump", "a pole", "a pole with a value", "a cusp", "a hole"],
)
def test_where_there_is_no_slope_none_is_claimed(function):
    nowhere, smooth = slope(function, 0.0), slope(function, 0.6)
    assert not nowhere.error <= 1e-2 * abs(nowhere.high)
    assert smooth.error <= 1e-9


ROOT = Path(__file__).parents[1]


def of(derivative, function=np.sin):
    return Pair(lambda x: (function(x), x), lambda dout, x: dout * derivative(x))


X = np.array([0.3, -1.2, 2.0])


@pytest.mark.parametrize(
    ("subject", "x", "expected"),
    [
        (of(np.cos), X, "agrees"),
        (of(lambda x: -np.cos(x)), X, "disagrees"),
        (of(lambda x: np.where(x > 1, np.nan, np.cos(x))), X, "disagrees"),
        (of(lambda x: np.cos(x) * (1 + 1e-5)), X, "nearly"),
        (of(lambda x: (x > 0) * 1.0, lambda x: np.maximum(x, 0)), np.zeros(2), "agrees"),
        (of(lambda x: 1.0 - (x > 0) * 3, lambda x: np.maximum(x, 0)), -np.zeros(2), "agrees"),
        (of(lambda x: 2.0 + 0 * x, lambda x: np.maximum(x, 0)), np.zeros(2), "disagrees"),
        (of(lambda x: np.inf + 0 * x, np.sqrt), np.zeros(2), "unclear"),
        (ValueAndGrad(lambda x: (x @ x, 2 * x)), X, "agrees"),
        (ValueAndGrad(lambda x: (x @ x, 2 * x[::-1])), X, "disagrees"),
        (lambda x: x**3, X, "agrees"),
    ],
)
def test_the_truth_about_a_gradient(subject, x, expected):
    assert truth(Case("none", "one", subject, (x,))).verdict == expected


def test_the_truth_about_a_gradient_in_float32():
    def backward(dout, x):
        near = np.sqrt(x + 1) - np.sqrt(x)
        return dout * (near if x.dtype == np.float64 else near * x.dtype.type(1.01))

    def forward(x):
        return ((x + 1) ** 1.5 - x**1.5) / 1.5, x

    case = Case("none", "one", Pair(forward, backward), (X[:1],))
    assert truth(case).verdict == "agrees"
    assert truth(case, np.float32).verdict == "disagrees"


def test_the_arguments_that_have_a_gradient_are_found():
    def forward(ids, w, scale):
        return scale * w[ids], (ids, w, scale)

    def backward(dout, cache):
        ids, w, scale = cache
        dw = np.zeros_like(w)
        np.add.at(dw, ids, scale * dout)
        return {"dw": dw, "scale": np.sum(dout * w[ids])}

    arguments = (np.array([0, 2, 2]), np.arange(3.0), 1.5)
    found = truth(Case("none", "one", Pair(forward, backward), arguments))
    assert (found.verdict, found.entries) == ("agrees", 4)


def test_a_case_moves_to_the_point_of_a_finding():
    def forward(ids, w):
        return np.where(w[ids] > 1, 2 * w[ids], w[ids]), (ids, w)

    def backward(dout, cache):
        ids, w = cache
        dw = np.zeros_like(w)
        np.add.at(dw, ids, dout)
        return None, dw

    case = Case("none", "one", Pair(forward, backward), (np.array([0, 1]), np.zeros(2)))
    assert truth(case).verdict == "agrees"
    assert truth(moved(case, {"w": np.full(2, 3.0)})).verdict == "disagrees"


def test_what_changes_its_argument_is_given_a_copy():
    def forward(x):
        x *= 2
        return np.sin(x), x

    pair = Pair(forward, lambda dout, x: 2 * dout * np.cos(x))
    assert truth(Case("none", "one", pair, (X,))).verdict == "agrees"


def test_the_gallery_is_of_the_versions_that_are_installed():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = extra["optional-dependencies"]["wild"]
    own = {f"{one.package}=={one.version}" for one in MISTAKES if one.package != "jax"}
    assert own <= set(pinned)


@pytest.mark.parametrize(
    ("verdict", "told", "elsewhere", "expected"),
    [
        ("right", "agrees (mpmath)", [], RIGHT),
        ("right", "disagrees at 1 of 2 entries", [], MISS),
        ("wrong", "disagrees at 1 of 2 entries", [], FOUND),
        ("wrong", "agrees, 1 of 9 unclear", [], ALARM),
        ("wrong", "agrees (differences)", ["agrees (differences)"], ALARM),
        ("wrong", "agrees (differences)", ["disagrees at 1 of 1 entries"], ELSEWHERE),
        ("wrong", "agrees (differences)", ["nearly at 1 of 1 entries"], NEARLY),
        ("wrong", "disagrees at 1 of 1 entries", ["disagrees at 1 of 1"], FOUND),
        ("wrong", "nearly at 1 of 2 entries", [], NEARLY),
        ("right", "unclear, 2 of 2 unclear", [], UNCLEAR),
        ("stopped", "agrees", [], "stopped"),
        ("crash", "unclear", [], "crash"),
    ],
)
def test_a_row_is_classified(verdict, told, elsewhere, expected):
    assert outcome(verdict, told, elsewhere) == expected


def test_a_change_is_planted_in_what_is_loaded_and_taken_back(tmp_path):
    source = """
def value(x):
    return x**3

def slope(x):
    def inner(scale=3):
        return scale * x**2
    return inner()
"""
    path = tmp_path / "outside.py"
    path.write_text(source)
    module = types.ModuleType("outside")
    exec(compile(source, str(path), "exec"), module.__dict__)  # as an import does
    every = [mutant(*change) for change in changes(module.slope.__code__)]
    found = []
    for one in every:
        with planted(one):
            found.append(module.slope(2))
    words = [one.words.rpartition(", ")[2] for one in every]
    outcomes = dict(zip(words, found, strict=True))
    assert outcomes["twice: return inner()"] == 24
    assert outcomes["Div in place: scale * x ** 2"] == 3 / 4
    assert outcomes["its left operand alone: x ** 2"] == 6
    assert outcomes["3 in place: 2"] == 24
    assert module.slope(2) == 12
