"""Linear systems, linear models, sampling, search and constraints, against known solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from fnet.errors import ConfigurationError, ShapeError
from fnet.solvers import (
    admm,
    annealing,
    augmented_lagrangian,
    box,
    cg,
    cholesky,
    consensus,
    coordinate_descent,
    explore,
    fit_linear,
    gauss_seidel,
    genetic,
    hmc,
    jacobi,
    l1_norm,
    langevin,
    linear_solve,
    lu,
    metropolis_hastings,
    pcg,
    primal_dual,
    qr,
    sample,
    separable,
    sor,
    split_solve,
    squared_distance,
    squares,
)

RNG = np.random.default_rng(0)
M = RNG.normal(size=(6, 6))
SPD = M @ M.T / 6 + 6 * np.eye(6)  # diagonally dominant too
B = RNG.normal(size=6)
METHODS = [lu(), qr(), cholesky(), jacobi(), gauss_seidel(), sor(1.2), cg(), pcg()]


@pytest.mark.turns(2)
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_system_is_solved(method):
    result = linear_solve(method, SPD, B, tol=1e-12)
    np.testing.assert_allclose(result.x, np.linalg.solve(SPD, B), rtol=1e-10)
    assert result.converged
    assert len(result.history) == result.steps + 1
    assert result.residual <= 1e-12


@pytest.mark.parametrize(("of_a", "of_b"), [(1, 1e-25), (1, 1e25), (1e-25, 1e-25), (1e25, 1e25)])
@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_a_system_of_numbers_whose_squares_are_out_of_range_is_solved(method, of_a, of_b):
    a, b = np.float32(of_a) * np.float32(SPD), np.float32(of_b) * np.float32(B)
    result = linear_solve(method, a, b, np.full(6, of_b / of_a, np.float32))
    exact = np.linalg.solve(np.float64(a), np.float64(b))
    np.testing.assert_allclose(np.float64(result.x), exact, atol=1e-3 * np.abs(exact).max())
    assert result.converged
    assert 0 < result.residual < 1e-3


def test_over_relaxation_is_its_formula_entry_by_entry():
    x, omega = np.zeros(6), 1.3
    for i in range(6):
        x[i] += omega * (B[i] - SPD[i] @ x) / SPD[i, i]
    found = linear_solve(sor(omega), SPD, B, max_steps=1, tol=0.0)
    np.testing.assert_allclose(found.x, x, rtol=1e-12)
    assert found.reason.startswith("most steps")


def test_conjugate_gradients_take_as_many_steps_as_there_are_eigenvalues():
    A = np.diag([1.0, 1, 1, 5, 5, 9])
    assert linear_solve(cg(), lambda v: jnp.asarray(A) @ v, B, tol=1e-12).steps == 3
    exact = linear_solve(
        pcg(), lambda v: jnp.asarray(A) @ v, B, precondition=lambda r: r / A.diagonal()
    )
    assert exact.steps == 1


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
CANNOT = [  # a method, a matrix that it cannot solve, and the reason
    (jacobi(), [[1.0, 3.0], [3.0, 1.0]], "diverged"),
    (gauss_seidel(), [[1.0, 3.0], [3.0, 1.0]], "diverged"),
    (jacobi(), [[0.0, 1.0], [1.0, 1.0]], "singular"),
    (sor(), [[0.0, 1.0], [1.0, 1.0]], "singular"),
    (cg(), [[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
    (pcg(), [[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
    (cholesky(), [[1.0, 2.0], [2.0, 1.0]], "not positive definite"),
    (cholesky(), [[2.0, 1.0], [-1.0, 2.0]], "not positive definite"),  # of its lower half it is
    (lu(), SINGULAR, "singular"),
    (qr(), SINGULAR, "singular"),
    (lu(), [[np.nan, 1.0], [1.0, 1.0]], "not finite"),
    (cg(), [[np.nan, 1.0], [1.0, 1.0]], "not finite"),
]


@pytest.mark.turns(2)
@pytest.mark.parametrize(("method", "A", "reason"), CANNOT)
def test_what_cannot_be_solved_is_said(method, A, reason):
    result = linear_solve(method, np.array(A), np.array([1.0, -1.0]))
    assert result.reason.startswith(reason)
    assert not result.converged


def test_the_best_point_of_an_iteration_that_diverges_is_kept():
    A, start = np.array([[1.0, 3.0], [3.0, 1.0]]), np.array([0.4, 0.2])
    result = linear_solve(jacobi(), A, np.ones(2), start)
    np.testing.assert_array_equal(result.x, start)
    assert result.residual == result.history.min() == result.history[0]


N, D = 60, 8
X = RNG.normal(size=(N, D)) + 1.0
Y = X @ np.where(np.arange(D) < 3, 2.0, 0.0) + 3 + RNG.normal(size=N)
LABELS = (np.median(Y) < Y).astype(float)
WIDE, WIDE_Y = RNG.normal(size=(20, 40)), RNG.normal(size=20)


def sklearn(model, x, y):
    fitted = model.fit(x, y)
    return fitted.coef_.ravel(), np.ravel(fitted.intercept_)[0]


LINEAR = {
    "lasso": (
        coordinate_descent(l1=0.2),
        *(X, Y, lambda: sklearn(Lasso(alpha=0.2, tol=1e-14, max_iter=10**5), X, Y)),
    ),
    "elastic net": (
        coordinate_descent(l1=0.1, l2=0.3),
        *(X, Y, lambda: sklearn(ElasticNet(alpha=0.4, l1_ratio=0.25, tol=1e-14), X, Y)),
    ),
    "ridge": (
        coordinate_descent(l2=0.5),
        *(X, Y, lambda: sklearn(Ridge(alpha=0.5 * N), X, Y)),
    ),
    "without intercept": (
        coordinate_descent(l1=0.2, intercept=False),
        *(X, Y, lambda: sklearn(Lasso(alpha=0.2, tol=1e-14, fit_intercept=False), X, Y)),
    ),
    "more columns than rows": (
        coordinate_descent(l1=0.1),
        *(WIDE, WIDE_Y),
        lambda: sklearn(Lasso(alpha=0.1, tol=1e-14, max_iter=10**5), WIDE, WIDE_Y),
    ),
    "logistic, lasso": (
        coordinate_descent(l1=0.05, loss="logistic"),
        *(X, LABELS),
        lambda: sklearn(
            LogisticRegression(
                C=20 / N, l1_ratio=1.0, solver="saga", tol=1e-10, max_iter=10**5, random_state=0
            ),
            *(X, LABELS),
        ),
    ),
    "logistic, ridge": (
        coordinate_descent(l2=0.1, loss="logistic"),
        *(X, LABELS),
        lambda: sklearn(LogisticRegression(C=10 / N, tol=1e-12, max_iter=10**4), X, LABELS),
    ),
}


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_are_scikit_learn_s(name):
    method, x, y, reference = LINEAR[name]
    fitted = fit_linear(method, x, y, max_steps=20_000)
    w, b = reference()
    np.testing.assert_allclose(fitted.w, w, atol=1e-8 if "logistic" not in name else 1e-6)
    np.testing.assert_allclose(fitted.intercept, b, atol=1e-7 if "logistic" not in name else 1e-5)
    assert fitted.converged
    assert -1e-12 < fitted.gap < 1e-9


ODD = np.array([[4, 1], [1, 3]])


@pytest.mark.parametrize("dtype", [np.int32, np.float16, jnp.bfloat16, np.float32])
@pytest.mark.parametrize("method", [lu(), cg()], ids=repr)
def test_a_system_of_whole_or_narrow_numbers_is_solved(method, dtype):
    result = linear_solve(method, jnp.asarray(ODD, dtype), jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(result.x, [1 / 11, 7 / 11], rtol=1e-6)
    assert result.converged


def test_other_methods_take_whole_numbers_too():
    fitted = fit_linear(coordinate_descent(), np.array([[0], [1]]), np.array([True, False]))
    np.testing.assert_allclose((fitted.w[0], fitted.intercept), (-1, 1))
    near = split_solve(admm(), l1_norm(1.0), squared_distance(np.array([3])), np.array([0]))
    np.testing.assert_allclose(near.x, [2.0], atol=1e-6)
    for method in (lu(), cg()):
        nothing = linear_solve(method, jnp.zeros((0, 0)), jnp.zeros(0))
        assert (nothing.x.shape, nothing.converged) == ((0,), True)


@pytest.mark.parametrize("columns", [2, 80])
@pytest.mark.parametrize("loss", ["squares", "logistic"])
def test_columns_whose_squares_vanish_are_told(loss, columns):
    x = np.float32(RNG.normal(size=(20, columns)))
    found = [
        fit_linear(coordinate_descent(l2=1e-3, loss=loss), scale * x, np.float32(x[:, 0] > 0))
        for scale in np.float32([1e-25, 1e-15])
    ]
    assert [one.reason.startswith("out of range") for one in found] == [True, False]
    assert not found[0].converged


@pytest.mark.parametrize("loss", ["squares", "logistic"])
@pytest.mark.parametrize("place", ["x", "t"])
@pytest.mark.parametrize("shape", [(20, 40), (20, 3)])
def test_what_is_not_a_number_is_no_solution(loss, place, shape):
    x, t = jnp.asarray(RNG.normal(size=shape)), jnp.arange(20.0) % 2
    x, t = (x.at[0, 0].set(jnp.nan), t) if place == "x" else (x, t.at[0].set(jnp.nan))
    fitted = fit_linear(coordinate_descent(l1=0.1, loss=loss), x, t, max_steps=20)
    assert not fitted.converged
    assert fitted.reason.startswith("not finite")


def test_the_gap_bounds_how_far_a_value_is_from_the_least():
    for loss, y in (("squares", Y), ("logistic", LABELS)):
        for method in (coordinate_descent(l1=0.05, loss=loss, intercept=False),):
            least = fit_linear(method, X, y, max_steps=20_000)
            early = fit_linear(method, X, y, max_steps=2)
            assert 0 < early.value - least.value <= early.gap
            assert early.reason.startswith("most steps")


TERMS = {
    "l1_norm": l1_norm(0.7),
    "squared_distance": squared_distance(RNG.normal(size=4), 1.5),
    "squares, tall": squares(RNG.normal(size=(9, 4)), RNG.normal(size=9)),
    "squares, wide": squares(RNG.normal(size=(3, 4)), RNG.normal(size=3)),
    "box": box(-0.5, 1.0),
    "x >= 0": box(),
}


@pytest.mark.parametrize("name", TERMS)
def test_a_proximal_operator_and_a_conjugate_are_those_of_the_value(name):
    """p = prox(v) if and only if (v − p) / t is a subgradient y at p: f(p) + f*(y) = pᵀy."""
    term = TERMS[name]
    for t in (0.3, 2.0):
        for v in 2 * RNG.normal(size=(3, 4)):
            p = term.prox(t)(jnp.asarray(v))
            y = (v - p) / t
            np.testing.assert_allclose(term.fits(y), 1, rtol=1e-12)
            np.testing.assert_allclose(term.value(p) + term.conjugate(y), p @ y, atol=1e-9)


def test_a_conjugate_is_finite_as_far_as_is_said():
    y = jnp.array([1.0, -4.0])
    assert l1_norm(2.0).fits(y) == 0.5
    assert [float(term.fits(y)) for term in (box(-1, 1), box(), box(-jnp.inf, 0))] == [1, 0, 0]
    assert box().fits(-jnp.abs(y)) == 1


def test_admm_finds_the_lasso_of_coordinate_descent():
    found = split_solve(admm(), squares(X, Y), l1_norm(0.2), jnp.zeros(D))
    fitted = fit_linear(coordinate_descent(l1=0.2, intercept=False), X, Y)
    np.testing.assert_allclose(found.x, fitted.w, atol=1e-8)
    assert abs(found.gap) < 1e-8
    np.testing.assert_allclose(found.value, fitted.value, rtol=1e-10)


def test_workers_agree_on_the_regression_of_all_rows():
    parts, targets = X.reshape(3, -1, D), Y.reshape(3, -1)
    workers = separable(squares, jnp.asarray(parts), jnp.asarray(targets))
    found = split_solve(admm(), workers, consensus(), jnp.zeros((3, D)))
    np.testing.assert_allclose(found.x, np.tile(np.linalg.lstsq(X, Y)[0], (3, 1)), atol=1e-7)


def test_the_primal_dual_method_closes_the_gap():
    signal = jnp.asarray(np.repeat([0.0, 2.0, -1.0], 8) + 0.3 * RNG.normal(size=24))
    smooth = split_solve(primal_dual(), l1_norm(0.5), squared_distance(signal), signal, jnp.diff)
    assert smooth.converged
    assert -1e-12 < smooth.gap < 1e-8

    # The dual is a least squares within bounds: minimise ½ ‖Dᵀy − b‖² for |y| ≤ λ.
    differences = np.diff(np.eye(24), axis=0)
    dual = scipy.optimize.lsq_linear(differences.T, signal, (-0.5, 0.5), tol=1e-14).x
    np.testing.assert_allclose(smooth.x, signal - differences.T @ dual, atol=1e-6)


def test_least_squares_above_zero_by_the_primal_dual_method_are_scipy_s():
    A, b = RNG.normal(size=(12, 5)), RNG.normal(size=12)
    found = split_solve(primal_dual(), squared_distance(b), box(), jnp.zeros(5), A)
    np.testing.assert_allclose(found.x, scipy.optimize.nnls(A, b)[0], atol=1e-7)


@pytest.mark.parametrize("method", [admm(), primal_dual()], ids=repr)
def test_boxes_that_do_not_meet_have_no_solution(method):
    found = split_solve(method, box(2.0, 3.0), box(0.0, 1.0), jnp.zeros(2), max_steps=500)
    assert not found.converged  # though x and y rest for one step


def test_constraints_of_both_kinds_hold_at_scipy_s_optimum():
    def f(x):
        return (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2 + x[2] ** 4

    def equal(x):
        return x[0] * x[2] - 0.5

    def least(x):
        return jnp.stack([2 - x.sum(), x[0]])

    found = augmented_lagrangian(f, jnp.ones(3), equal=equal, least=least)
    constraints = [{"type": "eq", "fun": equal}, {"type": "ineq", "fun": least}]
    theirs = scipy.optimize.minimize(
        *(lambda x: float(f(x)), np.ones(3)), constraints=constraints, options={"ftol": 1e-12}
    )
    np.testing.assert_allclose(found.params, theirs.x, atol=1e-4)
    assert found.converged
    assert found.violation < 1e-7
    # Stationary: ∇f + ∇c λ − ∇d μ = 0.
    x = found.params
    balance = jax.grad(f)(x) + found.equal @ jax.jacfwd(equal)(x)[None]
    np.testing.assert_allclose(balance - found.least @ jax.jacfwd(least)(x), 0, atol=1e-5)


UNITS = {  # f and a constraint that can be met, each of its own size; the solution
    "a large f": (lambda x: 1e8 * ((x - 1) ** 2).sum(), lambda x: x.sum() - 1, 0.5, 1e-6),
    "a small c": (lambda x: ((x - 1) ** 2).sum(), lambda x: 1e-6 * (x.sum() - 1), 0.5, 0.01),
    "no multiplier": (lambda x: x.sum(), lambda x: x**2, 0.0, 2e-4),  # of x² = 0
}


@pytest.mark.parametrize("name", UNITS)
def test_constraints_that_can_be_met_are_not_called_contradictory(name):
    f, equal, solution, near = UNITS[name]
    result = augmented_lagrangian(f, jnp.array([0.25, 0.0]), equal=equal)
    assert result.converged, result.reason
    np.testing.assert_allclose(result.params, solution, atol=near)


def test_constraints_that_contradict_each_other_are_told():
    found = augmented_lagrangian(
        lambda x: x @ x, jnp.ones(1), equal=lambda x: jnp.stack([x[0], x[0] - 1])
    )
    assert found.reason.startswith("infeasible")
    assert augmented_lagrangian(lambda x: jnp.log(x[0]), -jnp.ones(1)).reason[:10] == "not finite"
    found = augmented_lagrangian(lambda x: x[0], jnp.ones(2), equal=lambda x: x[1] - 1)
    assert found.reason.startswith("unbounded")
    assert not found.converged


CORRELATED = np.array([[2.0, 0.8], [0.8, 1.0]])
PRECISION = np.linalg.inv(CORRELATED)
TARGETS = {  # log density, means and variances of x and of x²
    "Gaussian": (lambda x: -x @ PRECISION @ x / 2, [0, 0], [2, 1]),
    "exponential": (lambda x: jnp.where((x > 0).all(), -x.sum(), -jnp.inf), [1, 1], [1, 1]),
    "mixture": (  # at −2 and 2, of variance 1 each
        lambda x: jnp.logaddexp(-((x - 2) ** 2) / 2, -((x + 2) ** 2) / 2).sum(),
        *([0, 0], [5, 5]),
    ),
}
SAMPLERS = [metropolis_hastings(1.5), langevin(0.9), hmc(0.3, leaps=5)]


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_moments_are_within_their_monte_carlo_error(sampler, name):
    log_density, mean, variance = TARGETS[name]
    start = jnp.ones((200, 2)) * jnp.where(jnp.arange(200) % 2, 1, -1)[:, None]
    start = jnp.abs(start) if name == "exponential" else start
    draws = sample(sampler, log_density, start, jax.random.key(1), steps=600, warm_up=200)
    assert 0.1 < draws.accepted < 1
    # Chains are independent, and so the error of their means is seen in their spread.
    for power, truth in ((1, mean), (2, np.add(variance, np.square(mean)))):
        means = np.asarray((draws.x**power).mean(0))
        error = means.std(0, ddof=1) / np.sqrt(len(means))
        assert (np.abs(means.mean(0) - truth) < 4 * error).all()
        assert (error < 0.1).all()
    if name == "Gaussian":
        np.testing.assert_allclose(np.cov(draws.x.reshape(-1, 2).T), CORRELATED, atol=0.15)


def test_equal_keys_give_equal_samples_and_others_do_not():
    def draw(seed):
        key = jax.random.key(seed)
        return sample(metropolis_hastings(1.0), lambda x: -(x @ x), jnp.ones((2, 1)), key, steps=9)

    np.testing.assert_array_equal(draw(0).x, draw(0).x)
    assert (np.asarray(draw(0).x) != np.asarray(draw(1).x)).any()


def ackley(x):
    peak = 20 * jnp.exp(-0.2 * jnp.sqrt(jnp.mean(x**2)))
    return 20 + jnp.e - peak - jnp.exp(jnp.mean(jnp.cos(2 * jnp.pi * x)))


@pytest.mark.turns(2)
@pytest.mark.parametrize("method", [genetic(), annealing(3.0, cooling=0.985)], ids=repr)
def test_the_least_of_many_minima_is_found_without_a_gradient(method):
    key = jax.random.key(0)
    x = jax.random.uniform(key, (100, 2), minval=-5.0, maxval=5.0)
    found = explore(method, lambda x: jnp.where(x[0] > 4, jnp.nan, ackley(x)), x, key, steps=500)
    assert found.value < 0.05
    np.testing.assert_allclose(found.x, 0, atol=0.05)
    assert (np.diff(found.history) <= 0).all()
    assert found.history[0] == np.nanmin([ackley(row) for row in x])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sor(2.0), ConfigurationError, "sor: omega is 2.0"),
        (lambda: linear_solve(cg(), np.ones((2, 3)), B), ShapeError, r"A is \(2, 3\)"),
        (lambda: linear_solve(lu(), 1j * SPD, B), ShapeError, "A is complex128; it must be float"),
        (lambda: linear_solve(lu(), lambda v: v, B), ConfigurationError, "needs the matrix A"),
        (lambda: linear_solve(pcg(), lambda v: v, B), ConfigurationError, "needs the matrix A"),
        (lambda: coordinate_descent(l1=-1), ConfigurationError, "l1 is -1"),
        (lambda: coordinate_descent(loss="hinge"), ConfigurationError, "loss is 'hinge'"),
        (lambda: fit_linear(coordinate_descent(), X, Y[:3]), ShapeError, r"t \(3,\)"),
        (lambda: hmc(0.0), ConfigurationError, "hmc: step is 0.0"),
        (
            lambda: sample(hmc(1.0), lambda x: x, jnp.ones(2), jax.random.key(0), steps=1),
            *(ShapeError, r"\(chains, n\)"),
        ),
        (
            lambda: explore(genetic(), lambda x: x, jnp.ones(2), jax.random.key(0), steps=1),
            *(ShapeError, r"\(m, n\)"),
        ),
        (lambda: annealing(0.0), ConfigurationError, "temperature is 0.0"),
        (lambda: admm(relaxation=2.0), ConfigurationError, "relaxation is 2.0"),
        (lambda: squares(X, Y[:2]), ShapeError, r"b \(2,\)"),
        (
            lambda: split_solve(
                admm(), l1_norm(1.0), squares(X, Y), jnp.zeros(X.shape[1]), 0.1 * X
            ),
            *(ConfigurationError, r"admm: f\(K x\) has a K"),
        ),
        (lambda: box(2.0, 1.0), ConfigurationError, "nothing is between them"),
        (
            lambda: fit_linear(coordinate_descent(loss="logistic"), X, -jnp.ones(len(X))),
            *(ShapeError, "for a logistic loss it is 0 or 1"),
        ),
    ],
)
def test_what_is_wrong_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call()
