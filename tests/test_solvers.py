"""Minimisers against SciPy's minima, and what they say where there is nothing to find."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import LogisticRegression

from fnet import losses, serial
from fnet.core import NonTrainable
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import affine, squeeze, tanh
from fnet.solvers import (
    as_vector,
    bfgs,
    function,
    gauss_newton,
    lbfgs,
    least_squares,
    levenberg_marquardt,
    newton,
    newton_cg,
    nonlinear_cg,
    objective,
    solve,
    strong_wolfe,
    trust_region,
)
from fnet.solvers.interpolation import Trial, cubic, quadratic, secant
from fnet.solvers.looping import repeated
from fnet.solvers.objectives import dense
from fnet.solvers.outcomes import WORDS, length
from fnet.solvers.quasi_newton import pair

RNG = np.random.default_rng(0)
SOLVERS = [
    *(bfgs(), lbfgs(), lbfgs(memory=3), newton(), newton_cg(), trust_region()),
    *(nonlinear_cg("FR"), nonlinear_cg("PR+"), nonlinear_cg("HS"), levenberg_marquardt()),
]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def beale(x):
    return sum((y - x[0] * (1 - x[1] ** k)) ** 2 for k, y in ((1, 1.5), (2, 2.25), (3, 2.625)))


@pytest.mark.turns(4)
@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_the_minimum_is_found(solver):
    result = solve(solver, rosenbrock, jnp.array([-1.2, 1.0, 0.5]), tol=1e-8, max_steps=2000)
    np.testing.assert_allclose(result.params, 1, atol=1e-6)
    assert result.reason == WORDS[1]
    assert result.gradient <= 1e-8
    assert result.evaluations == result.history["evaluations"][-1]
    values = result.history["value"]
    assert (np.diff(values) <= 1e-14 * np.abs(values[:-1])).all()


@pytest.mark.turns(2)
@pytest.mark.parametrize(("solver", "method"), [(bfgs(), "BFGS"), (lbfgs(), "L-BFGS-B")], ids=repr)
def test_scipy_needs_no_fewer_evaluations(solver, method):
    ours = theirs = 0
    for f, start in ((rosenbrock, [-1.2, 1.0]), (rosenbrock, [0.0] * 8), (beale, [1.0, 1.0])):
        start, of_jax = np.array(start), jax.jit(jax.value_and_grad(f))
        ours += solve(solver, f, jnp.asarray(start), tol=1e-6).evaluations
        options = {"gtol": 1e-6} | ({"ftol": 0} if method == "L-BFGS-B" else {})
        theirs += scipy.optimize.minimize(
            lambda x, g=of_jax: tuple(map(np.asarray, g(x))),
            *(start,),
            jac=True,
            method=method,
            options=options,
        ).nfev
    assert ours <= theirs + 2  # summed over the 22 problems of the benchmark they are fewer


X = RNG.normal(size=(200, 3))
T = (X @ [1.0, -2.0, 0.5] + RNG.logistic(size=200) > 0).astype(float)
MODEL = serial(affine(1, l2=0.01), squeeze())
PARAMS = jax.tree.map(lambda leaf: leaf.astype(float), MODEL.init(jax.random.key(0), (3,))[0])
GOAL = objective(MODEL, losses.bce_with_logits(), jnp.asarray(X), jnp.asarray(T))
FLAT, START, RESTORE = as_vector(GOAL, PARAMS)


@pytest.mark.turns(3)
@pytest.mark.parametrize("solver", [newton(), gauss_newton(), levenberg_marquardt()], ids=repr)
def test_a_model_reaches_scikit_learn_s_optimum_in_a_few_steps(solver):
    result = solve(solver, GOAL, PARAMS, tol=1e-11)
    # Its penalty is ‖w‖² / 2C beside the sum over samples.
    theirs = LogisticRegression(C=1 / (2 * 0.01 * len(T)), tol=1e-12, max_iter=1000).fit(X, T)
    w, b = jax.tree.leaves(result.params)
    np.testing.assert_allclose(w.ravel(), theirs.coef_[0], rtol=1e-6)
    np.testing.assert_allclose(b, theirs.intercept_, rtol=1e-6)
    assert result.converged
    assert result.steps <= 12


def test_products_through_the_hand_written_backward_are_those_of_autodiff():
    def value(x):
        params = RESTORE(x)
        z = jnp.asarray(X) @ params[0].w[0] + params[0].b[0]
        loss = (jnp.logaddexp(0, z) - jnp.asarray(T) * z).mean()
        return loss + 0.01 * (params[0].w ** 2).sum()

    assert FLAT.gauss_newton is not None
    expected = jax.jit(jax.hessian(value))(START)
    np.testing.assert_allclose(FLAT.value_and_grad(START)[1], jax.grad(value)(START), rtol=1e-10)
    for products in (FLAT.hessian, FLAT.gauss_newton):  # of a linear model they are equal
        found = jax.jit(lambda x, products=products: dense(products(x), x))(START)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_gauss_newton_matrix_of_a_network_is_j_l_j():
    model = serial(affine(4), tanh(), affine(2))
    params = jax.tree.map(lambda p: p.astype(float), model.init(jax.random.key(1), (3,))[0])
    x, t = jnp.asarray(X[:20]), jnp.asarray(RNG.normal(size=(20, 2)))
    problem, start, restore = as_vector(objective(model, losses.mse(), x, t), params)
    J = jax.jacrev(lambda v: model.apply(restore(v), x).ravel())(start)
    assert problem.gauss_newton is not None
    found = jax.jit(lambda x: dense(problem.gauss_newton(x), x))(start)
    np.testing.assert_allclose(found, J.T @ J * 2 / t.size, rtol=1e-9, atol=1e-12)


@pytest.mark.turns(4)
@pytest.mark.parametrize("solver", [bfgs(), newton(), trust_region(), nonlinear_cg()], ids=repr)
def test_float32_ends_at_its_own_precision(solver):
    result = solve(solver, rosenbrock, jnp.array([-1.2, 1.0], jnp.float32), max_steps=2000)
    assert result.params.dtype == jnp.float32
    assert result.converged, result.reason
    np.testing.assert_allclose(result.params, 1, atol=2e-2)


def test_parameters_are_any_tree_and_what_is_not_trained_stays():
    def f(params):
        return ((params["a"] - params["fixed"].value) ** 2).sum() + (params["b"][0] - 1) ** 2

    params = {"a": jnp.ones((2, 2)), "b": (jnp.zeros(()),), "fixed": NonTrainable(jnp.array(3.0))}
    found = solve(lbfgs(), f, params).params
    np.testing.assert_allclose(found["a"], 3, rtol=1e-6)
    assert found["fixed"].value == 3
    assert found["b"][0].shape == ()


def test_other_data_compile_nothing():
    from fnet.solvers.running import _run

    def residuals(p, x):
        return p - x

    before = None
    for k in range(3):
        solve(levenberg_marquardt(), least_squares(residuals, jnp.arange(3.0) + k), jnp.zeros(3))
        assert before in (None, _run._cache_size())
        before = _run._cache_size()


def indefinite(x):
    return x[0] ** 2 - x[1] ** 2


def hole(x):
    return jnp.where(x[0] > 0.5, jnp.nan, -x[0])


def wrong_gradient(x):
    return x @ x, -2 * x


BAD = {  # what is minimised, from where, by what, the reason, the best point
    "NaN at the start": (lambda x: jnp.log(x).sum(), [-1.0], bfgs(), "not finite", [-1.0]),
    "infinite": (lambda x: 1 / x[0], [0.0], newton(), "not finite", [0.0]),
    "NaN in the gradient": (lambda x: jnp.sqrt(x[0] ** 2), [0.0], lbfgs(), None, [0.0]),
    "a saddle": (indefinite, [1.0, 0.0], newton(search=strong_wolfe()), "indefinite", [0.0, 0.0]),
    "a line": (lambda x: x.sum(), [1.0, 2.0], lbfgs(), "unbounded", None),
    "a line in a region": (lambda x: x.sum(), [1.0, 2.0], trust_region(), "unbounded", None),
    "a cubic": (lambda x: (x**3).sum(), [1.0, -0.7], bfgs(), "unbounded", None),
    "a slope in a valley": (lambda x: x[0] ** 2 + x[1], [0.3, 0.0], newton_cg(), "unbounded", None),
    "no bound": (lambda x: -(x @ x), [1.0], newton(), "unbounded", None),
    "no bound, damped": (lambda x: -(x @ x), [1.0], levenberg_marquardt(), "unbounded", None),
    "a kink": (lambda x: jnp.abs(x).sum(), [1.0, 2.3], bfgs(), "no descent", None),
    "no descent": (
        function(wrong_gradient, with_gradient=True),
        *([1.0, 2.0], bfgs(), "no descent", [1.0, 2.0]),
    ),
    "a line, damped": (lambda x: x.sum(), [1.0, 2.0], gauss_newton(0.001), "unbounded", None),
    "a saddle, damped": (indefinite, [1.0, 0.0], gauss_newton(0.001), "indefinite", [0.0, 0.0]),
    "a saddle, undamped": (indefinite, [1.0, 0.0], gauss_newton(), "indefinite", [0.0, 0.0]),
    **{
        f"no descent by {solver}": (
            function(wrong_gradient, with_gradient=True),
            *([1.0, 2.0], solver, "no descent", [1.0, 2.0]),
        )
        for solver in (trust_region(), levenberg_marquardt(), gauss_newton(0.001))
    },
    "a singular Jacobian": (
        least_squares(lambda p: jnp.stack([p[0] + p[1], p[0] + p[1] - 2])),
        *([3.0, 4.0], gauss_newton(), "singular", [3.0, 4.0]),
    ),
    "a hole": (hole, [0.0], bfgs(), "edge", None),
    "a hole, by curvature": (hole, [0.0], newton_cg(), "edge", None),
    "a hole in a region": (hole, [0.0], trust_region(), "edge", None),
}


@pytest.mark.parametrize("name", BAD)
def test_each_ends_with_a_reason_and_the_best_point(name):
    f, start, solver, reason, best = BAD[name]
    start = jnp.array(start)
    result = solve(solver, f, start, max_steps=200)
    assert reason is None or result.reason.startswith(reason), result.reason
    if best is not None:
        np.testing.assert_allclose(result.params, best, atol=1e-8)
    assert jnp.isfinite(result.params).all()
    if reason == "unbounded":
        assert result.value < -1e150
        assert not result.converged
    if reason == "edge":  # as far as that
        assert not result.converged
        assert 0.4 < result.params[0] <= 0.5


@pytest.mark.parametrize("solver", [levenberg_marquardt(), gauss_newton(damping=1e-3)], ids=repr)
def test_a_singular_jacobian_is_no_obstacle_to_a_damped_step(solver):
    goal = least_squares(lambda p: jnp.stack([p[0] + p[1] - 1, 2 * (p[0] + p[1]) - 2]))
    result = solve(solver, goal, jnp.array([3.0, 4.0]))
    assert result.converged
    np.testing.assert_allclose(result.params.sum(), 1, atol=1e-6)


def of_residuals(p, A, b):
    return A @ p - b


def of_their_squares(p, A, b):
    return ((A @ p - b) ** 2).sum() / 2


@pytest.mark.parametrize(
    ("make", "f", "tol"),
    [
        (least_squares, of_residuals, 0.0),
        (least_squares, of_residuals, 1e-8),
        (function, of_their_squares, 1e-8),
    ],
)
def test_nothing_moves_along_the_null_space_of_a_jacobian(make, f, tol):
    """Two sums, of which three parameters are told apart by none: NumPy's step of least norm."""
    A = jnp.array([[1.0, 1.0, 0.0, 2.0], [0.0, 0.0, 1.0, 0.3], [1.0, 1.0, 1.0, 2.3]])
    start = jnp.array([0.3, -5.0, 2.0, 0.1])
    goal = make(f, A, A @ jnp.array([1.0, 2.0, 3.0, 4.0]))
    result = solve(levenberg_marquardt(), goal, start, tol=tol, max_steps=200)
    scale = np.linalg.norm(A, axis=0)  # the norm is that of D p
    right = np.asarray(A @ (jnp.array([1.0, 2.0, 3.0, 4.0]) - start))
    step = np.linalg.lstsq(A / scale, right, rcond=1e-12)[0] / scale
    np.testing.assert_allclose(result.params, start + step, atol=1e-7)
    assert result.converged


