"""pyttb: losses of generalized tensor decompositions, and their gradients by the factors."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import ValueAndGrad
from tests.wild.case import Case
from tests.wild.glue import elementwise

PACKAGE = "pyttb"


def cases() -> Iterator[Case]:
    import pyttb as ttb
    from pyttb.gcp import fg, handles

    rng = np.random.default_rng(64)
    at, real, counts = rng.uniform(0.2, 3, 6), rng.normal(size=6), rng.integers(0, 5, 6)
    hits, positive = rng.integers(0, 2, 6), rng.gamma(2.0, size=6)
    losses: dict[str, tuple[Any, Any, tuple[float, ...]]] = {
        "gaussian": (real, real[::-1], ()),
        "bernoulli_odds": (hits, at, ()),
        "bernoulli_logit": (hits, real, ()),
        "poisson": (counts, at, ()),
        "poisson_log": (counts, real, ()),
        "rayleigh": (positive, at, ()),
        "gamma": (positive, at, ()),
        "huber": (real, real[::-1] + 0.3, (0.7,)),
        "negative_binomial": (counts, at, (4.0,)),
        "beta": (positive, at, (0.3,)),
        "ztp": (counts + 1, at, ()),
    }
    for name, (data, model, more) in losses.items():
        value, slope = getattr(handles, name), getattr(handles, f"{name}_grad")
        pair = elementwise(lambda m, f=value, d=data, k=more: f(d, m, *k),
                           lambda m, f=slope, d=data, k=more: f(d, m, *k))  # fmt: skip
        yield Case(PACKAGE, f"{name}_grad", pair, (np.array(model),))
        shape = (3, 2, 4)
        tensor = ttb.tensor(np.resize(data, shape).astype(float))

        def both(A: Any, B: Any, C: Any, t: Any = tensor, f: Any = value, g: Any = slope,
                 k: Any = more) -> Any:  # fmt: skip
            factors = ttb.ktensor([np.array(A), np.array(B), np.array(C)])
            found = fg.evaluate(factors, t, None, lambda d, m: f(d, m, *k),
                                lambda d, m: g(d, m, *k))  # fmt: skip
            return found[0], tuple(found[1])

        factors = tuple(rng.uniform(0.3, 1.2, size=(size, 2)) for size in shape)
        yield Case(PACKAGE, f"gcp.fg.evaluate, {name}", ValueAndGrad(both), factors)
    for name in ("gaussian", "huber"):
        value, slope = getattr(handles, name), getattr(handles, f"{name}_grad")
        more = losses[name][2]
        pair = elementwise(lambda m, f=value, k=more: f(real, m, *k),
                           lambda m, f=slope, k=more: f(real, m, *k))  # fmt: skip
        yield Case(PACKAGE, f"{name}_grad", pair, (real.copy(),), "without an error")
