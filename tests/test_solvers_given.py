"""What solvers are given and cannot take is refused in words, before anything is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import losses
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import affine
from fnet.solvers import (
    admm,
    annealing,
    as_vector,
    augmented_lagrangian,
    box,
    cg,
    consensus,
    coordinate_descent,
    explore,
    fit_linear,
    function,
    genetic,
    hmc,
    l1_norm,
    lbfgs,
    least_squares,
    linear_solve,
    lu,
    metropolis_hastings,
    objective,
    pcg,
    primal_dual,
    sample,
    separable,
    solve,
    split_solve,
    squared_distance,
    squares,
    words,
)

KEY, ONE, TWO, THREE = jax.random.key(0), jnp.ones(1), jnp.ones(2), jnp.ones(3)
A = jnp.array([[4.0, 1.0], [1.0, 3.0]])
L1, NEAR, PAIR = l1_norm(1.0), squared_distance(THREE), {"a": THREE, "b": TWO}


def square(x):
    return (x**2).sum()


def split(f, g, x, K=None, method=None, **more):
    return lambda: split_solve(method or primal_dual(), f, g, x, K, **more)


def linear(A, b=TWO, x=None, method=None, **more):
    return lambda: linear_solve(method or cg(), A, b, x, **more)


def minimise(f, params=TWO, solver=None, **more):
    return lambda: solve(solver or lbfgs(), f, params, **more)


def of_pair(gradient):
    return lambda: solve(lbfgs(), function(lambda p: (1.0, gradient), with_gradient=True), PAIR)


def constrained(f=square, params=TWO, **more):
    return lambda: augmented_lagrangian(f, params, **more)


def draw(density, x=A, sampler=None, key=KEY):
    return lambda: sample(sampler or metropolis_hastings(1.0), density, x, key, steps=1)


def look(f, explorer=None, key=KEY):
    return lambda: explore(explorer or genetic(), f, A, key, steps=1)


SHAPES = {
    "K, columns": (split(NEAR, L1, THREE, jnp.ones((2, 4))), r"K is \(2, 4\) and x \(3,\)"),
    "K, rows": (split(NEAR, L1, THREE, jnp.ones((2, 3))), r"f of K x does not take \(2,\)"),
    "K, axes": (split(NEAR, L1, THREE, THREE), r"K is \(3,\) and x \(3,\)"),
    "K, complex": (split(NEAR, L1, THREE, jnp.eye(3, dtype=complex)), "K is complex128"),
    "K, pair": (split(NEAR, L1, THREE, lambda x: (x, x)), r"K\(x\) is a tuple"),
    "K, function": (split(NEAR, L1, THREE, jnp.diff), r"f of K x does not take \(2,\)"),
    "x": (split(NEAR, L1, jnp.ones(4)), r"f does not take \(4,\)"),
    "x, one": (split(NEAR, L1, ONE), r"f is one of \(3,\), and got \(1,\)"),
    "x, word": (split(NEAR, L1, "x"), "x is 'x'; it must be an array of numbers"),
    "x, dict": (split(NEAR, L1, PAIR), "it must be an array of numbers"),
    "x, none": (split(NEAR, L1, None), "x is None"),
    "g": (split(L1, squares(jnp.eye(3), THREE), TWO, method=admm()), r"g does not take \(2,\)"),
    "consensus": (split(L1, consensus(), jnp.ones(()), method=admm()), r"g does not take \(\)"),
    "no rows": (lambda: squares(jnp.ones((0, 3)), jnp.ones(0)), r"A is \(0, 3\)"),
    "bounds": (lambda: box(None, 1.0), "box: low is None"),
    "bounds, complex": (lambda: box(1j, 1.0), "box: low is complex"),
    "workers": (lambda: separable(squares, jnp.ones((3, 4, 2)), jnp.ones((2, 4))), "one row per"),
    "no worker": (lambda: separable(squared_distance), "one row per worker"),
    "product": (linear(lambda v: THREE), r"A\(v\) is \(3,\), and v and b \(2,\)"),
    "product, pair": (linear(lambda v: (v, v)), r"A\(v\) is a tuple"),
    "product, complex": (linear(lambda v: v.astype(complex)), r"A\(v\) is complex128"),
    "start": (linear(A, x=THREE), r"x is \(3,\) and b \(2,\)"),
    "start, complex": (linear(A, x=TWO.astype(complex)), "x is complex128"),
    "matrix, word": (linear("A"), "A is 'A'"),
    "precondition": (linear(A, method=pcg(), precondition=lambda r: THREE), r"\(v\) is \(3,\)"),
    "parameter": (minimise(square, "a"), "a parameter is 'a'"),
    "objective, pair": (minimise(lambda x: (square(x), 1.0)), "the objective is "),
    "objective, complex": (
        minimise(lambda x: square(x).astype(complex)),
        "the objective is complex128",
    ),
    "objective, whole": (minimise(lambda x: 3), "the objective is int64"),
    "no gradient": (minimise(function(square, with_gradient=True)), "gives a pair"),
    "gradients, swapped": (of_pair({"a": TWO, "b": THREE}), r"\[\(2,\), \(3,\)\], and its param"),
    "gradients, one": (of_pair({"a": THREE}), "its parameters"),
    "residuals": (minimise(least_squares(lambda x: None)), "the residuals is None"),
    "residuals, complex": (
        minimise(least_squares(lambda x: x.astype(complex))),
        "residuals is complex128",
    ),
    "f": (constrained(lambda x: x), r"augmented_lagrangian: f is an array \(2,\)"),
    "constraint": (constrained(equal=lambda x: None), "a constraint is None"),
    "constraint, bool": (constrained(least=lambda x: x > 0), "least is bool"),
    "density": (draw(lambda x: -(x[:1] ** 2)), r"one point is an array \(1,\)"),
    "density, complex": (draw(lambda x: square(x).astype(complex)), "one point is complex128"),
    "density, whole": (draw(lambda x: 0, sampler=hmc(1.0)), "one point is int64"),
    "no chain": (draw(square, jnp.ones((0, 2))), r"x is \(0, 2\)"),
    "keys": (draw(square, key=jax.random.split(KEY)), r"array of keys \(2,\); it must be one"),
    "raw key": (draw(square, key=jnp.ones(3, jnp.uint32)), r"array of keys \(3,\)"),
    "values": (look(lambda x: x**2, annealing(1.0)), r"f of one point is an array \(2,\)"),
    "values, bool": (look(lambda x: x.sum() > 0), "f of one point is bool"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_arrays_that_do_not_fit_are_named_with_their_shapes(name):
    call, message = SHAPES[name]
    with pytest.raises(ShapeError, match=message):
        call()


KINDS = {
    "split_solve": (split(NEAR, L1, THREE, method=lbfgs()), r"the method is lbfgs\(\)"),
    "term": (split(square, L1, THREE), "f is <function"),
    "term, number": (split(NEAR, 1.0, THREE), r"g is 1.0; it must be one: l1_norm\(0.1\)"),
    "K, no linear function": (split(NEAR, L1, THREE, lambda x: x**2), "K is no linear function"),
    "separable": (lambda: separable(lambda b: b, A), "it must give a Term"),
    "separable, word": (lambda: separable("a", A), "term is 'a'; it must be a function"),
    "bounds": (lambda: box(THREE, 0 * THREE), "nothing is between them"),
    "linear_solve": (linear(A, method=lu), r"it must be one: cg\(\)"),
    "precondition of cg": (linear(A, precondition=lambda r: r), "takes no precondition; pcg"),
    "precondition": (linear(A, method=pcg(), precondition=A), "it must be a function"),
    "solve": (minimise(None), "the objective is None; it must be a function"),
    "function": (lambda: function("f"), "f is 'f'; it must be a function"),
    "least_squares": (lambda: least_squares(THREE), "it must be a function"),
    "as_vector": (lambda: as_vector(square, TWO), r"it must be one: function\(f\)"),
    "model": (lambda: objective(affine, losses.mse(), A, TWO), "the model is <function"),
    "loss": (lambda: objective(affine(1), losses.mse, A, TWO), "the loss is <function"),
    "f": (constrained(3), "f is 3; it must be a function"),
    "constraint": (constrained(equal=TWO), "equal is Array"),
    "solver": (constrained(solver=lbfgs), r"it must be one: lbfgs\(\)"),
    "steps": (constrained(max_steps="a"), "max_steps is 'a'"),
    "sampler": (draw(square, sampler=genetic()), r"sampler is genetic\(\)"),
    "density": (draw(3.0), "log_density of one point is 3.0; it must be a function"),
    "explorer": (look(square, hmc(1.0)), r"explorer is hmc\(1.0\)"),
    "fit_linear": (lambda: fit_linear(lu(), A, TWO), r"method is lu\(\)"),
    "intercept": (lambda: coordinate_descent(intercept=3), "intercept is 3"),
    "words": (lambda: words(99), "reason is 99"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_such_thing_is_named_with_what_it_must_be(name):
    call, message = KINDS[name]
    with pytest.raises(ConfigurationError, match=message):
        call()


@pytest.mark.parametrize("tol", ["a", -1.0, np.ones(2)])
@pytest.mark.parametrize(
    "call",
    [
        lambda **tol: split_solve(admm(), NEAR, L1, THREE, **tol),
        lambda **tol: linear_solve(cg(), A, TWO, **tol),
        lambda **tol: solve(lbfgs(), square, TWO, **tol),
        lambda **tol: fit_linear(coordinate_descent(), A, TWO, **tol),
        lambda **tol: augmented_lagrangian(square, TWO, **tol),
    ],
)
def test_a_tolerance_is_one_number_from_0_on(call, tol):
    with pytest.raises(ConfigurationError, match=r"tol is .*it must be a number, at least 0"):
        call(tol=tol)


def test_what_can_be_read_as_arrays_is_taken():
    assert split_solve(primal_dual(), NEAR, L1, THREE, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]).converged
    problem, x, _ = as_vector(least_squares(lambda x: [x[0] - 3, x[1]]), TWO)
    assert problem.residuals(x).tolist() == [-2.0, 1.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: solve(lbfgs(), square, x).params,
        lambda x: linear_solve(lu(), A, x).x,
        lambda x: linear_solve(cg(), A, x).x,
        lambda x: explore(genetic(), square, x * jnp.ones((3, 2)), KEY, steps=1).x,
        lambda x: split_solve(admm(), L1, squared_distance(x), x).x,
        lambda x: fit_linear(coordinate_descent(), jnp.eye(2), x).w,
        lambda x: augmented_lagrangian(square, x).params,
    ],
)
def test_what_ends_in_words_says_so_inside_a_compiled_function(call):
    with pytest.raises(ConfigurationError, match="call it outside"):
        jax.eval_shape(call, TWO)


def test_a_solution_is_not_differentiated_through_its_loop():
    def solution(a):
        return solve(lbfgs(), lambda x: ((x - a) ** 2).sum(), TWO).params.sum()

    with pytest.raises(ConfigurationError, match="solve is called inside jit, vmap, grad"):
        jax.eval_shape(jax.grad(solution), 1.0)
