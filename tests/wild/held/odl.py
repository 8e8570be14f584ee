"""ODL: functionals of inverse problems with their gradients and derivatives."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions

PACKAGE = "odl"


def cases() -> Iterator[Case]:
    import odl
    from odl import functionals

    space = odl.rn(4)
    x, positive = np.array([-1.3, 0.2, 0.7, 2.1]), np.array([0.3, 0.8, 1.2, 2.0])
    small, zero = np.array([0.1, 0.4, 0.7, -0.5]), np.zeros(4)
    prior = space.element(np.array([0.5, 1.0, 0.7, 1.4]))
    squared = functionals.L2NormSquared(space)
    matrix = odl.MatrixOperator(np.random.default_rng(14).normal(size=(4, 4)), space, space)
    built: dict[str, tuple[Any, np.ndarray]] = {
        "L1Norm": (functionals.L1Norm(space), x),
        "L2Norm": (functionals.L2Norm(space), x),
        "L2NormSquared": (squared, x),
        "KullbackLeibler": (functionals.KullbackLeibler(space, prior), positive),
        "KullbackLeibler.convex_conj": (
            functionals.KullbackLeibler(space, prior).convex_conj, small),
        "KullbackLeiblerCrossEntropy": (
            functionals.KullbackLeiblerCrossEntropy(space, prior), positive),
        "KullbackLeiblerCrossEntropy.convex_conj": (
            functionals.KullbackLeiblerCrossEntropy(space, prior).convex_conj, x),
        "QuadraticForm": (functionals.QuadraticForm(matrix, prior, 0.4), x),
        "Huber": (functionals.Huber(space, 0.6), x),
        "RosenbrockFunctional": (functionals.RosenbrockFunctional(space), x),
        "L2NormSquared * matrix": (squared * matrix, x),
        "translated": (squared.translated(prior), x),
        "product": (functionals.FunctionalProduct(squared, functionals.L2Norm(space)), x),
        "quotient": (functionals.FunctionalQuotient(squared, functionals.L2Norm(space) + 1), x),
    }  # fmt: skip
    for name, (functional, at) in built.items():
        yield Case(PACKAGE, f"{name}.gradient", _subject(space, functional), (at,))
    for name in ("L1Norm", "L2Norm", "Huber"):
        functional = built[name][0]
        yield Case(PACKAGE, f"{name}.gradient", _subject(space, functional), (zero,), "0")


def _subject(space: Any, functional: Any) -> Any:
    return two_functions(
        lambda x: float(functional(space.element(np.asarray(x)))),
        lambda x: np.asarray(functional.gradient(space.element(np.asarray(x))).asarray()),
    )
