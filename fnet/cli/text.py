"""Text from `--data`, or the embedded formal language: its arguments, its parts, its networks."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fnet import data, models
from fnet.cli.arguments import IMAGE_RATES, Settings
from fnet.cli.solving import SOLVERS
from fnet.cli.values import above, require_use_of_split, shares_of, shares_of_train
from fnet.core import Layer
from fnet.data import Dataset
from fnet.data.text import KINDS
from fnet.errors import ConfigurationError
from fnet.files.characters import SUFFIXES, visible_files

MODELS = ("transformer", "lstm", "gru")
TEXT: Settings = {"tokens": None, "length": None, "width": None, "blocks": None, "heads": None}
BOOK: Settings = {"length": 128, "width": 128, "blocks": 4, "heads": 4}
EMBEDDED: Settings = {"length": 64, "width": 64, "blocks": 2, "heads": 4}
SAMPLES = 20_000  # of the embedded language
BATCH, STEPS = 32, 2250
MANY = 50  # epochs, of which not all may be needed
RATES = {**IMAGE_RATES, "adam": 2e-3}  # of a transformer of width 64; wider ones take smaller steps
CELL_RATES = {**RATES, "adam": 5e-3}
RESIDENT = 2**24  # characters of a part that is kept in memory; a longer one is read as it is used
OTHERS = (  # of images and tables
    *("hidden", "layers", "activation", "depth", "l2", "size", "class_weight", "loss", "augment"),
    *("label_smoothing", "features", "drop", "task", "binarize", "sep", "decimal", "encoding"),
    *("na", "header", "missing", "scale", "text", "images", "group", "target", "class_folders"),
)


def add_text(parser: argparse.ArgumentParser) -> None:
    """How a text is read, and the network that continues it."""
    group = parser.add_argument_group(
        "text",
        "--data book.txt, or a folder of .txt and .md files (of class folders with --model alone); "
        "without --data, a small formal language whose best possible loss is known",
    )
    group.add_argument(
        "--tokens",
        choices=KINDS,
        help="what is predicted (default: characters; bytes of a text that is not UTF-8)",
    )
    for name, what in (
        ("length", "characters that the network sees at once"),
        ("width", "numbers for each character within the network"),
        ("blocks", "blocks of the transformer, or layers of the lstm or gru"),
        ("heads", "heads of attention of the transformer"),
    ):
        default = f"(default {BOOK[name]}; for the formal language {EMBEDDED[name]})"
        help_text = f"{what} {default}"
        group.add_argument(f"--{name}", type=above(0, int), metavar="N", help=help_text)


def is_text(given: Settings) -> bool:
    """Whether these settings are for a text."""
    if given.get("model") is not None:
        return given["model"] in MODELS
    if given.get("target") is not None:
        return False
    named = any(given.get(name) is not None for name in TEXT)
    return named or (given.get("data") is not None and _names_text(Path(given["data"])))


def with_text_model(given: Settings) -> tuple[Settings, str]:
    """What is given, with a network and its sizes; and why it is this one if none is named."""
    for name in OTHERS:
        if given.get(name):
            flag = name.replace("_", "-")
            raise ConfigurationError(
                f"--{flag} does not apply to a text, which {' or '.join(MODELS)} learns; leave it "
                "out"
            )
    if given.get("optimizer") in SOLVERS:
        raise ConfigurationError(
            f"--optimizer {given['optimizer']} takes all samples at each step, as of a table; take "
            "adam, or leave it out"
        )
    sizes = EMBEDDED if given.get("data") is None else BOOK
    model = given.get("model") or "transformer"
    if model != "transformer":
        if given.get("heads") is not None:
            raise ConfigurationError(f"--heads is for a transformer, and the model is {model}")
        sizes = {**sizes, "blocks": 1, "heads": None}
    if given.get("data") is None and given.get("tokens") is not None:
        raise ConfigurationError("--tokens needs a text: --data book.txt")
    why = "" if given.get("model") else "chosen for a text: attention finds what matters in it"
    return {"schedule": None, **sizes, **given, "model": model}, why


def open_text(settings: Settings) -> tuple[dict[str, Dataset], str, tuple[str, ...]]:
    """The parts by name, where they come from, and sentences on what was decided."""
    shares, length = shares_of(settings["split"]), settings["length"]
    if settings["data"] is None:
        whole = data.synthetic_text(SAMPLES, length)
        parts = data.split(whole, shares, settings["seed"])
        about = "texts of a formal language, drawn by fnet: nested brackets, and counts"
        best = data.text_entropy(length)
        said = f"no model can have a loss below {best:.4f}, which is {bits(best)}"
        return parts, about, (said,)
    path = Path(settings["data"])
    divided = data.text_parts(path, length, tokens=settings["tokens"])
    parts = {"train" if part == "all" else part: text for part, text in divided.parts.items()}
    require_use_of_split(settings, parts)
    taken = shares_of_train(settings["split"], parts)
    pieces: dict[str, Any] = {**parts, **data.split_text(parts["train"], taken)}
    if sum(len(text.ids) for text in parts.values()) <= RESIDENT:
        pieces = {name: data.memory(part) for name, part in pieces.items()}
    said = "the parts are contiguous pieces of the text, in this order, "
    if "all" not in divided.parts:
        of = f"{' and '.join(taken)} are contiguous pieces of the training text, in this order, "
        said = of if len(taken) > 1 else ""
    return pieces, f"text {path}", (*divided.decisions, f"{said}in windows of {length}")


def build_text_model(settings: Settings, classes: int) -> Layer:
    """The network that the settings describe."""
    width, blocks = settings["width"], settings["blocks"]
    made: dict[str, Callable[[], Layer]] = {
        "transformer": lambda: models.transformer(
            classes, width, blocks, settings["heads"], settings["length"]
        ),
        "lstm": lambda: models.recurrent(classes, width, "lstm", blocks),
        "gru": lambda: models.recurrent(classes, width, "gru", blocks),
    }
    return made[settings["model"]]()


def text_rate(settings: Settings) -> float:
    """The learning rate if none is given: the smaller, the wider the network."""
    rates = RATES if settings["model"] == "transformer" else CELL_RATES
    return float(rates[settings["optimizer"]] * min(1, 64 / settings["width"]))


def text_length(settings: Settings, samples: int) -> tuple[Settings, list[str]]:
    """The settings with a batch size, a number of epochs and a schedule, and sentences on what was
    chosen."""
    batch = settings["batch_size"] or BATCH
    if not isinstance(batch, int):
        raise ConfigurationError("--batch-size all is for tables; name a number for a text")
    steps = -(-samples // batch)
    epochs = settings["epochs"] or -(-STEPS // steps)
    schedule = settings["schedule"] or _schedule(settings, steps * epochs)
    stated = settings["epochs"] is not None
    settings = {**settings, "batch_size": batch, "epochs": epochs, "schedule": schedule}
    if stated:
        return settings, []
    said = [f"{epochs} epochs of {steps:,} steps; --epochs for another number"]
    if epochs >= MANY and settings["patience"] is None:  # of a short text, which is soon known
        settings["patience"] = epochs // 10
        said.append(f"ends once {epochs // 10} in a row have no lower validation loss (--patience)")
    return settings, said


def _schedule(settings: Settings, steps: int) -> str:
    """A falling rate, where steps are left for it after the warm-up.

    At a constant rate of 0.005 the loss of a gru rises again and again, up to several times its
    distance from the optimum; a transformer at 0.002 ends 1.0 to 2.3 % above it, by the rounding of
    the machine, and at a falling rate 1 %.
    """
    falls = steps - round(settings["warmup"] * steps) > 1
    return "cosine" if falls else "constant"


def bits(loss: float) -> str:
    """A loss per character, in bits."""
    return f"{in_bits(loss):.4f} bits per character"


def in_bits(loss: float) -> float:
    """Nats in bits.

    >>> in_bits(math.log(4))
    2.0
    """
    return loss / math.log(2)


def _names_text(path: Path) -> bool:
    """A text file, or a folder with nothing but text files."""
    if not path.is_dir():
        return path.suffix.lower() in SUFFIXES
    suffixes = (each.suffix.lower() for each in visible_files(path))
    return next(suffixes, "") in SUFFIXES and all(each in SUFFIXES for each in suffixes)
