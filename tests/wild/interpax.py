"""interpax: splines by the points, by the values and by both."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case

PACKAGE = "interpax"
KNOTS = np.array([0.0, 0.8, 1.7, 3.0, 4.1, 5.0])


def cases() -> Iterator[Case]:
    """One dimension by every method, two dimensions, Fourier, and piecewise polynomials."""
    import interpax

    rng = np.random.default_rng(222)
    f, inside = rng.normal(size=6), rng.uniform(0.3, 4.7, 4)
    for method in (
        *("nearest", "linear", "cubic", "cubic2", "cardinal", "catmull-rom", "akima"),
        *("monotonic", "monotonic-0"),
    ):

        def one(x: Any, f: Any, method: str = method) -> Any:
            return interpax.interp1d(x, KNOTS, f, method=method)

        yield Case(PACKAGE, f"interp1d {method}", one, (inside, f), "ordinary")
        yield Case(PACKAGE, f"interp1d {method}", one, (KNOTS[1:4].copy(), f), "edge knots")
    flat = np.array([0.0, 1.0, 1.0, 1.0, 2.0, 0.5])

    def monotonic(x: Any, f: Any) -> Any:
        return interpax.interp1d(x, KNOTS, f, method="monotonic")

    yield Case(PACKAGE, "interp1d monotonic", monotonic, (inside, flat), "edge equal values")

    def periodic(x: Any, f: Any) -> Any:
        return interpax.interp1d(x, KNOTS[:-1], f[:-1], method="cubic", period=5.0)

    yield Case(PACKAGE, "interp1d cubic", periodic, (inside, f), "periodic")
    surface = rng.normal(size=(6, 5))
    for method in ("linear", "cubic"):

        def two(x: Any, y: Any, f: Any, method: str = method) -> Any:
            return interpax.interp2d(x, y, KNOTS, KNOTS[:5], f, method=method)

        given = inside, rng.uniform(0.2, 3.9, 4), surface
        yield Case(PACKAGE, f"interp2d {method}", two, given, "ordinary")
    fourier = lambda f: interpax.fft_interp1d(f, 9)  # noqa: E731
    yield Case(PACKAGE, "fft_interp1d", fourier, (f,), "ordinary")
    for name in ("Akima1DInterpolator", "CubicSpline", "PchipInterpolator"):

        def spline(x: Any, f: Any, name: str = name) -> Any:
            return getattr(interpax, name)(KNOTS, f, check=False)(x)

        yield Case(PACKAGE, name, spline, (inside, f), "ordinary")
    slopes = rng.normal(size=6)

    def hermite(x: Any, f: Any, slopes: Any) -> Any:
        return interpax.CubicHermiteSpline(KNOTS, f, slopes, check=False)(x)

    yield Case(PACKAGE, "CubicHermiteSpline", hermite, (inside, f, slopes), "ordinary")
    df = lambda f: interpax.approx_df(KNOTS, f, "cubic")  # noqa: E731
    yield Case(PACKAGE, "approx_df cubic", df, (f,), "ordinary")
