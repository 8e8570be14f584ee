"""How far convolutions are from lax's and from PyTorch's, over the whole table of the tests.

`tests/test_convolution.py` draws over 500 configurations, of which a run of the tests takes a few.
Here each is computed in float64 by fnet, by `lax.conv_general_dilated` and its autodiff, and by
PyTorch: values and gradients. An error is the largest difference of an array, relative to its
largest entry, and a row of the table has the largest of its configurations. Loops over images and
bands are as short as in the tests, Winograd's way is taken for few channels too, and products over
patches for all but the smallest windows.
"""

import itertools

import jax
import numpy as np

from fnet.core import blocks, taps, winograd
from tests import test_convolution as table

TARGET = 1e-11
QUICKLY = {"xla_backend_optimization_level": 0}  # much is compiled, and little computed


def results(rounds: int) -> dict[str, dict]:
    """One run: rounding is the same in each."""
    with jax.enable_x64(True):
        errors = [(_kind(row), _errors(row)) for row in table.TABLE]
    rows = []
    for kind, of_kind in itertools.groupby(sorted(errors, key=lambda pair: str(pair[0])), _first):
        found = [each for _, each in of_kind]
        names = {name: None for each in found for name in each}
        largest = {name: max(each.get(name, 0.0) for each in found) for name in names}
        rows.append({**kind, "configurations": len(found), **largest})
    title = f"{len(errors)} convolutions, in float64"
    targets = [
        {
            "against": f"{peer}, values and gradients",
            "target": TARGET,
            "ratio": max((row[name] for row in rows for name in row if peer in name), default=None),
            "most": True,
        }
        for peer in ("lax", "PyTorch")
    ]
    return {
        "convolutions": {
            "title": title,
            "columns": list(rows[0]),
            "rows": rows,
            "targets": targets,
        }
    }


def _first(pair: tuple) -> dict:
    return pair[0]


def _kind(row: table.Row) -> dict[str, object]:
    return {
        "layer": "conv_transpose" if row.transposed else "conv",
        "axes": len(row.inputs),
        "padding": row.padding if isinstance(row.padding, str) else type(row.padding).__name__,
        "window": "3 x 3, stride 1" if row.common else "any",
    }


def _errors(row: table.Row) -> dict[str, float]:
    block, least, few = blocks.BLOCK, winograd.LEAST, taps.FEW
    blocks.BLOCK, winograd.LEAST, taps.FEW = row.block, 1, table.FEW
    try:
        params, x, dy = table.arguments(row)
        found, by_lax = jax.jit(
            lambda *given: (table.ours(row, *given), table.theirs(row, *given)),
            compiler_options=QUICKLY,
        )(params, x, dy)
    finally:
        blocks.BLOCK, winograd.LEAST, taps.FEW = block, least, few
    ours = _arrays(*found)
    peers = {"lax": _arrays(*by_lax), "PyTorch": _by_pytorch(row, params, x, dy)}
    return {
        f"{name}, {peer}": float(np.abs(ours[name] - array).max(initial=0))
        / (float(np.abs(array).max(initial=0)) or 1.0)
        for peer, arrays in peers.items()
        for name, array in arrays.items()
        if array is not None
    }


def _arrays(y: jax.Array, gradients: tuple) -> dict[str, np.ndarray | None]:
    (dw, db), dx = gradients
    arrays = {"y": y, "dw": dw, "db": db, "dx": dx}
    return {name: None if a is None else np.asarray(a) for name, a in arrays.items()}


def _by_pytorch(row: table.Row, params: table.Conv, x: jax.Array, dy: jax.Array) -> dict:
    """The same by PyTorch, which is given its padding in numbers; without it, nothing."""
    try:
        import torch
        from torch.nn import functional
    except ImportError:
        return {}
    rank = len(row.inputs)
    first, last = (0, rank + 1, *range(1, rank + 1)), (0, *range(2, rank + 2), 1)

    def leaf(array: np.ndarray, order: tuple[int, ...]) -> torch.Tensor:
        # Contiguous: where its convolution is the slow one, PyTorch refuses other gradients of w.
        laid_out = np.ascontiguousarray(np.asarray(array).transpose(order))
        return torch.tensor(laid_out).requires_grad_()

    given, out = leaf(x, first), torch.tensor(np.asarray(dy).transpose(first))
    w = leaf(params.w, (rank + 1, rank, *range(rank)))
    b = None if params.b is None else leaf(params.b, (0,))
    options = {"stride": row.stride, "dilation": row.dilation, "groups": row.groups}
    windows = table.windows_of(row)
    if row.transposed:
        y = getattr(functional, f"conv_transpose{rank}d")(given, w, **options)
        sizes = zip(windows.padding, out.shape[2:], y.shape[2:], strict=True)
        pads = [(-before, m - (n - before)) for (before, _), m, n in sizes]
        y = functional.pad(y, _flat(pads))
        y = y if b is None else y + b.reshape(-1, *(1,) * rank)
    else:
        padded = functional.pad(given, _flat(windows.padding))
        y = getattr(functional, f"conv{rank}d")(padded, w, b, **options)
    leaves = [w, given] if b is None else [w, given, b]
    dw, dx, *db = torch.autograd.grad(y, leaves, out)
    order = (*range(2, rank + 2), 1, 0)
    return {
        "y": y.detach().numpy().transpose(last),
        "dw": dw.numpy().transpose(order),
        "db": db[0].numpy() if db else None,
        "dx": dx.numpy().transpose(last),
    }


def _flat(pads) -> list[int]:
    """As `torch.nn.functional.pad` takes them: the last axis first."""
    return [size for pair in reversed(pads) for size in pair]