@pytest.mark.parametrize("solver", [bfgs(), newton(), levenberg_marquardt()], ids=repr)
def test_where_nothing_moves_nothing_happens(solver):
    """No parameters, in a tree or an array; and residuals of which there are none."""
    for nothing in ({}, jnp.zeros((0, 3))):
        result = solve(
            solver, lambda p: sum((x**2).sum() for x in jax.tree.leaves(p)) + 1.0, nothing
        )
        assert (result.value, result.steps, result.converged) == (1.0, 0, True)
    goal = least_squares(lambda p: p[:0])
    result = solve(solver, goal, jnp.ones(2))
    np.testing.assert_array_equal(result.params, 1)


def test_a_saddle_is_left_along_its_negative_curvature():
    result = solve(trust_region(), lambda x: indefinite(x) + x[1] ** 4, jnp.array([1.0, 1e-6]))
    np.testing.assert_allclose(np.abs(result.params), [0, np.sqrt(0.5)], atol=1e-6)


def test_a_trust_region_does_not_drift_along_a_null_space():
    """The gradient vanishes along a line, and what there is along it is rounding."""
    result = solve(trust_region(), lambda x: (x.sum() - 2) ** 4, jnp.array([0.0, 1.5]))
    np.testing.assert_allclose(result.params[1] - result.params[0], 1.5, atol=1e-9)
    assert result.converged


