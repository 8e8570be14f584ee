"""What is chosen by the data where the settings leave it open, and what is said of them."""

import numpy as np

from fnet.cli.arguments import ALL, Settings
from fnet.cli.source import PARTS, Parts
from fnet.cli.text import is_text, text_length
from fnet.data import Memory

IMAGE_BATCH, IMAGE_EPOCHS = 128, 20
TABLE_BATCH, TABLE_STEPS = 32, 2000
SHOWN = 5  # classes that are missing somewhere


def completed(settings: Settings, parts: Parts) -> tuple[Settings, list[str]]:
    """The settings with a batch size and a number of epochs, and sentences on what was chosen."""
    if is_text(settings):
        return text_length(settings, len(parts.train))
    rows, table = len(parts.train), settings["target"] is not None
    batch, epochs = settings["batch_size"], settings["epochs"]
    if batch is None:
        batch = TABLE_BATCH if table else IMAGE_BATCH
    words = []
    if epochs is None:
        steps = 1 if batch == ALL else -(-rows // min(batch, rows))
        epochs = max(IMAGE_EPOCHS, -(-TABLE_STEPS // steps)) if table else IMAGE_EPOCHS
        if table:
            words = [
                f"{epochs} epochs, which are {epochs * steps:,} steps for so few rows; --epochs "
                "for another number"
            ]
    return {**settings, "batch_size": batch, "epochs": epochs}, words


def remarks(settings: Settings, parts: Parts) -> list[str]:
    """Sentences on the balance of the classes: weights, and parts without some class."""
    classes = parts.train.classes
    if not classes or parts.task == "text":
        return []
    words = []
    if settings["class_weight"] is not None:
        words = ["samples count the more, the rarer their class is in the training part"]
    counts = np.stack([_counts(getattr(parts, part)) for part in PARTS])
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
        f"warning: class {name!r}, of {counts.sum()} samples, has none in {where}: {result}; add "
        "some, merge it with another class, or leave it out"
    )
