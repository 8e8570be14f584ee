"""Pictures of networks for text: bits per character beside the best possible, and attention."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fnet.errors import DataError
from fnet.plots.page import BLUE, INK, MUTED, VERMILLION, frame, legend, page, short, titled

NAMED = 64  # steps; of more, names would be too small to read


def bits_per_character(
    history: Sequence[Mapping[str, float]], optimum: float | None = None, *, ax: Axes | None = None
) -> Figure:
    """Bits per character by epoch, and the lowest that any model can have, where it is known.

    An entry of `history` has epoch and train_bits, and may have val_bits; `optimum` is in bits too.
    The title has the lowest of validation, or without it of training.

    >>> history = [{"epoch": 1, "train_bits": 2.0, "val_bits": 1.75}]
    >>> bits_per_character(history, 1.6).axes[0].get_title("left")
    '1.7500 bits per character, 9.4% above the optimum'
    """
    if not history:
        raise DataError("bits_per_character: the history is empty; train for one epoch or more")
    ax = ax or page(7, 3.8).subplots()
    epochs, lowest = [entry["epoch"] for entry in history], 0.0
    lines = [("train", "train", MUTED, "--"), ("val", "validation", BLUE, "-")]
    for part, label, colour, style in lines:
        if all(f"{part}_bits" in entry for entry in history):
            values = [entry[f"{part}_bits"] for entry in history]
            marker, lowest = "." if len(history) <= 30 else "", min(values)
            ax.plot(epochs, values, style, color=colour, label=label, marker=marker, lw=1.8)
    title = f"{lowest:.4f} bits per character"
    if optimum is not None:
        ax.axhline(optimum, color=VERMILLION, lw=1.4, label="the best possible")
        title += f", {lowest / optimum - 1:.1%} above the optimum"
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    frame(ax, "epoch", "bits per character")
    legend(ax)
    return titled(ax, title, " ")


def attention_weights(weights: Any, tokens: Sequence[str], *, ax: Axes | None = None) -> Figure:
    """How much each step (row) of a text attends to each other (column): one head's weights.

    `weights` (T, T), each row of which sums to 1; `tokens` are the names of the steps.

    >>> import numpy as np
    >>> attention_weights(np.eye(3), "abc").axes[0].get_title("left")
    'What each character attends to'
    """
    weights = np.asarray(weights, np.float64)
    n = len(tokens)
    if weights.shape != (n, n) or n == 0:
        raise DataError(
            f"attention_weights: weights are {weights.shape} and there are {n} tokens; they must "
            "be (T, T), a row and a column for each token"
        )
    side = min(2.0 + 0.16 * n, 12)
    ax = ax or page(side, side).subplots()
    ax.imshow(np.sqrt(weights.clip(0, 1)), cmap="Blues", vmin=0, vmax=1)  # small weights show too
    names = [short(name, 4) for name in tokens] if n <= NAMED else []
    for set_ticks in (ax.set_xticks, ax.set_yticks):
        set_ticks(range(len(names)), names, fontsize=7, family="monospace")
    ax.tick_params(length=0, labelcolor=INK)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("looked at", color=INK)
    ax.set_ylabel("looks", color=INK)
    return titled(ax, "What each character attends to")
