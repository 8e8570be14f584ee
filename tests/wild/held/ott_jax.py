"""OTT: norms, soft minima and roots with their own rules, soft sorting, Sinkhorn."""

from collections.abc import Iterator
from typing import Any

import mpmath as mp
import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "ott-jax"


def _case(name: str, subject: Any, *arguments: Any, label: str = "", exact: Any = None) -> Case:
    return Case(PACKAGE, name, subject, arguments, label, exact)


def cases() -> Iterator[Case]:
    yield from _mathematics()
    yield from _costs()
    yield from _sorting()
    yield from _transport()


def _mathematics() -> Iterator[Case]:
    from ott.math import matrix_square_root, unbalanced_functions, utils

    rng = np.random.default_rng(12)
    x, p, q = rng.normal(size=(3, 4)), rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    yield _case("norm", lambda x: utils.norm(x, axis=-1), x)
    yield _case("norm", lambda x: utils.norm(x, axis=-1), x * [[1], [0], [1]], label="a row of 0")
    yield _case("norm", lambda x: utils.norm(x, 1, -1), x, label="ord 1")
    yield _case("logsumexp", lambda x: utils.logsumexp(x, axis=1), x)
    yield _case("logsumexp", lambda x, b: utils.logsumexp(x, 1, False, b), x, x, label="signed b")
    yield _case("softmin", lambda x: utils.softmin(x, 0.3, 1), x)
    yield _case("softmin", lambda x, gamma: utils.softmin(x, gamma, 1), x, np.array(0.3),
                label="by gamma")  # fmt: skip
    z = np.array([0.05, 0.3, 1.0, 4.0])
    yield _case("lambertw", utils.lambertw, z, exact=lambda z: mp.re(mp.lambertw(z)))
    yield _case("lambertw", utils.lambertw, np.array([0.0, 1e-6, 50.0]), label="0",
                exact=lambda z: mp.re(mp.lambertw(z)))  # fmt: skip
    yield _case("kl", utils.kl, p, q)
    yield _case("gen_kl", utils.gen_kl, p, 2 * q)
    yield _case("gen_ent", utils.gen_ent, p)
    yield _case("gen_js", utils.gen_js, p, q)
    a = rng.normal(size=(3, 3))

    def definite(f: Any) -> Any:
        return lambda a: f(a @ a.T + np.eye(3))

    yield _case("sqrtm", definite(lambda m: matrix_square_root.sqrtm(m, 1e-12)[0]), a)
    yield _case("sqrtm", definite(lambda m: matrix_square_root.sqrtm(m)[0]), a, label="default")
    yield _case("sqrtm_only", definite(lambda m: matrix_square_root.sqrtm_only(m, 1e-12)), a)
    yield _case(
        "inv_sqrtm_only", definite(lambda m: matrix_square_root.inv_sqrtm_only(m, 1e-12)), a
    )
    h = rng.normal(size=4)
    conjugate = Pair(
        lambda h: (unbalanced_functions.phi_star(h, 0.7), h),
        lambda dout, h: dout * unbalanced_functions.derivative_phi_star(h, 0.7),
    )
    yield _case("derivative_phi_star", conjugate, h)
    second = Pair(
        lambda h: (unbalanced_functions.derivative_phi_star(h, 0.7), h),
        lambda dout, h: dout * unbalanced_functions.second_derivative_phi_star(h, 0.7),
    )
    yield _case("second_derivative_phi_star", second, h)


def _costs() -> Iterator[Case]:
    from ott.geometry import costs, regularizers

    rng = np.random.default_rng(13)
    x, y = rng.normal(size=4), rng.normal(size=4)
    yield _case("Euclidean", costs.Euclidean(), x, y)
    yield _case("Euclidean", costs.Euclidean(), x, x, label="equal")
    yield _case("SqPNorm(1.5).h_legendre", costs.SqPNorm(1.5).h_legendre, x)
    yield _case("PNormP(1.5)", costs.PNormP(1.5), x, y)
    yield _case("Cosine", costs.Cosine(), x, y)
    yield _case("Arccos(1)", costs.Arccos(1), x, y)
    sparse = costs.RegTICost(regularizers.L1(), lam=0.5)
    yield _case("RegTICost(L1).h_legendre", sparse.h_legendre, x)
    vanishing = costs.RegTICost(regularizers.STVS(), lam=0.3)
    yield _case("RegTICost(STVS).h_legendre", vanishing.h_legendre, x)
    warping = costs.SoftDTW(0.4)
    yield _case("SoftDTW", warping, x, rng.normal(size=5))
    bures = costs.Bures(2)
    mean, factor = rng.normal(size=2), rng.normal(size=(2, 2))

    def distance(mean: Any, factor: Any) -> Any:
        one = costs.mean_and_cov_to_x(mean, factor @ factor.T + np.eye(2), 2)
        return bures(one, costs.mean_and_cov_to_x(np.zeros(2), 2 * np.eye(2), 2))

    yield _case("Bures", distance, mean, factor)


def _sorting() -> Iterator[Case]:
    from ott.tools import soft_sort

    x = np.random.default_rng(14).normal(size=6)
    precise = {"epsilon": 0.1, "threshold": 1e-12, "max_iterations": 5000}
    yield _case("ranks", lambda x: soft_sort.ranks(x, **precise), x)
    yield _case("quantile", lambda x: soft_sort.quantile(x, 0.4, **precise), x)
    yield _case("ranks", soft_sort.ranks, x, label="default")


def _transport() -> Iterator[Case]:
    import jax.numpy as jnp
    from ott.geometry import geometry, pointcloud
    from ott.problems.linear import linear_problem
    from ott.solvers import linear
    from ott.solvers.linear import implicit_differentiation, sinkhorn
    from ott.tools import sinkhorn_divergence

    rng = np.random.default_rng(15)
    x, y, weights = rng.normal(size=(4, 2)), rng.normal(size=(5, 2)), rng.dirichlet(np.ones(4))

    def solved(x: Any, a: Any, implicit: bool = True) -> Any:
        rule = implicit_differentiation.ImplicitDiff() if implicit else None
        solver = sinkhorn.Sinkhorn(threshold=1e-13, max_iterations=5000, implicit_diff=rule)
        cloud = pointcloud.PointCloud(x, y, epsilon=0.5)
        return solver(linear_problem.LinearProblem(cloud, a=a / jnp.sum(a)))

    def coarse(x: Any) -> Any:
        return linear.solve(pointcloud.PointCloud(x, y, epsilon=0.5)).reg_ot_cost

    def matrix(cost: Any) -> Any:
        answer = linear.solve(geometry.Geometry(cost, epsilon=0.3), threshold=1e-13)
        return answer.matrix

    def divergence(x: Any) -> Any:
        return sinkhorn_divergence.sinkdiv(x, y, epsilon=0.5, solve_kwargs={"threshold": 1e-13})[0]

    yield _case("Sinkhorn.reg_ot_cost", lambda x, a: solved(x, a).reg_ot_cost, x, weights)
    yield _case("Sinkhorn.matrix", lambda x, a: solved(x, a).matrix, x, weights)
    yield _case("Sinkhorn.reg_ot_cost", coarse, x, label="default")
    yield _case("Sinkhorn.matrix", matrix, rng.uniform(size=(3, 4)), label="of a cost matrix")
    yield _case("sinkdiv", divergence, x)
