"""s2fft: transforms on the sphere, whose transposes are written by hand."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "s2fft"


def cases() -> Iterator[Case]:
    import jax.numpy as jnp
    import s2fft

    L, rng = 3, np.random.default_rng(17)
    samples = s2fft.sampling.s2_samples

    def forward(f: Any, sampling: str, spin: int) -> Any:
        out = s2fft.forward_jax(f, L, spin=spin, sampling=sampling, reality=False)
        return jnp.stack([out.real, out.imag])

    def inverse(real: Any, imaginary: Any, sampling: str, spin: int) -> Any:
        flm = real + 1j * imaginary
        out = s2fft.inverse_jax(flm, L, spin=spin, sampling=sampling, reality=False)
        return jnp.stack([out.real, out.imag])

    for sampling, spin in (("mw", 0), ("mwss", 0), ("dh", 1)):
        shape = samples.f_shape(L, sampling)
        yield Case(PACKAGE, f"forward_jax, {sampling}, spin {spin}",
                   lambda f, at=(sampling, spin): forward(f, *at),
                   (rng.normal(size=shape),))  # fmt: skip
        coefficients = rng.normal(size=(2, L, 2 * L - 1))
        yield Case(PACKAGE, f"inverse_jax, {sampling}, spin {spin}",
                   lambda a, b, at=(sampling, spin): inverse(a, b, *at),
                   tuple(coefficients))  # fmt: skip
