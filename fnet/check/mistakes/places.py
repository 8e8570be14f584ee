"""Mistakes of place: entries, rows, axes, transposition, sums."""

import functools
from typing import Any

import numpy as np

from fnet.check.mistakes import ratios
from fnet.check.mistakes.evidence import Evidence, Explanation, Explanations
from fnet.check.mistakes.formulas import named_axes


def one_entry(evidence: Evidence) -> Explanations:
    """A single wrong entry."""
    wrong = evidence.wrong()
    if wrong.sum() == 1 and wrong.size > 2:
        entry = f"{evidence.leaf}{[int(i) for i in np.argwhere(wrong)[0]]}"
        words = f"only {entry} is wrong, and all others are right"
        yield Explanation("one entry", f"{words}{_by(evidence, wrong)}")


def one_slice(evidence: Evidence) -> Explanations:
    """A single wrong row, column or edge."""
    wrong = evidence.wrong()
    for axis, size in enumerate(wrong.shape):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        rows = np.flatnonzero(wrong.any(axis=others))
        if size > 2 and len(rows) == 1:
            named = {(0, 2): "row", (1, 2): "column"}
            what = named.get((axis, wrong.ndim), f"index on axis {axis}:")
            words = f"only {what} {rows[0]} of {evidence.leaf} is wrong, and the others are right"
            yield Explanation("one row", f"{words}{_by(evidence, wrong)}")


def _by(evidence: Evidence, wrong: np.ndarray) -> str:
    """The factor that these entries are off by, if the forward pass has it."""
    parts = [np.where(wrong, sample.expected[evidence.place], 0) for sample in evidence.samples]
    fitting = (f.words for f in ratios.factors(evidence) if ratios.off_by(evidence, parts, f))
    words = next(fitting, "")
    return f": it is {words}" if words else ""


def transposed(evidence: Evidence) -> Explanations:
    """Exchanged axes."""
    if len(evidence.shape) < 2:
        return
    for words, turn in (
        ("it is transposed", _turn),
        ("it was reshaped where it should be transposed", lambda a: _turn(a).reshape(a.shape)),
        (
            "it was reshaped to the transposed shape, and transposed",
            lambda a: _turn(a.reshape(_turn(a).shape)),
        ),
    ):
        if evidence.is_expected(turn):
            yield Explanation("transposed", f"{evidence.leaf}: {words}")
    dout = evidence.dout(evidence.samples[0])
    if dout is not None and dout.ndim > 1 and evidence.is_for_dout(_turn):
        yield Explanation("transposed", f"{evidence.leaf}: dout is transposed, or must be")


def shifted(evidence: Evidence) -> Explanations:
    """Off by one along an axis, or reversed."""
    for axis, size in enumerate(evidence.shape):
        if size < 2:
            continue
        for step in (1, -1):
            roll = functools.partial(np.roll, shift=step, axis=axis)
            pushed = functools.partial(shift, step=step, axis=axis)
            if evidence.is_expected(roll) or evidence.is_expected(pushed):
                yield Explanation("shifted", f"{evidence.leaf} is off by one along axis {axis}")
        if evidence.is_expected(functools.partial(np.flip, axis=axis)):
            yield Explanation("shifted", f"{evidence.leaf} is reversed along axis {axis}")


def examples(evidence: Evidence) -> Explanations:
    """Examples of the batch that do not count."""
    size = evidence.batch_size
    if size is None or size < 2:
        return
    dout, shape = evidence.dout(evidence.samples[0]), evidence.shape
    of_batch = dout is not None and dout.ndim > 0 and len(dout) == size
    for words, rows in (
        ("only the first example is counted", slice(0, 1)),
        ("only the last example is counted", slice(-1, None)),
        ("the last example is omitted", slice(0, -1)),
        ("the first example is omitted", slice(1, None)),
    ):
        only = functools.partial(_only, rows=rows)
        own = bool(shape) and shape[0] == size and evidence.is_expected(only)
        if own or (of_batch and evidence.is_for_dout(only)):
            yield Explanation("not summed", f"{evidence.leaf}: {words} of the batch of {size}")


