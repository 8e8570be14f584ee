"""The figures of a model in words: accuracy as a percentage, errors with four digits."""

import math
from collections.abc import Mapping

MAIN = {"bits": "bits per character", "accuracy": "accuracy", "r2": "R²"}  # what sums a model up
LOWER = ("bits",)  # of these the lower is the better; of others the higher
WORDS = {**MAIN, "mae": "MAE", "rmse": "RMSE"}


def figures(metrics: Mapping[str, float], prefix: str = "") -> list[str]:
    """Each figure whose name begins so, with its name: accuracy 83.0%, or R² 0.812, MAE 2.31.

    >>> figures({"val_loss": 1.0, "val_accuracy": 0.8304}, "val_")
    ['accuracy 83.0%']
    """
    given = {name: metrics[f"{prefix}{name}"] for name in WORDS if f"{prefix}{name}" in metrics}
    return [f"{WORDS[name]} {spelled(name, value)}" for name, value in given.items()]


def spelled(name: str, value: float) -> str:
    """One figure, of this name.

    >>> spelled("r2", 0.81249), spelled("mae", 21345.6), spelled("mae", 0.0123456)
    ('0.812', '21,346', '0.01235')
    """
    if name == "accuracy":
        return f"{value:.1%}"
    return f"{value:.3f}" if name == "r2" else short_number(value)


def short_number(value: float) -> str:
    """Four digits, or as many as the whole part has.

    >>> short_number(1234567.0), short_number(12.3), short_number(0.0), short_number(1.5e-9)
    ('1,234,567', '12.30', '0', '1.5e-09')
    """
    if not math.isfinite(value) or value == 0 or not 1e-4 <= abs(value) < 1e9:
        return f"{value:.4g}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def classes_of(name: str, bounds: tuple[float, float], between: int) -> str:
    """A sentence on the two classes that a number was made, and on the rows that are in neither.

    >>> classes_of("price", (90.0, 120.5), 3)
    '`price` is low up to 90.00 and high from 120.5 on; 3 rows between are left out'
    """
    low, high = map(short_number, bounds)
    rows = "1 row between is" if between == 1 else f"{between:,} rows between are"
    return f"`{name}` is low up to {low} and high from {high} on; {rows} left out"


def main_of(metrics: Mapping[str, float], prefix: str = "") -> str | None:
    """The name of the figure that sums these up, without the prefix; None where there is none.

    >>> main_of({"val_r2": 0.8, "val_loss": 0.2}, "val_")
    'r2'
    """
    return next((name for name in MAIN if f"{prefix}{name}" in metrics), None)
