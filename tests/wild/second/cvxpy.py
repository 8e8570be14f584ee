"""cvxpy: atoms, and the gradients that they give of themselves."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair
from tests.wild.case import Case

PACKAGE = "cvxpy"


def of_atom(atom: Any) -> Pair:
    """`grad` is a matrix, of all inputs by all outputs, both column by column."""
    import cvxpy as cp

    def made(arrays: Any) -> Any:
        variables = [cp.Variable(np.shape(a)) for a in arrays]
        for variable, array in zip(variables, arrays, strict=True):
            variable.value = np.asarray(array)
        return atom(*variables), variables

    def forward(*arrays: Any) -> Any:
        return np.array(made(arrays)[0].value), arrays

    def backward(dout: Any, arrays: Any) -> Any:
        out, variables = made(arrays)
        slopes = [out.grad[variable] for variable in variables]
        flat = np.ravel(dout, "F")
        return tuple(
            np.reshape(slope @ flat, np.shape(array), "F")
            for slope, array in zip(slopes, arrays, strict=True)
        )

    return Pair(forward, backward)


def cases() -> Iterator[Case]:
    import cvxpy as cp

    rng = np.random.default_rng(9)
    x, positive = rng.normal(size=4), rng.uniform(0.3, 2.5, 4)
    matrix = rng.normal(size=(3, 3))
    definite = matrix @ matrix.T + np.eye(3)
    fixed = np.eye(4) + 0.3
    for name, atom, at in (
        ("exp", cp.exp, x),
        ("entr", cp.entr, positive),
        ("log", cp.log, positive),
        ("log1p", cp.log1p, positive),
        ("logistic", cp.logistic, x),
        ("huber", lambda x: cp.huber(x, 0.7), x),
        ("inv_pos", cp.inv_pos, positive),
        ("power", lambda x: cp.power(x, -0.4), positive),
        ("sqrt", cp.sqrt, positive),
        ("xexp", cp.xexp, positive),
        ("abs", cp.abs, x),
        ("pos", cp.pos, x),
        ("geo_mean", cp.geo_mean, positive),
        ("geo_mean", lambda x: cp.geo_mean(x, [1, 2, 1, 3]), positive),
        ("harmonic_mean", cp.harmonic_mean, positive),
        ("log_sum_exp", cp.log_sum_exp, x),
        ("log_sum_exp", lambda x: cp.log_sum_exp(x, axis=0), matrix),
        ("norm1", cp.norm1, x),
        ("norm2", cp.norm2, x),
        ("pnorm", lambda x: cp.pnorm(x, 3), x),
        ("pnorm", lambda x: cp.pnorm(x, 0.5), positive),
        ("mixed_norm", lambda x: cp.mixed_norm(x, 2, 1), matrix),
        ("quad_form", lambda x: cp.quad_form(x, fixed), x),
        ("sum_squares", cp.sum_squares, matrix),
        ("sum_largest", lambda x: cp.sum_largest(x, 2), x),
        ("max", cp.max, x),
        ("min", lambda x: cp.min(x, axis=1), matrix),
        ("prod", cp.prod, positive),
        ("log_det", cp.log_det, definite),
        ("tr_inv", cp.tr_inv, definite),
        ("lambda_max", cp.lambda_max, definite),
        ("lambda_sum_largest", lambda x: cp.lambda_sum_largest(x, 2), definite),
        ("normNuc", cp.normNuc, matrix),
        ("sigma_max", cp.sigma_max, matrix),
        ("dotsort", lambda x: cp.dotsort(x, np.array([1.0, 2.0, -1.0, 0.5])), x),
        ("tv", cp.tv, x),
    ):
        yield Case(PACKAGE, name, of_atom(atom), (at,), str(at.shape))
    for name, atom, at in (
        ("kl_div", cp.kl_div, (positive, positive[::-1].copy())),
        ("rel_entr", cp.rel_entr, (positive, positive[::-1].copy())),
        ("matrix_frac", cp.matrix_frac, (x[:3], definite)),
        ("maximum", cp.maximum, (x, positive - 1)),
    ):
        yield Case(PACKAGE, name, of_atom(atom), at, "of two")