def wrong_axis(evidence: Evidence) -> Explanations:
    """A sum over the wrong axis, or broadcast over it."""
    leaf, shape = evidence.leaf, evidence.shape
    for axis in range(max(len(shape), 2)):
        for words, reduce in (("a sum", np.sum), ("a mean", np.mean)):
            spread = functools.partial(_spread, reduce=reduce, axis=axis)
            if axis < len(shape) and shape[axis] > 1 and evidence.is_expected(spread):
                yield Explanation(
                    "wrong axis",
                    f"{leaf} is constant along axis {axis}: {words} over that axis was taken, "
                    "and broadcast over it again",
                )
            over = functools.partial(_over, reduce=reduce, axis=axis, shape=shape)
            if evidence.is_of_dout(over):
                words = f"{leaf} is {words} of dout over axis {axis}"
                if reduce is np.sum and _natural(evidence, axis):
                    missing = f"{words}: the derivative is not multiplied in"
                    yield Explanation("derivative missing", missing)
                yield Explanation("wrong axis", f"{words}: the wrong axis")


def influence(evidence: Evidence) -> Explanations:
    """An entry of dout that affects the wrong entries: a sum is over another axis."""
    sample, probe = evidence.samples[0], evidence.probe
    dout = evidence.dout(sample)
    if dout is None or dout.shape != evidence.shape or dout.ndim < 2 or dout.size < 4:
        return
    alone = np.zeros(dout.shape)
    index = tuple(size // 2 for size in dout.shape)
    alone[index] = 1.0
    cotangent = evidence.like(sample, alone)
    found = probe.gradients(evidence.route, sample.floats, cotangent)[evidence.place]
    wanted = probe.expected(sample.floats, cotangent)[evidence.place]
    actual, expected = (_axes_from(array, index, evidence.rtol) for array in (found, wanted))
    if actual is not None and expected is not None and actual != expected:
        words = f"dout at one place changes {evidence.leaf} {_along(actual)}, and must change it"
        yield Explanation("wrong axis", f"{words} {_along(expected)}: {_why(actual, expected)}")
    large, small = (_box(array, evidence.rtol) for array in (found, wanted))
    if actual != expected and large and small and {*large} >= {*small}:
        words = (
            f"dout at one place changes {len(large)} entries of {evidence.leaf}, and must change"
        )
        question = "is a mean, or a sum, over too many axes, or over all groups?"
        yield Explanation("wrong axis", f"{words} {len(small)} of them alone: {question}")


def _why(actual: frozenset[int], expected: frozenset[int]) -> str:
    if expected < actual:
        return "is a mean, or a sum, over too many axes, or something constant differentiated?"
    return "is a sum missing, or over another axis; or a product of entries for one of matrices?"


def _box(array: np.ndarray, rtol: float) -> list[tuple[int, ...]]:
    """All nonzero entries, if they fill a box."""
    places = np.argwhere(np.abs(array) > rtol * np.abs(array).max(initial=0))
    sizes = np.ptp(places, axis=0) + 1
    return [*map(tuple, places.tolist())] if len(places) == sizes.prod() else []


def _axes_from(array: np.ndarray, index: tuple[int, ...], rtol: float) -> frozenset[int] | None:
    """The axes through this index along which all nonzero entries lie; None if they do not."""
    places = np.argwhere(np.abs(array) > rtol * np.abs(array).max(initial=0))
    axes = np.flatnonzero((places != np.array(index)).any(axis=0)).tolist()
    full = len(places) == np.prod([array.shape[axis] for axis in axes])
    return frozenset(axes) if full else None


def _along(axes: frozenset[int]) -> str:
    if not axes:
        return "at that place alone"
    return f"all along {named_axes(sorted(axes))}"


def _turn(array: np.ndarray) -> np.ndarray:
    return np.swapaxes(array, -1, -2)


def shift(array: np.ndarray, step: int, axis: int) -> np.ndarray:
    """Moved along an axis, zeros following."""
    found = np.roll(array, step, axis)
    edge = [slice(None)] * found.ndim
    edge[axis] = slice(0, step) if step > 0 else slice(step, None)
    found[tuple(edge)] = 0
    return found


def _only(array: np.ndarray, rows: slice) -> np.ndarray:
    kept = np.zeros_like(array)
    kept[rows] = array[rows]
    return kept


def _spread(array: np.ndarray, reduce: Any, axis: int) -> np.ndarray:
    return np.broadcast_to(reduce(array, axis=axis, keepdims=True), array.shape)


def _over(dout: np.ndarray, reduce: Any, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(reduce(dout, axis=axis), shape)


def _natural(evidence: Evidence, axis: int) -> bool:
    """Whether summing dout over this axis is the only way to this shape."""
    dout = evidence.dout(evidence.samples[0])
    assert dout is not None
    long = tuple(size for size in evidence.shape if size != 1)
    fits = [a for a in range(dout.ndim) if np.delete(dout.shape, a).tolist() == list(long)]
    return fits == [axis]
