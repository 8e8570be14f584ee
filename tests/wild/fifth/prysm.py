"""prysm: polynomials of wavefronts and surfaces of lenses, with their slopes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import elementwise
from tests.wild.second.glue import of_arguments

PACKAGE = "prysm"
FAMILIES = ("cheby1", "cheby2", "cheby3", "cheby4", "legendre", "hermite_He", "hermite_H")


def cases() -> Iterator[Case]:
    from prysm import polynomials as of

    rng = np.random.default_rng(62)
    x, r, t = rng.uniform(-0.9, 0.9, 6), rng.uniform(0.1, 0.9, 6), rng.uniform(-3, 3, 6)
    for name in FAMILIES:
        value, slope = getattr(of, name), getattr(of, f"{name}_der")
        for degree in (1, 4):
            pair = elementwise(lambda x, f=value, n=degree: f(n, x),
                               lambda x, f=slope, n=degree: f(n, x))  # fmt: skip
            yield Case(PACKAGE, f"{name}_der", pair, (x,), f"degree {degree}")
        values, slopes = getattr(of, f"{name}_sequence"), getattr(of, f"{name}_der_sequence")
        pair = elementwise(lambda x, f=values: sum(f([1, 2, 5], x)),
                           lambda x, f=slopes: sum(f([1, 2, 5], x)))  # fmt: skip
        yield Case(PACKAGE, f"{name}_der_sequence", pair, (x,))
    for degree in (0, 1, 4):
        pair = elementwise(lambda x, n=degree: of.jacobi(n, 0.5, 1.5, x),
                           lambda x, n=degree: of.jacobi_der(n, 0.5, 1.5, x))  # fmt: skip
        yield Case(PACKAGE, "jacobi_der", pair, (x,), f"degree {degree}")
    pair = elementwise(lambda x: sum(of.jacobi_sequence([1, 2, 5], 0.5, 1.5, x)),
                       lambda x: sum(of.jacobi_der_sequence([1, 2, 5], 0.5, 1.5, x)))  # fmt: skip
    yield Case(PACKAGE, "jacobi_der_sequence", pair, (x,))
    pair = elementwise(
        lambda x: of.jacobi_sum_clenshaw(COEFFICIENTS, 0.5, 1.5, x),
        lambda x: of.jacobi_sum_clenshaw_der(COEFFICIENTS, 0.5, 1.5, x)[1][0],
    )
    yield Case(PACKAGE, "jacobi_sum_clenshaw_der", pair, (x,))
    for n, m in ((2, 0), (3, 1), (4, -2), (5, 5)):
        pair = of_arguments(lambda r, t, n=n, m=m: of.zernike_nm(n, m, r, t),
                            lambda r, t, n=n, m=m: of.zernike_nm_der(n, m, r, t))  # fmt: skip
        yield Case(PACKAGE, "zernike_nm_der", pair, (r, t), f"{n}, {m}")
    terms = [(2, 0), (3, -1), (4, 2)]

    def slopes(r: Any, t: Any) -> Any:
        found = list(of.zernike_nm_der_sequence(terms, r, t))
        return sum(one[0] for one in found), sum(one[1] for one in found)

    pair = of_arguments(lambda r, t: sum(of.zernike_nm_sequence(terms, r, t)), slopes)
    yield Case(PACKAGE, "zernike_nm_der_sequence", pair, (r, t))
    yield from _surfaces(r, t)


COEFFICIENTS = [0.3, -0.5, 0.2, 0.7]


def _surfaces(r: Any, t: Any) -> Iterator[Case]:
    from prysm.experimental.raytracing import surfaces as of
    from prysm.polynomials import qpoly

    c, k = 0.3, -0.4
    sphere = elementwise(lambda r: of.sphere_sag(c, r * r), lambda r: of.sphere_sag_der(c, r))
    yield Case(PACKAGE, "sphere_sag_der", sphere, (r,))
    conic = elementwise(lambda r: of.conic_sag(c, k, r * r), lambda r: of.conic_sag_der(c, k, r))
    yield Case(PACKAGE, "conic_sag_der", conic, (r,))
    cosine = elementwise(lambda r: 1 / of.phi_spheroid(c, k, r * r),
                         lambda r: of.der_direction_cosine_spheroid(c, k, r))  # fmt: skip
    yield Case(PACKAGE, "der_direction_cosine_spheroid", cosine, (r,))
    for label, shift in (("in x", (0.4, 0)), ("in y", (0, 0.4))):
        sag = of_arguments(lambda r, t, s=shift: of.off_axis_conic_sag(c, k, r, t, *s),
                           lambda r, t, s=shift: of.off_axis_conic_der(c, k, r, t, *s))  # fmt: skip
        yield Case(PACKAGE, "off_axis_conic_der", sag, (r, t), label)
        sigma = of_arguments(
            lambda r, t, s=shift: 1 / of.off_axis_conic_sigma(c, k, r, t, *s),
            lambda r, t, s=shift: of.off_axis_conic_sigma_der(c, k, r, t, *s),
        )
        yield Case(PACKAGE, "off_axis_conic_sigma_der", sigma, (r, t), label)
    for name in ("compute_z_zprime_Qbfs", "compute_z_zprime_Qcon"):
        both = getattr(qpoly, name)
        pair = elementwise(lambda u, f=both: f(COEFFICIENTS, u, u * u)[0],
                           lambda u, f=both: f(COEFFICIENTS, u, u * u)[1])  # fmt: skip
        yield Case(PACKAGE, name, pair, (r,))
    freeform = ([0.2, 0.1, -0.3], [[0.2, 0.4, 0.1, 0.3]] * 2, [[0.3, -0.1, 0.2, -0.4]] * 2)
    pair = of_arguments(lambda u, t: qpoly.compute_z_zprime_Q2d(*freeform, u, t)[0],
                        lambda u, t: qpoly.compute_z_zprime_Q2d(*freeform, u, t)[1:])  # fmt: skip
    yield Case(PACKAGE, "compute_z_zprime_Q2d", pair, (r, t))
