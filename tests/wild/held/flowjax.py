"""FlowJAX: an inverse found numerically, and bijections with closed forms."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "flowjax"


def _case(name: str, subject: Any, *arguments: Any, label: str = "") -> Case:
    return Case(PACKAGE, name, subject, arguments, label)


def cases() -> Iterator[Case]:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    from flowjax import bijections, distributions

    rng = np.random.default_rng(23)
    x, y = rng.normal(size=3), rng.uniform(0.2, 2, 3)

    class Bend(bijections.AbstractBijection):
        """x + a tanh x, whose inverse has no closed form."""

        a: Any
        shape: tuple[int, ...] = (3,)
        cond_shape: None = None

        def transform_and_log_det(self, x: Any, condition: Any = None) -> Any:
            slope = 1 + self.a * (1 - jnp.tanh(x) ** 2)
            return x + self.a * jnp.tanh(x), jnp.sum(jnp.log(slope))

        def inverse_and_log_det(self, y: Any, condition: Any = None) -> Any:
            raise NotImplementedError

    def newton(bijection: Any, y: Any, condition: Any = None) -> Any:
        def step(_: int, x: Any) -> Any:
            slope = 1 + bijection.a * (1 - jnp.tanh(x) ** 2)
            return x - (bijection.transform(x) - y) / slope

        return jax.lax.fori_loop(0, 40, step, y / (1 + bijection.a))

    def inverse(a: Any, y: Any) -> Any:
        return bijections.NumericalInverse(Bend(a), newton).inverse_and_log_det(y)

    yield _case("NumericalInverse.inverse", inverse, 0.4 * y, x)
    for name, bijection in {
        "LeakyTanh": bijections.LeakyTanh(1.2, (3,)),
        "SoftPlus": bijections.SoftPlus((3,)),
        "Exp": bijections.Exp((3,)),
        "Tanh": bijections.Tanh((3,)),
    }.items():
        yield _case(f"{name}.transform_and_log_det", bijection.transform_and_log_det, y)
        yield _case(f"{name}.inverse", bijection.inverse, 0.4 * y)

    def affine(a: Any, b: Any, x: Any) -> Any:
        return bijections.Affine(a, jnp.abs(b) + 0.1).transform_and_log_det(x)

    def triangular(a: Any, b: Any, x: Any) -> Any:
        factor = jnp.tril(jnp.outer(a, b)) + 2 * jnp.eye(3)
        return bijections.TriangularAffine(a, factor).transform_and_log_det(x)

    yield _case("Affine.transform_and_log_det", affine, x, y, x[::-1] + 0.3)
    yield _case("TriangularAffine.transform_and_log_det", triangular, x, y, x[::-1] + 0.3)
    spline = bijections.RationalQuadraticSpline(knots=4, interval=2)
    arrays, rest = eqx.partition(spline, eqx.is_inexact_array)
    arrays = jax.tree.map(lambda a: np.asarray(a) + 0.1 * rng.normal(size=a.shape), arrays)

    def bent(arrays: Any, x: Any) -> Any:
        return eqx.combine(arrays, rest).transform_and_log_det(x)

    yield _case("RationalQuadraticSpline", bent, arrays, np.array(0.37))
    yield _case("StudentT.log_prob", lambda d, m, x: distributions.StudentT(d, m).log_prob(x),
                y + 1, x, y)  # fmt: skip
    yield _case("GammaDistribution.log_prob", lambda a, s, x: distributions.Gamma(
        a, s).log_prob(x), y, y + 0.3, y[::-1].copy())  # fmt: skip
