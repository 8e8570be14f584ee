"""The arguments that several commands share, and their defaults.

A parser returns only the arguments given (its own defaults are suppressed), so that `--resume` can
tell a setting that the user changes from one left alone.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from fnet.cli.table_flags import add_table
from fnet.cli.values import SPLIT, ImageSize, above

Settings = dict[str, Any]

# Default learning rates: for images; for tables; for a linear model of a table.
RATES = {
    "sgd": (1e-1, 1e-1, 1e-1),
    "momentum": (1e-2, 1e-2, 1e-2),
    "rmsprop": (1e-3, 1e-2, 1e-2),
    "adam": (1e-3, 1e-2, 3e-2),
    "adamw": (1e-3, 1e-2, 3e-2),
    "amsgrad": (1e-3, 1e-2, 3e-2),
    "nadam": (1e-3, 1e-2, 3e-2),
    "radam": (1e-3, 1e-2, 3e-2),
    "adamax": (2e-3, 2e-2, 5e-2),
    "adagrad": (1e-2, 1e-1, 1e-1),
    "adadelta": (1.0, 1.0, 1.0),
    "lion": (1e-4, 1e-3, 3e-3),
    "rprop": (1e-3, 1e-2, 1e-2),
    "lars": (1.0, 1.0, 1.0),
    "lamb": (2e-3, 1e-2, 3e-2),
    "ftrl": (1e-1, 1e-1, 5e-1),
    "muon": (2e-2, 2e-2, 2e-2),
}
IMAGE_RATES, TABLE_RATES, LINEAR_RATES = (
    {name: rates[k] for name, rates in RATES.items()} for k in range(3)
)
SCHEDULES = ("constant", "cosine", "linear", "step", "one-cycle", "inverse-sqrt")
ALL, IMAGE_BATCH = "all", 128  # batch sizes
ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")

DATA: Settings = {
    "data": None,
    "size": None,
    "class_folders": None,
    "target": None,
    "text": None,
    "images": None,
    "features": None,
    "drop": None,
    "task": None,
    "binarize": None,
    "missing": "mean",
    "scale": "standard",
    "sep": None,
    "decimal": None,
    "encoding": None,
    "na": None,
    "header": None,
    "workers": 0,
    "split": SPLIT,
    "stratified": True,
    "shuffle": True,
    "group": None,
    "seed": 0,
}
MODELS = ("cnn", "resnet", "mobile", "mlp", "linear", "logistic")
LOSSES = ("mse", "mae", "huber")  # of a regression
MODEL: Settings = {
    "model": None,  # see `build.with_model`
    "depth": 8,
    "hidden": 100,
    "layers": 2,
    "activation": "relu",
    "l2": None,  # see `choices.completed`, as for batch_size and epochs
    "precision": "float32",
}
AUGMENTATIONS = ("flip", "crop", "cutout", "brightness", "contrast", "mixup")
TRAINING: Settings = {
    "augment": None,
    "optimizer": "adam",
    "learning_rate": None,
    "loss": None,
    "class_weight": None,
    "label_smoothing": 0.0,
    "patience": None,
    "keep": None,  # see `comparing.compared`
    "weight_decay": None,
    "schedule": "constant",
    "warmup": 0.0,
    "batch_size": None,
    "epochs": None,
    "devices": None,
    "tensor_parallel": None,
}


def command(
    commands: Any, name: str, run: Callable[[Settings], int], summary: str, examples: str
) -> argparse.ArgumentParser:
    """A subcommand whose help begins with its summary and ends with its examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=run)
    return parser


def add_data(parser: argparse.ArgumentParser, seeds: bool = False) -> None:
    """Where samples come from and how they are split; with `seeds`, several seeds for a sweep."""
    group = parser.add_argument_group("data")
    group.add_argument(
        "--data",
        metavar="PATH",
        help="a folder of class folders of images or texts (or of train/ and test/ with such "
        "folders), a CIFAR-10 folder, an .npz with images and labels (or x_train, y_train, ...), "
        "or a table (.csv, .tsv, .txt, .jsonl, also .gz); without it, shapes that fnet draws",
    )
    group.add_argument(
        "--size",
        nargs="+",
        action=ImageSize,
        metavar=("H", "W"),
        help="resize every image to this height and width, stretching it where they have another "
        "ratio; one number makes squares, and `original` leaves sizes (default: images of several "
        "sizes, or with a side above 64, are made smaller, which is said)",
    )
    group.add_argument(
        "--class-folders", nargs="+", metavar="NAME", help="the classes, if others may be meant"
    )
    add_table(parser)
    group.add_argument(
        "--workers",
        type=above(-1, int),
        metavar="N",
        help="decode image files in N processes, once: the pixels are kept in fnet's cache for "
        "the next time (default 0: decoded in this process, each time)",
    )
    group.add_argument(
        "--split",
        nargs=3,
        type=above(0, float),
        metavar=("TRAIN", "VAL", "TEST"),
        help="the share of samples in each part (default 0.6 0.2 0.2)",
    )
    group.add_argument(
        "--stratified",
        action=argparse.BooleanOptionalAction,
        help="classes: give every part its share of each class (default: yes)",
    )
    group.add_argument(
        "--shuffle",
        action=argparse.BooleanOptionalAction,
        help="draw the parts at random (default), or without it take them in the order of the "
        "samples, the last ones for the test: for what is ordered by time",
    )
    several = "one or more, for weights and order; the first also for the split (default 0)"
    group.add_argument(
        "--seed",
        type=above(-1, int),
        nargs="+" if seeds else None,
        metavar="N",
        help=several if seeds else "for the split, the weights and the order (default 0)",
    )


def say(text: str = "") -> None:
    """Print a line to standard output, unbuffered."""
    print(text, flush=True)


def interactive() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()
