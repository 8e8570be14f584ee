"""How good predictions are, in words and as facts: by class, or in units of the target."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fnet.cli.figures import figures, short_number, spelled
from fnet.training import metrics
from fnet.training.evaluation import Predictions, confusion_matrix

WIDTH = 79  # of a line, if truncating class names achieves it
HEADS = ("precision", "recall", "F1", "samples")


class Judgement(NamedTuple):
    """`reached` are the first lines, `more` tables below them, `facts` all of it as plain JSON."""

    reached: list[str]
    more: list[str]
    facts: dict[str, Any]


def judged(
    values: Mapping[str, float], predictions: Predictions, classes: tuple[str, ...]
) -> Judgement:
    """What `evaluate` measured, beside what one constant answer reaches, and much more."""
    words, known = baseline(predictions, classes)
    facts = {**values, **known}
    loss = f"loss       {values['loss']:.4f}"
    if not classes:
        reached = ["{:<10} {}".format(*figure.split(" ", 1)) for figure in figures(values)]
        return Judgement([*reached, f"           {words}", loss], [], facts)
    labels, guesses, probabilities = predictions
    scores = {
        "F1": metrics.f1(labels, guesses, len(classes)),
        "AUC": metrics.auc(labels, probabilities),
        "log loss": metrics.log_loss(labels, probabilities),
        "ECE": metrics.calibration(labels, probabilities).error,
    }
    remarks = {
        "F1": "the mean over the classes",
        "AUC": "the mean of each class against the others" if len(classes) > 2 else "",
        "log loss": "of the class that is true",
        "ECE": "how far probabilities are from how often they come true, on average",
    }
    reached = [f"accuracy   {spelled('accuracy', values['accuracy'])}; {words}", loss]
    more = [
        f"{name:<10} {value:.3f}" + (f", {remarks[name]}" if remarks[name] else "")
        for name, value in scores.items()
        if np.isfinite(value)
    ]
    by_class = metrics.by_class(labels, guesses, len(classes))
    matrix = confusion_matrix(labels, guesses, len(classes))
    facts |= {
        "f1": scores["F1"],
        "auc": scores["AUC"],
        "log_loss": scores["log loss"],
        "calibration_error": scores["ECE"],
        "classes": list(classes),
        "confusion": matrix.tolist(),
        "by_class": {name: column.tolist() for name, column in by_class._asdict().items()},
    }
    tables = ["", confusion_table(matrix, classes), "", class_table(by_class, classes), ""]
    return Judgement(reached, [*more, *tables], facts)


def baseline(predictions: Predictions, classes: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """What always giving the best constant answer reaches on these samples."""
    labels = predictions.labels
    if classes:
        place, share = metrics.most_frequent(labels)
        said = f"always saying {classes[place]!r} gives {spelled('accuracy', share)}"
        return said, {"baseline_accuracy": share}
    mean = np.full(len(labels), labels.mean(dtype=np.float64))
    errors = {"mae": metrics.mae(labels, mean), "rmse": metrics.rmse(labels, mean)}
    said = f"always saying their mean, {short_number(float(mean[0]))}, gives R² 0, "
    said += ", ".join(figures(errors))
    return said, {f"baseline_{name}": value for name, value in errors.items()}


def confusion_table(matrix: np.ndarray, classes: tuple[str, ...]) -> str:
    """The confusion matrix as text: true classes down, predicted ones across."""
    longest, corner = max(map(len, classes)), "true  predicted"
    width = max(longest, len(corner))
    available = (WIDTH - width - len("  recall")) // len(classes)
    cell = max(4, len(str(matrix.max())) + 1, min(available, longest + 1))
    short = "".join(name[: cell - 1].rjust(cell) for name in classes)
    lines = [f"{corner:<{width}}{short}  recall"]
    for name, row in zip(classes, matrix, strict=True):
        recall = f"{row[classes.index(name)] / row.sum():.0%}" if row.sum() else "-"
        counts = "".join(f"{count:>{cell}}" for count in row)
        lines.append(f"{name:<{width}}{counts}  {recall:>6}")
    return "\n".join(lines)


def class_table(by_class: metrics.ByClass, classes: tuple[str, ...]) -> str:
    """Precision, recall, F1 and number of samples of each class, as text."""
    width = max(map(len, (*classes, "class")))
    lines = [f"{'class':<{width}}" + "".join(f"{head:>11}" for head in HEADS)]
    for name, *scores, support in zip(classes, *by_class, strict=True):
        cells = "".join(f"{score:>11.3f}" for score in scores)
        lines.append(f"{name:<{width}}{cells}{support:>11}")
    return "\n".join(lines)
