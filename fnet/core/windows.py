"""Where windows lie: their sizes, steps, gaps and padding along every spatial axis.

Of an axis with n entries, p before it and q behind it, windows of k taps, d apart, at steps of s:

    span     d (k − 1) + 1                    the entries that a window reaches over
    outputs  ⌊(n + p + q − span) / s⌋ + 1
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from fnet.core.expect import require, require_whole
from fnet.errors import ConfigurationError

Sizes = int | tuple[int, ...]  # one for every axis, or one each
Pairs = tuple[tuple[int, int], ...]
Padding = str | int | Pairs

NAMED = ("same", "valid", "causal")


class Windows(NamedTuple):
    """Windows over the spatial axes of an input, one entry per axis; a static argument of `jit`."""

    inputs: tuple[int, ...]
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    padding: Pairs

    @property
    def spans(self) -> tuple[int, ...]:
        """How many entries of an axis a window reaches over."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.sizes, self.dilations, strict=True))

    @property
    def padded(self) -> tuple[int, ...]:
        """The sizes of the input with its padding."""
        return tuple(n + sum(pair) for n, pair in zip(self.inputs, self.padding, strict=True))

    @property
    def outputs(self) -> tuple[int, ...]:
        """How many windows there are along each axis."""
        axes = zip(self.padded, self.spans, self.strides, strict=True)
        return tuple((n - span) // s + 1 for n, span, s in axes)

    @property
    def taps(self) -> int:
        """How many entries a window has."""
        return math.prod(self.sizes)

    @property
    def plain(self) -> bool:
        """Whether every window is one entry, and every entry a window."""
        return self.taps == math.prod(self.strides) == 1 and self.padded == self.inputs

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Where each tap lies, from the beginning of its window; the last axis runs fastest."""
        for place in itertools.product(*map(range, self.sizes)):
            yield tuple(k * d for k, d in zip(place, self.dilations, strict=True))

    def phases(self) -> "list[Phase]":
        """For each place modulo the strides, the last axis fastest, the inputs there.

        Tap k of window o covers input s o + d k − p. It is s m + t only for taps with
        d k ≡ t + p modulo s, which are s / gcd(d, s) apart, and then o = m + (t + p − d k) / s.
        """
        return [self._phase(place) for place in itertools.product(*map(range, self.strides))]

    def _phase(self, place: tuple[int, ...]) -> "Phase":
        counts, taps, dilations, pairs = [], [], [], []
        for n, k, s, d, (p, _), outputs, t in zip(*self[:5], self.outputs, place, strict=True):
            counts.append(max(-(-(n - t) // s), 0))
            hit = [tap for tap in range(k) if (d * tap - t - p) % s == 0]
            if not hit or not counts[-1]:
                continue
            shared = math.gcd(d, s)
            taps.append(slice(hit[0], None, s // shared))
            dilations.append(d // shared)
            first, last = ((t + p - d * tap) // s for tap in (hit[-1], hit[0]))
            pairs.append((-first, counts[-1] + last - outputs))
        if len(taps) < len(place):
            return Phase(tuple(counts), None)
        sizes = tuple(len(range(k)[tap]) for k, tap in zip(self.sizes, taps, strict=True))
        ones = (1,) * len(place)
        over = Windows(self.outputs, sizes, ones, tuple(dilations), tuple(pairs))
        return Phase(tuple(counts), Reached(tuple(taps), over))


class Reached(NamedTuple):
    """The taps that reach a phase, and, in reverse, as windows over the outputs."""

    taps: tuple[slice, ...]
    windows: Windows


class Phase(NamedTuple):
    """The inputs at one place modulo the strides: how many along each axis, and what reaches them
    from the outputs, if anything does."""

    counts: tuple[int, ...]
    reached: Reached | None


def check_windows(name: str, window: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """Raise ConfigurationError unless these describe windows, whatever the input's size.

    Each is a whole number for every axis or a tuple of one each; `padding` is "same", "valid",
    "causal", a whole number for every side, or a pair (before, behind) for each axis.
    """
    ranks: dict[str, int] = {}
    for argument, value in (("window", window), ("stride", stride), ("dilation", dilation)):
        for size in value if isinstance(value, tuple) else (value,):
            require_whole(f"{name}: {argument}", size, least=1)
        if isinstance(value, tuple):
            ranks[argument] = len(value)
    if isinstance(padding, str | int) and not isinstance(padding, bool):
        if isinstance(padding, int):
            require_whole(f"{name}: padding", padding, least=0)
        elif padding not in NAMED:
            raise ConfigurationError(f"{name}: padding is {padding!r}; {_of_padding()}")
    else:
        ranks["padding"] = _pairs(name, padding)
    if len(set(ranks.values())) > 1 or not all(1 <= rank <= 3 for rank in ranks.values()):
        given = ", ".join(f"{argument} for {rank}" for argument, rank in ranks.items())
        raise ConfigurationError(
            f"{name}: {given} axes; give an entry for each of 1, 2 or 3 axes, or one number for all"
        )


def _pairs(name: str, padding: Any) -> int:
    """Of how many axes these are pairs of whole numbers."""
    pairs = isinstance(padding, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in padding
    )
    if not pairs:
        raise ConfigurationError(f"{name}: padding is {padding!r}; {_of_padding()}")
    for size in itertools.chain(*padding):
        require_whole(f"{name}: padding", size, least=0)
    return len(padding)


def _of_padding() -> str:
    return (
        'take "same", "valid", "causal", one number for every side, or a pair (before, behind) for '
        "each axis: ((1, 1), (0, 2))"
    )


def per_axis(name: str, argument: str, value: Any, rank: int) -> tuple[Any, ...]:
    """One entry per axis; raises ShapeError where the tuple is for another number of axes."""
    if not isinstance(value, tuple):
        return (value,) * rank
    require(
        len(value) == rank,
        f"{name}: {argument} is {value}, for {len(value)} axes, and the input has {rank} between "
        "its batch and its channels",
    )
    return value


def lay(
    name: str,
    inputs: tuple[int, ...],
    window: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
) -> Windows:
    """The windows over an input of these spatial sizes; raises ShapeError where none fits."""
    rank = len(inputs)
    sizes, strides, dilations = (
        per_axis(name, argument, value, rank)
        for argument, value in (("window", window), ("stride", stride), ("dilation", dilation))
    )
    windows = Windows(tuple(inputs), sizes, strides, dilations, ((0, 0),) * rank)
    pairs = padding_of(name, windows, padding)
    windows = windows._replace(padding=pairs)
    for axis, (n, span) in enumerate(zip(windows.padded, windows.spans, strict=True)):
        require(
            span <= n,
            f"{name}: a window reaches over {span} entries of spatial axis {axis}, which has {n} "
            f'with its padding {pairs[axis]}: take a smaller window or dilation, or padding="same"',
        )
    return windows


def padding_of(name: str, windows: Windows, padding: Padding) -> Pairs:
    """The pair (before, behind) of each axis.

    "same" leaves ⌈n / s⌉ windows, and where the padding is odd, one more behind than before, as
    TensorFlow and lax have it; "causal" pads before each axis only, so that no output depends on an
    entry behind it; "valid" pads nothing.
    """
    if padding == "valid":
        return windows.padding
    if isinstance(padding, int):
        return ((padding, padding),) * len(windows.inputs)
    if padding == "causal":
        return tuple((span - 1, 0) for span in windows.spans)
    if padding == "same":
        axes = zip(windows.inputs, windows.spans, windows.strides, strict=True)
        totals = [max((-(-n // s) - 1) * s + span - n, 0) for n, span, s in axes]
        return tuple((total // 2, total - total // 2) for total in totals)
    return per_axis(name, "padding", padding, len(windows.inputs))


def lay_transposed(
    name: str,
    inputs: tuple[int, ...],
    window: Sizes,
    stride: Sizes,
    padding: Padding,
    dilation: Sizes,
    output_padding: Sizes,
) -> Windows:
    """The windows of the convolution whose gradient takes inputs of these sizes.

    Its inputs are the outputs of the transposed one: n s for "same" and "causal", and else
    (n − 1) s + span − p − q + output_padding. Raises ShapeError where that is not above 0.
    """
    rank = len(inputs)
    sizes, strides, dilations, extra = (
        per_axis(name, argument, value, rank)
        for argument, value in (
            ("window", window),
            ("stride", stride),
            ("dilation", dilation),
            ("output_padding", output_padding),
        )
    )
    windows = Windows(inputs, sizes, strides, dilations, ((0, 0),) * rank)
    steps = zip(inputs, windows.spans, strides, strict=True)
    if padding in ("same", "causal"):
        totals = [max(span - s, 0) for span, s in zip(windows.spans, strides, strict=True)]
        before = [total // 2 if padding == "same" else 0 for total in totals]
        pairs = tuple((p, total - p) for p, total in zip(before, totals, strict=True))
        outputs = tuple(n * s for n, _, s in steps)
    else:
        pairs = padding_of(name, windows, padding)
        outputs = tuple(
            (n - 1) * s + span - sum(pair) + more
            for (n, span, s), pair, more in zip(steps, pairs, extra, strict=True)
        )
    for axis, size in enumerate(outputs):
        require(
            size > 0,
            f"{name}: the padding {pairs[axis]} leaves {size} outputs along spatial axis {axis}; "
            "pad less, or take a larger window",
        )
    return windows._replace(inputs=outputs, padding=pairs)
