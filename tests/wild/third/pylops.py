"""pylops: linear operators, whose adjoints are their backward passes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.third.glue import adjoint

PACKAGE = "pylops"


def cases() -> Iterator[Case]:
    import pylops
    from pylops import signalprocessing as signal

    rng = np.random.default_rng(5)
    wavelet = np.array([0.2, -1.0, 2.0, -0.7, 0.1])
    t, moved = np.arange(9.0), np.array([0.4, 2.7, 5.1, 7.3])
    for name, operator, label in (
        ("FirstDerivative", pylops.FirstDerivative(9), "centered"),
        ("FirstDerivative", pylops.FirstDerivative(9, edge=True), "edge"),
        ("FirstDerivative", pylops.FirstDerivative(9, order=5, edge=True), "order 5, edge"),
        ("FirstDerivative", pylops.FirstDerivative(9, kind="forward"), "forward"),
        ("FirstDerivative", pylops.FirstDerivative((4, 5), axis=0, kind="backward"), "backward"),
        ("SecondDerivative", pylops.SecondDerivative(9, edge=True), "edge"),
        ("SecondDerivative", pylops.SecondDerivative(9, kind="forward", sampling=0.3), "forward"),
        ("Laplacian", pylops.Laplacian((4, 5), weights=(1.0, 2.0), edge=True), "edge"),
        ("Gradient", pylops.Gradient((4, 5), sampling=(0.5, 2.0)), ""),
        ("CausalIntegration", pylops.CausalIntegration(9, kind="half", removefirst=True), "half"),
        ("CausalIntegration", pylops.CausalIntegration(9, kind="trapezoidal"), "trapezoidal"),
        ("Smoothing1D", pylops.Smoothing1D(3, 9), ""),
        ("Smoothing2D", pylops.Smoothing2D((3, 3), (4, 5)), ""),
        ("Symmetrize", pylops.Symmetrize(9), ""),
        ("Spread", _spread(pylops, rng), ""),
        ("Sum", pylops.Sum((4, 5), axis=0), ""),
        ("Roll", pylops.Roll(9, shift=-2), ""),
        ("Flip", pylops.Flip((4, 5), axis=1), ""),
        ("Pad", pylops.Pad((4, 5), ((1, 0), (2, 1))), ""),
        ("Restriction", pylops.Restriction(9, [0, 3, 3, 8]), "one twice"),
        ("LinearRegression", pylops.LinearRegression(t), ""),
        ("Regression", pylops.Regression(t / 9, order=4), ""),
        ("Kronecker", pylops.Kronecker(pylops.FirstDerivative(4), pylops.Smoothing1D(3, 5)), ""),
        ("Convolve1D", signal.Convolve1D(9, wavelet, offset=2), ""),
        ("Convolve2D", signal.Convolve2D((5, 6), rng.normal(size=(3, 3)), offset=(1, 1)), ""),
        ("NonStationaryConvolve1D",
         signal.NonStationaryConvolve1D(9, rng.normal(size=(3, 5)), (1, 4, 7)), ""),
        ("Interp", signal.Interp(9, moved, kind="linear")[0], "linear"),
        ("Interp", signal.Interp(9, moved, kind="sinc")[0], "sinc"),
        ("Bilinear", signal.Bilinear(np.stack([moved / 3, moved / 2]), (4, 5)), ""),
        ("DCT", signal.DCT((4, 5), axes=1), ""),
        ("Fredholm1", signal.Fredholm1(rng.normal(size=(2, 3, 4)), nz=1, dtype="float64"), ""),
        ("PrestackLinearModelling", _prestack(pylops, wavelet), ""),
        ("PoststackLinearModelling",
         pylops.avo.poststack.PoststackLinearModelling(wavelet, nt0=9), ""),
    ):  # fmt: skip
        x = rng.normal(size=operator.shape[1])
        yield Case(PACKAGE, name, adjoint(operator), (x,), label)


def _spread(pylops: Any, rng: Any) -> Any:
    table = rng.integers(0, 5, (3, 4, 3)).astype(float)
    return pylops.Spread((3, 4), (3, 5), table=table)


def _prestack(pylops: Any, wavelet: Any) -> Any:
    from pylops.avo.prestack import PrestackLinearModelling

    return PrestackLinearModelling(wavelet, np.array([0.0, 10.0, 20.0]), nt0=7, vsvp=0.5)
