"""jax.nn, and elementary functions of jax.numpy that have rules of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import nn

from tests.wild.case import Case

PACKAGE = "jax"
EDGE = np.array([0.0, -0.0, 3.0, -3.0, 1e-7, 40.0, -40.0])


def cases() -> Iterator[Case]:
    """Activations at ordinary arguments, at 0 and far out; then the others."""
    rng = np.random.default_rng(101)
    x = rng.normal(size=(2, 5)) * 1.7
    for name, (function, exact) in activations().items():
        yield Case(PACKAGE, f"nn.{name}", function, (x,), "ordinary", exact)
        yield Case(PACKAGE, f"nn.{name}", function, (EDGE,), "edge 0, ±3, ±40", exact)
    yield Case(PACKAGE, "nn.relu", nn.relu, (jnp.float32(x),), "float32")
    yield Case(PACKAGE, "nn.relu", nn.relu, (np.array(0.25),), "a scalar")
    yield Case(PACKAGE, "nn.gelu", nn.gelu, (np.float32(x),), "float32, NumPy")
    yield from _probabilities(rng)
    yield from _numpy(rng)


def activations() -> dict[str, tuple[Callable[..., Any], Callable[..., Any] | None]]:
    """Each with itself in mpmath, where that says more than differences do."""
    import mpmath as mp

    def tail(x: Any) -> Any:  # the cumulative normal distribution
        return mp.erfc(-x / mp.sqrt(2)) / 2

    return {
        "relu": (nn.relu, lambda x: max(x, mp.mpf(0))),
        "relu6": (nn.relu6, lambda x: min(max(x, mp.mpf(0)), mp.mpf(6))),
        "leaky_relu": (nn.leaky_relu, lambda x: x if x >= 0 else x / 100),
        "hard_tanh": (nn.hard_tanh, None),
        "hard_sigmoid": (nn.hard_sigmoid, None),
        "hard_swish": (nn.hard_swish, None),
        "elu": (nn.elu, lambda x: x if x > 0 else mp.expm1(x)),
        "celu": (lambda x: nn.celu(x, 0.7), lambda x: x if x > 0 else 0.7 * mp.expm1(x / 0.7)),
        "selu": (nn.selu, None),
        "gelu": (lambda x: nn.gelu(x, approximate=False), lambda x: x * tail(x)),
        "gelu approximate": (nn.gelu, None),
        "sigmoid": (nn.sigmoid, lambda x: 1 / (1 + mp.exp(-x))),
        "silu": (nn.silu, lambda x: x / (1 + mp.exp(-x))),
        "mish": (nn.mish, lambda x: x * mp.tanh(mp.log1p(mp.exp(x)))),
        "softplus": (nn.softplus, lambda x: mp.log1p(mp.exp(x))),
        "log_sigmoid": (nn.log_sigmoid, lambda x: -mp.log1p(mp.exp(-x))),
        "soft_sign": (nn.soft_sign, lambda x: x / (1 + abs(x))),
        "squareplus": (nn.squareplus, lambda x: (x + mp.sqrt(x * x + 4)) / 2),
        "sparse_plus": (nn.sparse_plus, None),
        "sparse_sigmoid": (nn.sparse_sigmoid, None),
    }


def _probabilities(rng: np.random.Generator) -> Iterator[Case]:
    import mpmath as mp

    z = rng.normal(size=(3, 5))
    ties = np.array([[2.0, 2.0, 2.0], [800.0, -800.0, 0.0]])
    keep = np.array([[True, False, True, True, False]] * 3)
    for name in ("softmax", "log_softmax", "logsumexp", "standardize", "glu"):
        function = getattr(nn, name)
        yield Case(PACKAGE, f"nn.{name}", function, (z[:, :4],), "ordinary")
    yield Case(PACKAGE, "nn.softmax", nn.softmax, (ties,), "edge ties, ±800")
    yield Case(PACKAGE, "nn.log_softmax", nn.log_softmax, (ties,), "edge ties, ±800")
    yield Case(PACKAGE, "nn.standardize", nn.standardize, (ties[:1],), "edge no variance")
    yield Case(PACKAGE, "nn.softmax", lambda z: nn.softmax(z, where=keep), (z,), "where")
    yield Case(PACKAGE, "nn.softmax", lambda z: nn.softmax(z, axis=0), (z,), "another axis")
    yield Case(PACKAGE, "nn.log_softmax", lambda z: nn.log_softmax(z, axis=0), (z,), "another axis")
    if hasattr(nn, "log1mexp"):

        def exact(x: Any) -> Any:
            return mp.log(-mp.expm1(-x))

        for label, x in (
            ("ordinary", np.array([0.05, 0.4, 1.0, 2.5])),
            ("edge ln 2, 1e-9, 600", np.array([np.log(2), 1e-9, 600.0])),
        ):
            yield Case(PACKAGE, "nn.log1mexp", nn.log1mexp, (x,), label, exact)
    labels = np.array([1, 0, 4])
    for smoothing in (0.0, 0.1):

        def cross_entropy(z: Any, smoothing: float = smoothing) -> Any:
            target = nn.one_hot(labels, 5) * (1 - smoothing) + smoothing / 5
            return -(target * nn.log_softmax(z)).sum(-1)

        yield Case(PACKAGE, "nn.log_softmax", cross_entropy, (z,), f"smoothing {smoothing}")
    q, k, v = (rng.normal(size=(1, 4, 2, 3)) for _ in range(3))
    attention = nn.dot_product_attention
    yield Case(PACKAGE, "nn.dot_product_attention", attention, (q, k, v), "ordinary")
    yield Case(
        PACKAGE,
        "nn.dot_product_attention",
        lambda q, k, v: attention(q, k, v, is_causal=True),
        (q, k, v),
        "causal",
    )


def _numpy(rng: np.random.Generator) -> Iterator[Case]:
    import mpmath as mp

    x, y = rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    one = {
        "sinc": (jnp.sinc, mp.sincpi, [0.0, 2.0, 1e-6, -1.5, 40.25]),
        "i0": (jnp.i0, lambda x: mp.besseli(0, x), [0.0, -2.0, 25.0]),
        "cbrt": (jnp.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), [8.0, -1e-9, 1e12]),
        "exp2": (jnp.exp2, lambda x: mp.mpf(2) ** x, [0.0, -50.0, 60.0]),
        "log1p": (jnp.log1p, mp.log1p, [0.0, 1e-12, -0.999999]),
        "expm1": (jnp.expm1, mp.expm1, [0.0, 1e-12, -60.0]),
        "arctanh": (jnp.arctanh, mp.atanh, [0.0, 0.999999, -0.9]),
        "arccosh": (jnp.arccosh, mp.acosh, [1.0000001, 1.5, 1e6]),
        "arcsinh": (jnp.arcsinh, mp.asinh, [0.0, 1e8, -1e-8]),
        "tan": (jnp.tan, mp.tan, [0.0, 1.57, -1.5]),
        "sqrt": (jnp.sqrt, mp.sqrt, [1e-12, 4.0, 1e12]),
        "abs": (jnp.abs, abs, [0.0, -2.0, 1e-12]),
    }
    ordinary = {"arctanh": x / 5, "arccosh": 1.2 + abs(x), "sqrt": 0.1 + abs(x), "log1p": abs(x)}
    for name, (function, exact, edge) in one.items():
        yield Case(PACKAGE, f"numpy.{name}", function, (ordinary.get(name, x),), "ordinary", exact)
        yield Case(PACKAGE, f"numpy.{name}", function, (np.array(edge),), "edge", exact)
    yield Case(PACKAGE, "numpy.sqrt", jnp.sqrt, (np.array([0.0, 1.0]),), "edge 0", mp.sqrt)
    two = {
        "logaddexp": (jnp.logaddexp, lambda a, b: mp.log(mp.exp(a) + mp.exp(b))),
        "logaddexp2": (jnp.logaddexp2, lambda a, b: mp.log(2**a + 2**b, 2)),
        "hypot": (jnp.hypot, mp.hypot),
        "arctan2": (jnp.arctan2, mp.atan2),
        "maximum": (jnp.maximum, max),
    }
    a, b = np.array([0.0, 500.0, -3.0, 2.0]), np.array([1.0, 500.0, 700.0, -600.0])
    for name, (function, exact) in two.items():
        yield Case(PACKAGE, f"numpy.{name}", function, (x, y), "ordinary", exact)
        yield Case(PACKAGE, f"numpy.{name}", function, (a, b), "edge ties, far apart", exact)
    powers = np.array([2.0, 0.5, -1.5]), np.array([3.0, 0.0, 2.0])
    yield Case(PACKAGE, "numpy.power", jnp.power, (abs(x) + 0.1, y), "ordinary", mp.power)
    yield Case(PACKAGE, "numpy.power", lambda x: jnp.power(x, powers[1]), powers[:1], "edge 0th")
    yield Case(PACKAGE, "numpy.frexp", lambda x: jnp.frexp(x), (x,), "mantissa and exponent")
    yield Case(PACKAGE, "numpy.frexp", lambda x: jnp.frexp(x)[0], (np.array([0.75, 3.0]),), "inner")
    yield Case(PACKAGE, "numpy.modf", lambda x: jnp.modf(x)[0], (x,), "fraction")
    yield Case(PACKAGE, "numpy.clip", lambda x: jnp.clip(x, -0.5, 0.5), (x,), "ordinary")
    yield Case(PACKAGE, "numpy.ldexp", lambda x: jnp.ldexp(x, 3), (x,), "ordinary")
    yield Case(
        PACKAGE,
        "numpy.interp",
        lambda x, f: jnp.interp(x, jnp.arange(4.0), f),
        (np.array([0.3, 1.6, 2.9]), rng.normal(size=4)),
        "ordinary",
    )
    yield Case(PACKAGE, "numpy.var", lambda x: jnp.var(x, ddof=1), (x[0],), "ddof 1")
    yield Case(PACKAGE, "numpy.corrcoef", jnp.corrcoef, (x,), "ordinary")
    yield Case(PACKAGE, "lax.logistic", jax.lax.logistic, (EDGE,), "edge 0, ±3, ±40")