def test_steps_are_counted_and_can_be_used_up():
    result = solve(nonlinear_cg(), rosenbrock, jnp.array([-1.2, 1.0]), max_steps=3)
    assert (result.steps, result.converged) == (3, False)
    assert result.reason.startswith("most steps")


def test_a_loop_carries_scalars_together():
    begin = {
        "k": jnp.int32(0),
        "x": jnp.ones(3, jnp.float32),
        "f": (jnp.float32(-0.0), jnp.float32(jnp.inf)),
        "on": jnp.array(True),
        "key": jax.random.key(0),
        "seen": jnp.int32(7),
    }

    def once(at):
        changed = {"k": at["k"] + 1, "x": -at["x"], "f": (2 * at["f"][0], at["x"].sum())}
        key = jax.random.split(at["key"])[0]
        # What does not change is carried by neither.
        return {**changed, "on": at["on"] & (at["k"] < 9), "key": key, "seen": at["seen"] + 1}

    def run(loop):
        return jax.jit(lambda at: loop(lambda at: at["on"] & (at["k"] < 3), once, at))

    expected, found = run(jax.lax.while_loop)(begin), run(repeated)(begin)
    keys = expected.pop("key"), found.pop("key")
    assert jax.random.key_data(keys[0]).tolist() == jax.random.key_data(keys[1]).tolist()
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert np.signbit(found["f"][0])
    carried = [
        len(eqn.outvars)
        for eqn in jax.make_jaxpr(run(repeated))(begin).jaxpr.eqns[0].params["jaxpr"].eqns
        if eqn.primitive.name == "while"
    ]
    assert carried == [5]  # x, the key, and the scalars of three dtypes


