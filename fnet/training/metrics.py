"""Measures of predictions, as pure functions of arrays: of a regression, of classes, of
probabilities.

They take what `predict` returns, or any arrays, and compute in float64:

    result = predict(model, loss, params, dataset)
    auc(result.labels, result.probabilities)

>>> r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]), mae([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
(0.5, 0.3333333333333333)
"""

from typing import Any, NamedTuple

import numpy as np

from fnet.core.expect import require, require_whole
from fnet.errors import DataError

FLOOR = 1e-15  # of a probability whose logarithm is taken


def r2(target: Any, predicted: Any) -> float:
    """The share of the target's variance that is predicted (coefficient of determination).

        R² = 1 − Σ(t − y)² / Σ(t − t̄)²

    target and predicted: (N,). 1 is perfect and 0 no better than always saying the mean; it has no
    lower bound. Of a constant target it is 1 without errors, else 0.

    >>> r2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    0.0
    """
    t, y = _numbers("r2", target, predicted)
    t, y = t - t[0], y - t[0]  # the deviations of a constant are exactly 0
    spread, error = np.square(t - t.mean()).sum(), np.square(t - y).sum()
    if spread == 0:
        return float(error == 0)
    return float(1 - error / spread)


def mae(target: Any, predicted: Any) -> float:
    """The mean absolute error, Σ|t − y| / N, in units of the target.

    >>> mae([1.0, 2.0], [1.0, 5.0])
    1.5
    """
    t, y = _numbers("mae", target, predicted)
    return float(np.abs(t - y).mean())


def rmse(target: Any, predicted: Any) -> float:
    """The root mean square error, √(Σ(t − y)² / N), in units of the target.

    >>> rmse([1.0, 2.0], [1.0, 5.0])
    2.1213203435596424
    """
    t, y = _numbers("rmse", target, predicted)
    return float(np.sqrt(np.square(t - y).mean()))


def accuracy(labels: Any, predicted: Any) -> float:
    """The share of samples whose class is predicted.

    >>> accuracy([0, 1, 1], [0, 1, 0])
    0.6666666666666666
    """
    labels, predicted = _classes("accuracy", labels, predicted)
    return float((labels == predicted).mean())


def most_frequent(labels: Any) -> tuple[int, float]:
    """The most frequent class (the first of several) and its share: what always saying it scores.

    >>> most_frequent([0, 1, 1, 1])
    (1, 0.75)
    """
    classes, counts = np.unique(_classes("most_frequent", labels, labels)[0], return_counts=True)
    return int(classes[counts.argmax()]), float(counts.max() / counts.sum())


class ByClass(NamedTuple):
    """One number per class: precision, recall, F1, and how many samples are of it.

    >>> by_class([0, 0, 1], [0, 1, 1], classes=2).support.tolist()
    [2, 1]
    """

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    support: np.ndarray


def by_class(labels: Any, predicted: Any, classes: int) -> ByClass:
    """How well each class is told from the others.

        precision = TP / (TP + FP)      recall = TP / (TP + FN)      F1 = 2 TP / (2 TP + FP + FN)

    where TP are the samples of the class that are predicted as it, FP those of others that are, and
    FN those of the class that are not. 0 where nothing is divided by nothing.
    Source: van Rijsbergen (1979), Information Retrieval, chapter 7.

    >>> scores = by_class([0, 0, 1], [0, 1, 1], classes=2)
    >>> scores.precision.tolist(), scores.recall.tolist()
    ([1.0, 0.5], [0.5, 1.0])
    """
    require_whole("by_class: classes", classes, least=1)
    labels, predicted = _classes("by_class", labels, predicted, classes)
    count = _counts(labels, classes)
    said, right = _counts(predicted, classes), _counts(labels[labels == predicted], classes)
    return ByClass(
        _ratio(right, said), _ratio(right, count), _ratio(2 * right, said + count), count
    )


def f1(labels: Any, predicted: Any, classes: int) -> float:
    """The mean of the classes' F1 (macro), of those that occur in labels or predictions.

    >>> round(f1([0, 0, 1], [0, 1, 1], classes=2), 4)
    0.6667
    """
    require_whole("f1: classes", classes, least=1)
    labels, predicted = _classes("f1", labels, predicted, classes)
    occurs = _counts(labels, classes) + _counts(predicted, classes) > 0
    return float(by_class(labels, predicted, classes).f1[occurs].mean())


