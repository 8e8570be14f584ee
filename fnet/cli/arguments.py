"""The arguments that several commands share, and their defaults.

A parser returns only the arguments given (its own defaults are suppressed), so that `--resume` can
tell a setting that the user changes from one left alone.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

Settings = dict[str, Any]
Number = Callable[[str], Any]

# Learning rates for images, and for tables, which small models learn by larger steps.
IMAGE_RATES = {"sgd": 1e-1, "momentum": 1e-2, "rmsprop": 1e-3, "adam": 1e-3}
TABLE_RATES = {"sgd": 1e-1, "momentum": 1e-2, "rmsprop": 1e-2, "adam": 1e-2}
LINEAR_RATES = {**TABLE_RATES, "adam": 3e-2}  # of a linear model of a table
ALL = "all"  # a batch size
ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")

DATA: Settings = {
    "data": None,
    "size": None,
    "target": None,
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
    "workers": 0,
    "split": (0.6, 0.2, 0.2),
    "stratified": True,
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
    "batch_size": None,
    "epochs": None,
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
        help="a folder of class folders of images (or of train/ and test/ with such folders), a "
        "CIFAR-10 folder, an .npz with images and labels, or a table (.csv, .tsv, .txt, also .gz); "
        "without it, a synthetic set of shapes that fnet draws",
    )
    group.add_argument(
        "--size",
        nargs=2,
        type=above(0, int),
        metavar=("H", "W"),
        help="resize every image to this height and width (needed if sizes are mixed)",
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
    several = "one or more, for weights and order; the first also for the split (default 0)"
    group.add_argument(
        "--seed",
        type=above(-1, int),
        nargs="+" if seeds else None,
        metavar="N",
        help=several if seeds else "for the split, the weights and the order (default 0)",
    )


def add_table(parser: argparse.ArgumentParser) -> None:
    """What of a table is predicted from what, and how the table is written."""
    group = parser.add_argument_group("tables")
    group.add_argument("--target", metavar="COLUMN", help="the column to predict")
    group.add_argument(
        "--features",
        nargs="+",
        metavar="COLUMN",
        help="the columns to predict from (default: all others that say something)",
    )
    group.add_argument("--drop", nargs="+", metavar="COLUMN", help="columns to leave out")
    group.add_argument(
        "--task",
        choices=("classification", "regression"),
        help="what the target is (default: words, two values and few whole numbers are classes)",
    )
    group.add_argument(
        "--binarize",
        nargs=2,
        type=above(-1e-300, float),
        metavar=("LOW", "HIGH"),
        help="make two classes of a numeric target, at or below its LOWth and at or above its "
        "HIGHth percentile (of the training part), and drop the rows in between",
    )
    group.add_argument(
        "--missing",
        choices=("mean", "median", "category", "drop", "error"),
        help="a missing number becomes the training mean (default) or median, or the mean with a "
        "column that marks it; or its row is dropped; or it is an error",
    )
    group.add_argument(
        "--scale",
        choices=("minmax", "standard"),
        help="in training numbers become 0 to 1, or have mean 0 and deviation 1 (default standard)",
    )
    group.add_argument(
        "--sep", metavar="CHARACTER", help="between cells: , ; | tab or blank (default: recognised)"
    )
    group.add_argument("--decimal", choices=(".", ","), help="(default: recognised)")
    group.add_argument("--encoding", metavar="NAME", help="of the text (default: recognised)")
    group.add_argument(
        "--na",
        nargs="+",
        metavar="TEXT",
        help="what stands for a missing cell, beside nothing (default: the usual words, as NA)",
    )


def above(least: float, kind: Callable[[str], Any]) -> Number:
    """An argparse type: a finite number of this kind above `least`; ints are below 2**32."""
    end = 2**32 if kind is int else float("inf")

    def number(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least < value < end:
            sort = "a whole number" if kind is int else "a number"
            low = "0 or more" if least < 0 else f"above {least:g}"
            high = " and below 2**32" if least < value and kind is int else ""
            raise argparse.ArgumentTypeError(f"{text!r} is not {sort} {low}{high}")
        return value

    return number


def say(text: str = "") -> None:
    """Print a line to standard output, unbuffered."""
    print(text, flush=True)


def interactive() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()