def test_cubics_and_parabolas_are_minimised_where_they_are_least():
    def trial(f, t):
        return Trial(*(jnp.asarray(v) for v in (t, f(t), jax.grad(f)(t))))

    def f(t):
        return t**3 - 3 * t  # least at 1

    np.testing.assert_allclose(cubic(trial(f, 0.2), trial(f, 2.5)), 1)
    np.testing.assert_allclose(cubic(trial(f, 2.5), trial(f, 0.2)), 1)
    assert jnp.isnan(cubic(trial(lambda t: t**3 + t, 0.0), trial(lambda t: t**3 + t, 1.0)))

    def g(t):
        return 3 * (t - 0.7) ** 2

    np.testing.assert_allclose(quadratic(trial(g, 0.0), trial(g, 2.0)), 0.7)
    np.testing.assert_allclose(secant(trial(g, 0.0), trial(g, 2.0)), 0.7)


@pytest.mark.turns(2)
@pytest.mark.parametrize("curvature", [0.1, 0.9])
def test_a_line_search_ends_where_both_of_wolfe_s_conditions_hold(curvature):
    for scale in (1e-3, 1.0, 1e3):

        def f(x, scale=scale):
            return (jnp.cos(x[0]) + 0.05 * x[0] ** 2) * scale

        problem, x, _ = as_vector(function(f), jnp.array([1.0]))
        value, grad = problem.value_and_grad(x)
        find = strong_wolfe(curvature=curvature).find
        found = find(problem, x, value, grad, -grad / scale, jnp.asarray(0.01))
        slope = -(grad @ grad) / scale
        assert found.ok
        assert found.value <= value + 1e-4 * found.step * slope
        assert abs(found.grad @ (-grad / scale)) <= -curvature * slope


