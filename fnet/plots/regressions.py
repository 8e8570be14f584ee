"""Pictures of a regression: predictions beside the truth, and what is left over."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fnet.errors import DataError
from fnet.plots.page import BLUE, MUTED, VERMILLION, figure, frame, legend, page, short, titled
from fnet.training.metrics import mae, r2

CROWD = 500  # more points than these are drawn fainter


def predicted_against_true(
    target: Any, predicted: Any, *, name: str = "target", ax: Axes | None = None
) -> Figure:
    """Each sample at (target, prediction), and the line on which predictions are right.

    Both axes have one scale. target and predicted: (N,); `name` is the target's.

    >>> predicted_against_true([1, 2, 3], [1, 2, 4], name="price").axes[0].get_title("left")
    'R² 0.500'
    """
    t, y = _pair("predicted_against_true", target, predicted)
    ax = ax or page(5.4, 5.2).subplots()
    ends = np.array([min(t.min(), y.min()), max(t.max(), y.max())])
    ends += np.array([-0.04, 0.04]) * (np.ptp(ends) or 1)
    ax.plot(ends, ends, "--", color=MUTED, lw=1.4, label="prediction = truth")
    ax.plot(t, y, "o", color=BLUE, ms=5, mew=0, alpha=_alpha(len(t)), label=f"{len(t):,} samples")
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.set_aspect("equal")
    frame(ax, f"true {short(name)}", f"predicted {short(name)}")
    legend(ax)
    return titled(ax, f"R² {r2(t, y):.3f}")


def residuals(
    target: Any, predicted: Any, *, name: str = "target", ax: Axes | None = None
) -> Figure:
    """What predictions leave over, target − prediction: against the prediction, and how many.

    A pattern on the left is something that the model has not learned; a band that widens, errors
    that grow with the prediction. If `ax` is given, only the left is drawn.

    >>> [ax.get_xlabel() for ax in residuals([1, 2, 3], [1, 2, 4], name="price").axes]
    ['predicted price', 'number of samples']
    """
    t, y = _pair("residuals", target, predicted)
    left = t - y
    panels = (
        [ax]
        if ax
        else page(9, 3.8).subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [2, 1]})
    )
    for panel in panels:
        panel.axhline(0, color=MUTED, lw=1.4, ls="--")
    panels[0].plot(y, left, "o", color=BLUE, ms=5, mew=0, alpha=_alpha(len(t)))
    frame(panels[0], f"predicted {short(name)}", "true − predicted")
    titled(panels[0], f"mean absolute error {mae(t, y):.4g}")
    if ax is None:
        bins = int(np.clip(np.sqrt(len(t)) * 1.5, 5, 60))
        panels[1].hist(left, bins=bins, orientation="horizontal", color=BLUE, alpha=0.75)
        panels[1].axhline(left.mean(), color=VERMILLION, lw=1.8, label=f"mean {left.mean():.3g}")
        frame(panels[1], "number of samples", "")
        legend(panels[1])
    return figure(panels[0])


def _pair(caller: str, target: Any, predicted: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as numbers, without samples of which one is not finite."""
    t, y = (np.asarray(values, np.float64).ravel() for values in (target, predicted))
    if len(t) != len(y):
        raise DataError(f"{caller}: {len(t)} targets and {len(y)} predictions; as many are needed")
    whole = np.isfinite(t) & np.isfinite(y)
    if not whole.any():
        raise DataError(f"{caller}: there is no sample whose target and prediction are finite")
    return t[whole], y[whole]


def _alpha(count: int) -> float:
    return 0.65 if count <= CROWD else max(0.08, 0.65 * (CROWD / count) ** 0.5)
