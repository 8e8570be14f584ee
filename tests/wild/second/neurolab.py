"""neurolab: transfer and error functions with `deriv`."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnet.check import Pair, ValueAndGrad
from tests.wild.case import Case

PACKAGE = "neurolab"


def cases() -> Iterator[Case]:
    vars(np).setdefault("Inf", np.inf)  # it is of NumPy 1
    from neurolab import error, trans

    rng = np.random.default_rng(4)
    x = rng.normal(size=(4, 3))
    edges = np.array([-1.0, -0.4, 0.0, 0.3, 1.0, 1.7])
    for name in ("TanSig", "PureLin", "LogSig", "SatLin", "SatLins"):
        pair = _transfer(getattr(trans, name)())
        yield Case(PACKAGE, f"trans.{name}", pair, (x,))
        yield Case(PACKAGE, f"trans.{name}", pair, (edges,), "edges")
    yield Case(PACKAGE, "trans.SatLinPrm", _transfer(trans.SatLinPrm(0.5, -0.8, 0.9)), (x,))
    target, output = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
    for name in ("MSE", "SSE", "SAE", "MAE"):
        function = functools.partial(_error, getattr(error, name)(), target)
        yield Case(PACKAGE, f"error.{name}", ValueAndGrad(function), (output,))
    target, output = rng.uniform(size=(6, 1)).round(), rng.uniform(0.1, 0.9, (6, 1))
    function = functools.partial(_error, error.CEE(), target)
    yield Case(PACKAGE, "error.CEE", ValueAndGrad(function), (output,))


def _transfer(function: Any) -> Pair:
    def forward(x: Any) -> Any:
        y = function(x)
        return y, (x, y)

    return Pair(forward, lambda dout, cache: dout * function.deriv(*cache))


def _error(function: Any, target: Any, output: Any) -> Any:
    return function(target, output), function.deriv(target, output)
