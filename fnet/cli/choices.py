"""What is chosen by the data where the settings leave it open, and what is said of them."""

from typing import Any

import numpy as np

from fnet.cli.arguments import ALL, IMAGE_BATCH, Settings
from fnet.cli.solving import SOLVERS
from fnet.cli.source import PARTS, Parts
from fnet.cli.tables import of_columns
from fnet.cli.text import is_text, text_length
from fnet.data import Memory
from fnet.data.finding import counted
from fnet.data.kinds import alike

IMAGE_EPOCHS = 20
# Of 60 digits 20 epochs are 20 steps of all, and 67 % right; with these steps 82 % are.
FEW_IMAGES, FEW_BATCH, IMAGE_STEPS = 1000, 32, 480
# Steps, not epochs: 20 epochs of 150 rows would be 20 steps of 128. With these, and the penalty
# below, sixteen tables of 16 to 944 rows were learned about as well as by scikit-learn's models.
TABLE_BATCH, TABLE_STEPS = 32, 2000
LONG_STEPS, LONG_EPOCHS = 12_000, 60  # of a table of thousands of rows, 20 epochs see too little
FEW_ROWS = 1000  # so few are all taken at each step
SHOWN = 5  # classes that are missing somewhere


def completed(settings: Settings, parts: Parts) -> tuple[Settings, list[str]]:
    """The settings with batch size, epochs and penalty, and sentences on what was chosen."""
    if is_text(settings):
        return text_length(settings, len(parts.train))
    rows, table = len(parts.train), of_columns(settings)
    size = settings["batch_size"]
    epochs = None if settings["optimizer"] in SOLVERS else settings["epochs"]
    if table:
        chosen = {**_of_rows(rows, size, epochs), "l2": penalty(parts.train)}
    else:
        chosen = _of_images(rows, size)
    chosen = {name: value for name, value in chosen.items() if settings[name] is None}
    settings, words = {**settings, **chosen}, []
    usual = {"batch_size": IMAGE_BATCH, "epochs": IMAGE_EPOCHS}
    if chosen and (table or not chosen.items() <= usual.items()):
        flags = (f"--{name.replace('_', '-')} {value}" for name, value in chosen.items())
        words = [f"chosen for {rows} {'rows' if table else 'images'}: {' '.join(flags)}"]
    if settings["patience"] is not None:
        words.append(
            f"ends before epoch {settings['epochs']} once {settings['patience']} in a row have no "
            "lower validation loss"
        )
    return settings, words


def _of_rows(rows: int, size: Any, epochs: int | None) -> Settings:
    """Batch size and epochs of a table with so many rows, where these are not stated.

    All rows at each step are too few steps where few epochs are stated.
    """
    enough = epochs is None or epochs >= TABLE_STEPS
    few = size == ALL or (size is None and rows <= FEW_ROWS and enough)
    size = rows if few else size or TABLE_BATCH
    steps = -(-rows // size)  # of an epoch
    more = min(LONG_EPOCHS, -(-LONG_STEPS // steps)) if steps > 1 else 0
    chosen = max(IMAGE_EPOCHS, -(-TABLE_STEPS // steps), more)
    return {"batch_size": ALL if few else size, "epochs": chosen}


def _of_images(rows: int, size: Any) -> Settings:
    """The same of so many images."""
    if size == ALL:
        return {"epochs": IMAGE_EPOCHS}
    size = size or (FEW_BATCH if rows <= FEW_IMAGES else IMAGE_BATCH)
    steps = -(-rows // size)
    return {"batch_size": size, "epochs": max(IMAGE_EPOCHS, -(-IMAGE_STEPS // steps))}


def penalty(train: Memory, times: float = 1) -> float:
    """The usual λ of a table's λ Σ w², so many times: 1/n, and half of it for classes."""
    rows = len(train) * (2 if train.classes else 1)
    return float(f"{times / rows:.3g}")


def remarks(settings: Settings, parts: Parts) -> list[str]:
    """Sentences on the balance of the classes: weights, and parts without some class."""
    classes = parts.train.classes
    if not classes or parts.task == "text":
        return []
    words = []
    if settings["class_weight"] is not None:
        words = ["samples count the more, the rarer their class is in the training part"]
    counts = np.stack([_counts(getattr(parts, part)) for part in PARTS])
    if not of_columns(settings) and (same := alike(classes)):
        words.append(f"warning: of the classes {same.removeprefix('; ')}")
    lacking = np.flatnonzero((counts == 0).any(axis=0))
    words += [_lacking(classes[place], counts[:, place]) for place in lacking[:SHOWN]]
    if len(lacking) > SHOWN:
        words.append(f"and so are {len(lacking) - SHOWN} more classes missing in some part")
    return words


def _counts(part: Memory) -> np.ndarray:
    labels = np.ravel(part.arrays[part.fields[1]])
    return np.bincount(labels, minlength=len(part.classes))


def _lacking(name: str, counts: np.ndarray) -> str:
    where = " and ".join(part for part, count in zip(PARTS, counts, strict=True) if count == 0)
    result = "it cannot be learned" if counts[0] == 0 else "how well it is learned is not measured"
    return (
        f"warning: class {name!r}, of {counted(int(counts.sum()), 'sample')}, has none in {where}: "
        f"{result}; add some, merge it with another class, or leave it out"
    )
