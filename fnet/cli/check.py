"""`fnet check`: every hand-written gradient against autodiff, as a table."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from fnet import layers, losses
from fnet.check import Report, check_layer, check_loss
from fnet.checkpoint import VOCABULARY
from fnet.cli.arguments import Settings, above, command
from fnet.configuration import read
from fnet.core import Layer
from fnet.errors import ConfigurationError, GradientMismatch

EXAMPLES = """
fnet check                                   every layer and loss
fnet check relu 'affine(7, l2=0.1)'          these layers
fnet check 'serial(affine(7), tanh(), affine(3))' --shape 2 5
"""

SHAPES = {"squeeze": (5, 1)}  # of one example, where a layer does not take any
SHAPE = (3, 5)
WRITTEN = {"affine": "affine(7, l2=0.1)"}  # of a layer that needs arguments


def add(commands: Any) -> None:
    """Register the command."""
    summary = "compare hand-written gradients with autodiff, entry by entry in float64"
    parser = command(commands, "check", run, summary, EXAMPLES)
    parser.add_argument(
        "layers", nargs="*", metavar="LAYER", help="a name or a call (default: all, and losses)"
    )
    parser.add_argument(
        "--shape", nargs="+", type=above(0, int), help="of one example (default: one that fits)"
    )


def run(given: Settings) -> int:
    """Run the command; the exit status is 1 where a gradient is wrong."""
    table = Table(
        Column("gradient of", overflow="fold"), "entries checked", "largest error", "verdict"
    )
    wrong = []
    for name, check in _checks(given.get("layers", []), given.get("shape")):
        try:
            report = check()
            table.add_row(name, f"{report.entries:,}", f"{report.error:.1e}", "[green]right")
        except GradientMismatch as error:
            wrong.append(str(error))
            table.add_row(name, f"{error.total:,}", "", f"[red]{error.wrong:,} wrong")
    console = Console()
    console.print(table)
    for message in wrong:
        console.print(message, markup=False)
    return 1 if wrong else 0


def _checks(names: list[str], shape: Any) -> Iterator[tuple[str, Callable[[], Report]]]:
    for name in names or layers.__all__:
        made = _layer(name)
        example = tuple(shape or SHAPES.get(name.split("(")[0], SHAPE))
        yield repr(made), functools.partial(check_layer, made, example)
    if names:
        return
    for name in losses.__all__:
        for reduction in losses.REDUCTIONS:
            loss = getattr(losses, name)(reduction)
            yield repr(loss), functools.partial(check_loss, loss, *_example(name))


def _layer(name: str) -> Layer:
    """The layer that this name or call makes."""
    if name in layers.__all__ or "(" in name:
        made = read(WRITTEN.get(name, name if "(" in name else f"{name}()"), VOCABULARY["model"])
        if isinstance(made, Layer):
            return made
    raise ConfigurationError(f"{name} is not a layer; choose of {', '.join(layers.__all__)}")


def _example(loss: str) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets that this loss takes."""
    rng = np.random.default_rng(0)
    if loss == "cross_entropy":
        return rng.normal(size=(7, 5)), rng.integers(0, 5, 7)
    return rng.uniform(0.05, 0.95, (7, 3)), rng.uniform(0, 1, (7, 3))
