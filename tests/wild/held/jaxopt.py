"""JAXopt: projections, proximal operators, losses, and solutions differentiated implicitly."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "jaxopt"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    yield from _projections()
    yield from _proximal()
    yield from _losses()
    yield from _solutions()


def _projections() -> Iterator[Case]:
    import jax.numpy as jnp
    import jaxopt
    from jaxopt import projection as onto

    rng = np.random.default_rng(6)
    x, a = rng.normal(size=5), rng.normal(size=5)
    yield _case("projection_simplex", onto.projection_simplex, x)
    yield _case("projection_simplex", onto.projection_simplex, x, np.array(2.5), label="scaled")
    yield _case("projection_sparse_simplex", lambda x: onto.projection_sparse_simplex(x, 3), x)
    yield _case("projection_l1_sphere", onto.projection_l1_sphere, x)
    yield _case("projection_l1_ball", onto.projection_l1_ball, x)
    yield _case("projection_l2_ball", onto.projection_l2_ball, x)
    yield _case("projection_box", lambda x, top: onto.projection_box(x, (-0.5, top)), x, abs(a))
    yield _case("projection_hyperplane", lambda x, a, b: onto.projection_hyperplane(x, (a, b)), x,
                a, np.array(0.7))  # fmt: skip
    yield _case("projection_halfspace", lambda x, a, b: onto.projection_halfspace(x, (a, b)), x, a,
                np.array(-5.0))  # fmt: skip
    matrix, level = rng.normal(size=(2, 5)), rng.normal(size=2)
    yield _case("projection_affine_set", lambda x, A, b: onto.projection_affine_set(x, (A, b)), x,
                matrix, level)  # fmt: skip
    section = lambda x, w, c: onto.projection_box_section(  # noqa: E731
        x, (jnp.zeros(5), jnp.ones(5), w, c), check_feasible=False
    )
    yield _case("projection_box_section", section, x, np.abs(a) + 0.5, np.array(1.3))
    scores = rng.normal(size=(3, 3))
    rows, columns = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])

    def precise(objective: Any) -> Any:
        return jaxopt.LBFGS(objective, maxiter=1000, tol=1e-13)

    def transport(scores: Any) -> Any:
        return onto.projection_transport(scores, (rows, columns), make_solver=precise)

    def entropic(scores: Any) -> Any:
        return onto.kl_projection_transport(scores, (rows, columns), make_solver=precise)

    yield _case("projection_transport", transport, scores)
    yield _case("kl_projection_transport", entropic, scores)
    yield _case("projection_birkhoff", onto.projection_birkhoff, scores)
    yield _case("projection_birkhoff", lambda s: onto.projection_birkhoff(s, make_solver=precise),
                scores, label="solved precisely")  # fmt: skip
    yield _case("kl_projection_birkhoff", onto.kl_projection_birkhoff, scores)


def _proximal() -> Iterator[Case]:
    from jaxopt import prox

    rng = np.random.default_rng(9)
    x, strength = rng.normal(size=(4, 3)), np.array(0.4)
    yield _case("prox_lasso", prox.prox_lasso, x, strength)
    yield _case("prox_lasso", prox.prox_lasso, x[0], np.abs(x[1]), label="one weight per entry")
    yield _case("prox_non_negative_lasso", prox.prox_non_negative_lasso, x, strength)
    elastic = lambda x, lam, gamma: prox.prox_elastic_net(x, (lam, gamma), 0.7)  # noqa: E731
    yield _case("prox_elastic_net", elastic, x, strength, np.array(2.0))
    yield _case("prox_group_lasso", prox.prox_group_lasso, x[0], strength)
    yield _case("prox_group_lasso", prox.prox_group_lasso, x[0], np.array(50.0), label="to 0")
    yield _case("prox_ridge", prox.prox_ridge, x, strength)
    yield _case("prox_non_negative_ridge", prox.prox_non_negative_ridge, x, strength)


def _losses() -> Iterator[Case]:
    import jax
    from jaxopt import loss

    rng = np.random.default_rng(10)
    scores, points = rng.normal(size=4), np.array([-2.0, -1.0, 0.3, 1.0, 1.7])
    yield _case("multiclass_sparsemax_loss", lambda s: loss.multiclass_sparsemax_loss(2, s), scores)
    yield _case("binary_sparsemax_loss", jax.vmap(lambda s: loss.binary_sparsemax_loss(1, s)),
                points * 0.9)  # fmt: skip
    yield _case("sparse_plus", loss.sparse_plus, points, label="kinks")
    yield _case("sparse_sigmoid", loss.sparse_sigmoid, points * 0.9)
    yield _case("huber_loss", loss.huber_loss, points * 1.1, points[::-1].copy())
    yield _case("binary_logistic_loss", lambda s: loss.binary_logistic_loss(np.array(1), s), points)
    sparsemax = loss.make_fenchel_young_loss(lambda s: (s * jax.nn.softmax(s)).sum())
    yield _case("make_fenchel_young_loss", lambda y, s: sparsemax(y, s), scores[::-1], scores)


def _solutions() -> Iterator[Case]:
    import jax.numpy as jnp
    import jaxopt

    rng = np.random.default_rng(11)
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)

    def ridge(w: Any, strength: Any, y: Any) -> Any:
        return 0.5 * jnp.sum((X @ w - y) ** 2) + 0.5 * strength * w @ w

    def descended(strength: Any, y: Any) -> Any:
        solver = jaxopt.GradientDescent(ridge, maxiter=2000, tol=1e-12)
        return solver.run(jnp.zeros(3), strength, y).params

    def quasi_newton(strength: Any, y: Any) -> Any:
        return jaxopt.LBFGS(ridge, maxiter=500, tol=1e-12).run(jnp.zeros(3), strength, y).params

    def lasso(strength: Any) -> Any:
        def squares(w: Any) -> Any:
            return 0.5 * jnp.mean((X @ w - y) ** 2)

        solver = jaxopt.ProximalGradient(squares, jaxopt.prox.prox_lasso, maxiter=3000, tol=1e-12)
        return solver.run(jnp.zeros(3), hyperparams_prox=strength).params

    def cube_root(a: Any) -> Any:
        def excess(x: Any, a: Any) -> Any:
            return x**3 + x - a

        solver = jaxopt.Bisection(excess, 0.0, 5.0, maxiter=80, tol=1e-14, check_bracket=False)
        return solver.run(a=a).params

    def fixed(a: Any) -> Any:
        iteration = jaxopt.FixedPointIteration(lambda x, a: jnp.cos(a * x), maxiter=500, tol=1e-14)
        return iteration.run(jnp.zeros(3), a).params

    def quadratic(Q: Any, c: Any) -> Any:
        solver = jaxopt.EqualityConstrainedQP(tol=1e-12)
        params = (Q + Q.T + 8 * jnp.eye(3), c), (jnp.ones((1, 3)), jnp.ones(1))
        return solver.run(params_obj=params[0], params_eq=params[1]).params.primal

    def levenberg(y: Any) -> Any:
        def residual(w: Any, y: Any) -> Any:
            return jnp.tanh(X @ w) - y

        return jaxopt.GaussNewton(residual, maxiter=100, tol=1e-13).run(jnp.zeros(3), y).params

    strength = np.array(0.8)
    yield _case("GradientDescent.run", descended, strength, y)
    yield _case("LBFGS.run", quasi_newton, strength, y)
    yield _case("ProximalGradient.run", lasso, np.array(0.05))
    yield _case("Bisection.run", cube_root, np.array(2.3))
    yield _case("FixedPointIteration.run", fixed, np.array([0.4, 0.7, 0.9]))
    yield _case("EqualityConstrainedQP.run", quadratic, rng.normal(size=(3, 3)), rng.normal(size=3))
    yield _case("GaussNewton.run", levenberg, 0.3 * y)
