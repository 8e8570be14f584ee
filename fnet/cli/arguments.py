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

# Learning rates for images, and for tables, whose few columns in [0, 1] allow larger steps.
RATES = {
    **{"sgd": (1e-1, 1.0), "momentum": (1e-2, 1e-1), "rmsprop": (1e-3, 3e-2), "adam": (1e-3, 3e-2)},
    **{
        "adamw": (1e-3, 3e-2),
        "amsgrad": (1e-3, 3e-2),
        "nadam": (1e-3, 3e-2),
        "radam": (1e-3, 3e-2),
    },
    **{
        "adamax": (2e-3, 5e-2),
        "adagrad": (1e-2, 1e-1),
        "adadelta": (1.0, 1.0),
        "lion": (1e-4, 3e-3),
    },
    **{"rprop": (1e-3, 1e-2), "lars": (1.0, 1.0), "lamb": (2e-3, 3e-2), "ftrl": (1e-1, 5e-1)},
    **{"muon": (2e-2, 2e-2)},
}
IMAGE_RATES, TABLE_RATES = ({name: pair[k] for name, pair in RATES.items()} for k in range(2))
SCHEDULES = ("constant", "cosine", "linear", "step", "one-cycle", "inverse-sqrt")
ALL = "all"  # a batch size
ACTIVATIONS = ("relu", "leaky_relu", "sigmoid", "tanh")

DATA: Settings = {
    "data": None,
    "size": None,
    "target": None,
    "features": None,
    "binarize": None,
    "missing": "error",
    "workers": 0,
    "split": (0.6, 0.2, 0.2),
    "seed": 0,
}
MODELS = ("cnn", "resnet", "mobile", "mlp", "logistic")
MODEL: Settings = {
    "model": None,  # see `build.with_model`
    "depth": 8,
    "hidden": 100,
    "layers": 2,
    "activation": "relu",
    "l2": 0.0,
    "precision": "float32",
}
AUGMENTATIONS = ("flip", "crop", "cutout", "brightness", "contrast", "mixup")
TRAINING: Settings = {
    "augment": None,
    "optimizer": "adam",
    "learning_rate": None,
    "weight_decay": None,
    "schedule": "constant",
    "warmup": 0.0,
    "batch_size": 128,
    "epochs": 20,
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
        "CIFAR-10 folder, an .npz with images and labels, or a .csv; without it, a synthetic set "
        "of shapes that fnet draws",
    )
    group.add_argument(
        "--size",
        nargs=2,
        type=above(0, int),
        metavar=("H", "W"),
        help="resize every image to this height and width (needed if sizes are mixed)",
    )
    group.add_argument("--target", metavar="COLUMN", help="CSV: the column to predict")
    group.add_argument(
        "--features",
        nargs="+",
        metavar="COLUMN",
        help="CSV: the columns to predict from (default: all others)",
    )
    group.add_argument(
        "--binarize",
        nargs=2,
        type=above(-1e-300, float),
        metavar=("LOW", "HIGH"),
        help="CSV: make two classes of a numeric target, at or below its LOWth and at or above "
        "its HIGHth percentile (of the training part), and drop the rows in between",
    )
    group.add_argument(
        "--missing",
        choices=("error", "mean"),
        help="CSV: an empty cell is an error (default), or is filled with the training mean",
    )
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
    several = "one or more, for weights and order; the first also for the split (default 0)"
    group.add_argument(
        "--seed",
        type=above(-1, int),
        nargs="+" if seeds else None,
        metavar="N",
        help=several if seeds else "for the split, the weights and the order (default 0)",
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """The network."""
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        choices=MODELS,
        help="cnn: convolutions (the default for images); resnet: a residual network; mobile: "
        "depthwise convolutions; mlp: affine layers with activations between them (the default for "
        "tables); logistic: two classes",
    )
    group.add_argument(
        "--depth",
        type=above(0, int),
        metavar="N",
        help="number of layers of the resnet, 6 n + 2 (default 8)",
    )
    group.add_argument(
        "--hidden",
        type=above(0, int),
        metavar="N",
        help="width of the hidden layers of the mlp (default 100)",
    )
    group.add_argument(
        "--layers",
        type=above(0, int),
        metavar="N",
        help="number of affine layers of the mlp; 1 makes it linear (default 2)",
    )
    group.add_argument("--activation", choices=ACTIVATIONS, help="for the mlp (default relu)")
    group.add_argument(
        "--l2", type=above(-1e-300, float), metavar="λ", help="in the penalty λ Σ w² (default 0)"
    )
    group.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of the computation; parameters stay in float32 (default float32)",
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