def test_a_line_search_ends_where_the_value_has_fallen_without_bound():
    problem, x, _ = as_vector(function(lambda x: -x.sum()), jnp.zeros(1))
    value, grad = problem.value_and_grad(x)
    found = strong_wolfe().find(problem, x, value, grad, -grad, jnp.asarray(1.0))
    assert -1e200 < found.value < -1e154  # and not as far as numbers go
    assert found.ok


def test_the_curvature_that_lbfgs_learns_is_that_at_the_end_of_a_step():
    """Of a cubic, whose curvature changes along the step; where values are rounding, the mean."""

    def at(x, offset=0.0):
        problem, x, _ = as_vector(function(lambda x: (x**3).sum() + offset), jnp.array([x]))
        value, grad = problem.value_and_grad(x)
        return lbfgs().init_state(x)._replace(value=value, grad=grad)

    for begin, end in ((1.0, 3.0), (3.0, 1.5), (0.5, 0.4)):
        s, y = pair(at(begin), at(end))
        np.testing.assert_allclose(y / s, 6 * end, rtol=1e-12)
    units = jnp.array([1e-3, 1e6])  # y is along the change of the gradient, in any units

    def wide(x):
        problem, x, _ = as_vector(function(lambda x: ((x / units) ** 3).sum()), x * units)
        value, grad = problem.value_and_grad(x)
        return lbfgs().init_state(x)._replace(value=value, grad=grad)

    s, y = pair(wide(jnp.array([1.0, 2.0])), wide(jnp.array([3.0, 2.5])))
    np.testing.assert_allclose(y * units / (y * units)[0], [1, (18.75 - 12) / 24], rtol=1e-12)
    for begin, end, offset in ((1.0, 3.0, 1e20), (3.0, 0.5, 0.0)):  # the latter: too much less
        s, y = pair(at(begin, offset), at(end, offset))
        np.testing.assert_allclose(y / s, 3 * (begin + end), rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lbfgs(memory=0), ConfigurationError, "lbfgs: memory is 0"),
        (lambda: nonlinear_cg("DY"), ConfigurationError, "formula is 'DY'; it must be one of"),
        (lambda: strong_wolfe(0.2, 0.1), ConfigurationError, "curvature is 0.1"),
        (lambda: solve(lbfgs, rosenbrock, jnp.zeros(2)), ConfigurationError, "must be one: lbfgs"),
        (lambda: solve(lbfgs(), lambda x: x, jnp.zeros(2)), ShapeError, "sum it, or take least_sq"),
        (lambda: solve(lbfgs(), rosenbrock, jnp.arange(3)), ShapeError, "cast it, or wrap it"),
        (
            lambda: objective(MODEL, losses.bce("none"), X, T),
            *(ConfigurationError, "one number is minimised"),
        ),
    ],
)
def test_what_cannot_be_done_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e38])
def test_the_length_of_a_gradient_neither_overflows_nor_vanishes(scale):
    v = jnp.array([1.5, 2.0], jnp.float32) * jnp.float32(scale)
    np.testing.assert_allclose(length(v) / np.float32(scale), 2.5, rtol=1e-6)


@pytest.mark.parametrize("solver", [bfgs(), lbfgs()], ids=repr)
def test_a_first_step_far_too_long_for_float32_is_no_end(solver):
    unit, goal = 1e12, jnp.array([3.0, -2.0], jnp.float32)
    result = solve(solver, lambda x: ((x * unit - goal) ** 2).sum(), jnp.zeros(2, jnp.float32))
    np.testing.assert_allclose(result.params * np.float32(unit), goal, rtol=1e-5)
