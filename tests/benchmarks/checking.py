"""Seconds to check a gradient of 200,000 entries, and whether one wrong entry is noticed.

Each checker checks the same layer, x w + b in float64 with a hand-written backward pass, first
before and then after its programs are compiled. Then the sign of one entry of dw is flipped.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import check_gradients
from fnet.errors import GradientMismatch

BATCH, IN, OUT = 8, 512, 392
WRONG = (200, 100)
MOST = 2.0  # seconds
Check = Callable[[float], None]  # raises if it finds the gradient wrong


def results(rounds: int) -> dict[str, dict]:
    checks, missing = {}, []
    for name, make in CHECKERS.items():
        try:
            checks[name] = make()
        except ImportError as error:
            missing.append({"checker": f"{name}: not installed: {error.name}"})
    first = {name: _seconds(check) for name, check in checks.items()}
    again = [{name: _seconds(check) for name, check in checks.items()} for _ in range(rounds)]
    rows = [
        {
            "checker": name,
            "first, s": first[name],
            "again, s": float(np.median([found[name] for found in again])),
            "fnet takes": float(np.median([found["fnet.check"] / found[name] for found in again])),
            "sees one wrong entry": "yes" if _is_caught(check) else "no",
        }
        for name, check in checks.items()
    ]
    ours = rows[0]["again, s"] / MOST
    targets = [{"against": f"{MOST:g} s", "target": 1.0, "ratio": ours, "most": True}]
    title = f"check of {IN * OUT + OUT:,} parameters"
    return {
        "checking": {
            "title": title,
            "columns": list(rows[0]),
            "rows": rows + missing,
            "targets": targets,
        }
    }


def _seconds(check: Check) -> float:
    start = time.perf_counter()
    check(1.0)
    return time.perf_counter() - start


def _is_caught(check: Check) -> bool:
    try:
        check(-1.0)
    except (GradientMismatch, AssertionError, RuntimeError):
        return True
    return False


def _arrays() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    shapes = ((BATCH, IN), (IN, OUT), (OUT,))
    return tuple(rng.normal(size=shape) for shape in shapes)


@functools.cache
def _function(factor: float) -> Any:
    """x w + b, with one entry of its gradient by w multiplied by `factor`."""

    @jax.custom_vjp
    def affine(x: Any, w: Any, b: Any) -> Any:
        return x @ w + b

    def backward(kept: Any, dy: Any) -> Any:
        x, w = kept
        return dy @ w.T, (x.T @ dy).at[WRONG].multiply(factor), dy.sum(0)

    affine.defvjp(lambda x, w, b: (x @ w + b, (x, w)), backward)
    return affine


def _fnet() -> Check:
    def check(factor: float) -> None:
        check_gradients(_function(factor), *_arrays())

    return check


def _jax() -> Check:
    from jax.test_util import check_grads

    def check(factor: float) -> None:
        with jax.enable_x64(True):
            check_grads(_function(factor), (*map(jnp.asarray, _arrays()),), 1, ["rev"])

    return check


def _torch() -> Check:
    import torch

    class Affine(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any, b: Any, factor: float) -> Any:
            ctx.save_for_backward(x, w)
            ctx.factor = factor
            return x @ w + b

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            x, w = ctx.saved_tensors
            dw = x.T @ dy
            dw[WRONG] *= ctx.factor
            return dy @ w.T, dw, dy.sum(0), None

    def check(factor: float) -> None:
        arrays = [torch.tensor(array, requires_grad=True) for array in _arrays()]
        torch.autograd.gradcheck(
            lambda x, w, b: Affine.apply(x, w, b, factor), arrays, fast_mode=True
        )

    return check


CHECKERS: dict[str, Callable[[], Check]] = {
    "fnet.check": _fnet,
    "jax.test_util": _jax,
    "torch gradcheck, fast": _torch,
}
