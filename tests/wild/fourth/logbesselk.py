"""logbesselk: the logarithm of a Bessel function of the second kind, with custom rules."""

from collections.abc import Iterator

import mpmath as mp
import numpy as np

from tests.wild.case import Case

PACKAGE = "logbesselk"


def cases() -> Iterator[Case]:
    import jax
    import jax.numpy as jnp
    from logbesselk import jax as of

    x = np.array([0.2, 1.7, 20.0])
    for order in (0.3, 11.5):
        function = jax.vmap(lambda x, v=order: of.log_bessel_k(jnp.asarray(v), x))
        yield Case(PACKAGE, "log_bessel_k", function, (x,), f"order {order}",
                   lambda x, v=order: mp.log(mp.besselk(v, x)))  # fmt: skip
    scaled = jax.vmap(lambda x: of.bessel_ke(jnp.asarray(2.5), x))
    yield Case(PACKAGE, "bessel_ke", scaled, (x,), "order 2.5",
               lambda x: mp.exp(x) * mp.besselk(2.5, x))  # fmt: skip
    both = jax.vmap(of.log_bessel_k)
    yield Case(PACKAGE, "log_bessel_k", both, (np.array([0.3, 2.0]), np.array([0.2, 1.7])),
               "by the order, too")  # fmt: skip
