"""quadax: integrals by their limits and by what is integrated."""

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.wild.case import Case

PACKAGE = "quadax"


def cases() -> Iterator[Case]:
    """Adaptive rules, then rules of samples."""
    import quadax

    rng = np.random.default_rng(333)

    def integrand(x: Any) -> Any:
        return jnp.sin(x) * jnp.exp(-x * x / 5)

    limits = np.array(-0.3), np.array(1.9)
    for name in ("quadgk", "quadts", "romberg"):  # each takes half a minute to compile

        def between(a: Any, b: Any, rule: Any = getattr(quadax, name)) -> Any:  # noqa: B008
            return rule(integrand, jnp.stack([a, b]))[0]

        yield Case(PACKAGE, f"{name} by its limits", between, limits, "ordinary")
    yield Case(PACKAGE, "romberg by its limits", between, (limits[0],) * 2, "edge empty")
    for name in ("quadcc", "rombergts"):

        def parameter(k: Any, rule: Any = getattr(quadax, name)) -> Any:  # noqa: B008
            return rule(lambda x, k: jnp.cos(k * x) / (1 + k * k), [0.0, 2.0], args=(k,))[0]

        yield Case(PACKAGE, f"{name} by a parameter", parameter, (np.array(0.7),), "ordinary")
    y, x = rng.normal(size=7), np.cumsum(rng.uniform(0.1, 1, 7))
    for name in ("trapezoid", "simpson", "cumulative_trapezoid", "cumulative_simpson"):
        rule = getattr(quadax, name)
        yield Case(PACKAGE, name, lambda y, x, rule=rule: rule(y, x=x), (y, x), "ordinary")
