"""e3nn on JAX: spherical harmonics and products with their own derivative rule."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "e3nn-jax"


def cases() -> Iterator[Case]:
    import e3nn_jax as e3nn
    from e3nn_jax._src.utils.einsum import einsum

    rng = np.random.default_rng(21)
    x, pole = rng.normal(size=(2, 3)), np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -2.0]])

    def harmonics(degrees: Any, *algorithm: str, normalize: bool = True) -> Any:
        return lambda x: (
            e3nn.spherical_harmonics(
                degrees, x, normalize, "integral", algorithm=algorithm or None
            ).array
        )

    for algorithm in (("recursive", "dense", "custom_jvp"), ("legendre", "dense", "custom_jvp")):
        for normalize in (True, False):
            name = f"spherical_harmonics, {algorithm[0]}, normalize={normalize}"
            subject = harmonics(e3nn.Irreps("0e+1o+2e+3o"), *algorithm, normalize=normalize)
            yield Case(PACKAGE, name, subject, (x,))
            yield Case(PACKAGE, name, subject, (pole,), "at poles")
    origin = harmonics(e3nn.Irreps("1o"), normalize=False)
    yield Case(PACKAGE, "spherical_harmonics, degree 1", origin, (0 * x,), "0")
    a, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    yield Case(PACKAGE, "einsum", lambda a, b: einsum("ij,jk->ik", a, b), (a, b))

    def product(x: Any, y: Any) -> Any:
        pair = e3nn.IrrepsArray("0e+1o", x), e3nn.IrrepsArray("0e+1o", y)
        return e3nn.tensor_product(*pair).array

    yield Case(PACKAGE, "tensor_product", product, (rng.normal(size=4), rng.normal(size=4)))
    yield Case(PACKAGE, "gate", lambda x: e3nn.gate(e3nn.IrrepsArray("2x0e+1o", x)).array,
               (rng.normal(size=5),))  # fmt: skip
    yield Case(PACKAGE, "angles_to_matrix", e3nn.angles_to_matrix, tuple(rng.normal(size=(3,))[
        :, None]))  # fmt: skip
    yield Case(PACKAGE, "norm", lambda x: e3nn.norm(e3nn.IrrepsArray("1o", x)).array, (x,))
    yield Case(PACKAGE, "norm", lambda x: e3nn.norm(e3nn.IrrepsArray("1o", x)).array, (0 * x,), "0")
    for name in ("soft_envelope", "sus", "bump"):
        points = np.array([-0.4, 0.2, 0.6, 0.95, 1.4])
        yield Case(PACKAGE, name, getattr(e3nn, name), (points,))
