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
    for name, make in {
        "Affine": lambda a, b: bijections.Affine(a, jnp.abs(b) + 0.1),
        "TriangularAffine": lambda a, b: bijections.TriangularAffine(a, jnp.tril(
            jnp.outer(a, b)) + 2 * jnp.eye(3)),
        "LeakyTanh": lambda a, b: bijections.LeakyTanh(1.2, (3,)),
        "SoftPlus": lambda a, b: bijections.SoftPlus((3,)),
        "Exp": lambda a, b: bijections.Exp((3,)),
        "Power": lambda a, b: bijections.Power(1.7, (3,)),
        "Planar": lambda a, b: bijections.Planar(jax.random.key(0), dim=3),
        "AsymmetricAffine": lambda a, b: bijections.AsymmetricAffine(a, b + 0.5, b + 0.8),
    }.items():  # fmt: skip
        if name in ("LeakyTanh", "SoftPlus", "Exp", "Power", "Planar"):
            function = lambda x, make=make: make(x, x).transform_and_log_det(x)  # noqa: E731
            yield _case(f"{name}.transform_and_log_det", function, y)
        else:
            function = lambda a, b, x, make=make: make(a, b).transform_and_log_det(x)  # noqa: E731
            yield _case(f"{name}.transform_and_log_det", function, x, y, x[::-1] + 0.3)
    spline = bijections.RationalQuadraticSpline(knots=4, interval=2)
    arrays, rest = eqx.partition(spline, eqx.is_inexact_array)
    arrays = jax.tree.map(lambda a: np.asarray(a) + 0.1 * rng.normal(size=a.shape), arrays)

    def bent(arrays: Any, x: Any) -> Any:
        return eqx.combine(arrays, rest).transform_and_log_det(x)

    yield _case("RationalQuadraticSpline", bent, arrays, np.array(0.37))
    yield _case("StudentT.log_prob", lambda d, m, x: distributions.StudentT(d, m).log_prob(x),
                y + 1, x, y)  # fmt: skip
    yield _case("GammaDistribution.log_prob", lambda a, x: distributions.Gamma(a).log_prob(x), y,
                y[::-1].copy())  # fmt: skip
