"""A picture of the errors of a gradient."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fnet.errors import DataError
from fnet.plots.page import INK, figure, frame, page, titled

MARKED = 600  # with more entries than this, they are too small for a dot


def gradient_errors(report: Any, *, ax: Axes | None = None) -> Figure:
    """The error of the first wrong gradient in a report of `fnet.check`, entry by entry.

    All axes but the last are merged into rows. White entries are right, violet ones too small,
    orange ones too large; a dot marks every wrong entry, however small its error. Raises
    `DataError` for a report in which no array is wrong.

    >>> import numpy as np
    >>> from fnet.check import Pair, explain
    >>> wrong = Pair(lambda x: (x * x, x), lambda dout, x: (x * dout,))
    >>> gradient_errors(explain(wrong, np.ones((2, 3)))).axes[0].get_title("left")
    'dx (2 × 3): 6 of 6 wrong'
    """
    findings = [finding for finding in report.findings if finding.errors is not None]
    if not findings:
        raise DataError(
            f"gradient_errors: no array is wrong in the report of {report.subject}; there is "
            "nothing to draw"
        )
    finding = findings[0]
    errors = np.nan_to_num(np.atleast_2d(finding.errors), posinf=0, neginf=0)
    errors = errors.reshape(-1, errors.shape[-1])
    panel = ax or page(5.5, 4).subplots()
    size = float(np.abs(errors).max()) or 1.0
    norm = TwoSlopeNorm(0, -size, size)
    drawn = panel.imshow(errors, cmap="PuOr_r", norm=norm, aspect="auto", interpolation="nearest")
    if errors.size <= MARKED:
        panel.plot(*np.nonzero(errors)[::-1], ".", color=INK, ms=4)
    figure(panel).colorbar(drawn, ax=panel, label="actual − expected")
    shape = " × ".join(map(str, np.shape(finding.errors)))
    frame(panel, "last axis", "the other axes" if np.ndim(finding.errors) > 2 else "first axis")
    panel.grid(visible=False)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    titled(panel, f"{finding.leaf} ({shape}): {finding.wrong} of {finding.total} wrong")
    return figure(panel)