def roc_curve(positive: Any, score: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The receiver operating characteristic: (false positive rate, true positive rate, threshold).

    positive: (N,), true where a sample is of the class; score: (N,), larger where that is more
    likely. One point per distinct score, samples of at least that score being called positive; the
    first point is (0, 0), with the threshold ∞. Raises DataError unless both kinds occur, and for a
    score that is NaN.
    Source: Fawcett (2006), An introduction to ROC analysis, algorithm 1.

    >>> false, true, threshold = roc_curve([0, 1, 1], [0.2, 0.1, 0.9])
    >>> false.tolist(), true.tolist()
    ([0.0, 0.0, 1.0, 1.0], [0.0, 0.5, 0.5, 1.0])
    """
    score, positive = _numbers("roc_curve", score, positive)
    if np.isnan(score).any():
        raise DataError(f"roc_curve: sample {int(np.isnan(score).argmax())} has a score of NaN")
    positive = _classes("roc_curve", positive, positive, 2)[0].astype(bool)
    if positive.all() or not positive.any():
        kind = "all" if positive.all() else "none"
        raise DataError(f"roc_curve: {kind} of the samples are positive; some of both are needed")
    order = np.argsort(-score, kind="stable")
    positive, score = positive[order], score[order]
    last = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)  # of equal scores
    true, false = np.cumsum(positive)[last], np.cumsum(~positive)[last]
    rates = [np.append(0, count / count[-1]) for count in (false, true)]
    return rates[0], rates[1], np.append(np.inf, score[last])


def auc(labels: Any, probabilities: Any) -> float:
    """The area under the receiver operating characteristic.

    That is the probability that a sample of the class has a higher score than one of another, ties
    counting half. probabilities: (N, C), or any scores of class 1 as (N,). With two classes it is
    that of class 1; with more, the mean over the classes of each against the rest, of the classes
    that occur. NaN where only one class occurs, or a score is NaN.
    Source: Hand & Till (2001), section 2; Fawcett (2006), An introduction to ROC analysis.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    scores = _float64("auc", probabilities)
    if scores.ndim == 1:
        scores = np.stack((-scores, scores), axis=-1)
    labels = _predictions("auc", labels, scores)[0]
    occurring = np.unique(labels)
    if len(occurring) < 2 or np.isnan(scores).any():
        return float("nan")
    wanted = [1] if scores.shape[1] == 2 else occurring
    return float(np.mean([_area(labels == k, scores[:, k]) for k in wanted]))


def _area(positive: np.ndarray, score: np.ndarray) -> float:
    false, true, _ = roc_curve(positive, score)
    return float(np.trapezoid(true, false))


def log_loss(labels: Any, probabilities: Any) -> float:
    """The mean of −log p of each sample's class, p at least 1e-15, whatever the loss trained on.

    >>> round(log_loss([0, 1], [[0.5, 0.5], [0.25, 0.75]]), 4)
    0.4904
    """
    labels, p = _predictions("log_loss", labels, probabilities)
    return float(-np.log(np.maximum(p[np.arange(len(p)), labels], FLOOR)).mean())


class Calibration(NamedTuple):
    """By bin of predicted probability: its mean, how often it came true, how many samples.

    >>> calibration([0, 1], [[0.9, 0.1], [0.2, 0.8]], bins=2).samples.tolist()
    [0, 2]
    """

    predicted: np.ndarray
    observed: np.ndarray
    samples: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error, Σ n |observed − predicted| / N over bins."""
        held = self.samples > 0
        gap = np.abs(self.observed - self.predicted)[held]
        return float((gap * self.samples[held]).sum() / self.samples.sum())


def calibration(labels: Any, probabilities: Any, bins: int = 10) -> Calibration:
    """Whether of the answers given with probability p a share p is right.

    Answers are the most probable classes, and bins are equal parts of [0, 1], closed above. A bin
    without samples has NaN.
    Source: Guo et al. (2017), On Calibration of Modern Neural Networks, section 2,
    arXiv:1706.04599.

    >>> sure = calibration([0, 1, 1, 1], [[0.2, 0.8]] * 4)
    >>> sure.samples.tolist().index(4), round(sure.error, 4)
    (7, 0.05)
    """
    require_whole("calibration: bins", bins, least=1)
    labels, p = _predictions("calibration", labels, probabilities)
    sure, right = p.max(axis=-1), p.argmax(axis=-1) == labels
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], sure)
    samples = np.bincount(place, minlength=bins)
    sums = (np.bincount(place, column, bins) for column in (sure, right.astype(np.float64)))
    means = [np.where(samples > 0, total / np.maximum(samples, 1), np.nan) for total in sums]
    return Calibration(means[0], means[1], samples)


def _numbers(caller: str, target: Any, predicted: Any) -> tuple[np.ndarray, np.ndarray]:
    t, y = _float64(caller, target), _float64(caller, predicted)
    require(
        t.ndim == 1 and t.shape == y.shape,
        f"{caller}: the arrays are {t.shape} and {y.shape}; they must have one length, one number "
        "per sample",
    )
    if not len(t):
        raise DataError(f"{caller}: there are no samples")
    return t, y


def _float64(caller: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{caller}: expected numbers, or the numbers of classes, and got {values!r:.80}"
        ) from None


def _classes(
    caller: str, labels: Any, predicted: Any, classes: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    pair = _numbers(caller, labels, predicted)
    for values in pair:
        wrong = (values < 0) | (values >= classes) | (values != np.floor(values))
        if wrong.any():
            known = "0 or more" if classes == np.inf else f"from 0 to {classes - 1}"
            first = int(wrong.argmax())
            raise DataError(
                f"{caller}: sample {first} has class {values[first]:g}; classes are whole numbers, "
                f"{known}"
            )
    return pair[0].astype(int), pair[1].astype(int)


def _predictions(caller: str, labels: Any, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    labels, p = np.asarray(labels), _float64(caller, probabilities)
    require(
        p.ndim == 2 and len(p) == len(labels),
        f"{caller}: probabilities are {p.shape} for {len(labels)} labels; they must be "
        "(N, classes)",
    )
    return _classes(caller, labels, labels, p.shape[1])[0], p


def _counts(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(labels, minlength=classes)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(part / np.maximum(whole, 1), np.float64)
