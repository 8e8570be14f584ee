"""The arguments of training: optimizer, learning rate and its schedule, batch size and epochs."""

import argparse
from typing import Any

from fnet.cli.arguments import ALL, LOSSES, RATES, SCHEDULES
from fnet.cli.solving import SOLVERS
from fnet.cli.spread import add_devices
from fnet.cli.values import above


def add_optimizer(parser: argparse.ArgumentParser, rates: bool = False) -> Any:
    """The optimizer and its learning rate, or `rates` for a sweep; returns the group."""
    group = parser.add_argument_group("training")
    known = tuple(RATES) if rates else (*RATES, *SOLVERS)
    steps = "" if rates else f"; with --batch-size all also {', '.join(SOLVERS)}"
    group.add_argument(
        "--optimizer",
        choices=known,
        metavar="NAME",
        help=f"{', '.join(RATES)}{steps} (default adam)",
    )
    several = "(default: that of `train`, times 0.1, 0.3, 1, 3 and 10)"
    group.add_argument(
        "--learning-rate",
        type=above(0, float),
        nargs="+" if rates else None,
        metavar="RATE",
        help=several if rates else "(default: by optimizer, model and data; it is printed)",
    )
    return group


def add_training(parser: argparse.ArgumentParser, rates: bool = False) -> Any:
    """The optimizer, the batch size and the number of epochs; returns the group."""
    group = add_optimizer(parser, rates)
    group.add_argument(
        "--weight-decay",
        type=above(-1e-300, float),
        metavar="λ",
        help="decoupled, of weights and not of biases (default 0.01 for adamw, 0 for others)",
    )
    group.add_argument(
        "--schedule",
        choices=SCHEDULES,
        help="how the learning rate goes on over all steps of the run (default constant; "
        "of a text cosine)",
    )
    group.add_argument(
        "--warmup",
        type=_share,
        metavar="SHARE",
        help="the share of all steps in which the learning rate rises from 0 (default 0)",
    )
    group.add_argument(
        "--batch-size",
        type=_batch_size,
        metavar="N",
        help="a number, or `all` for full-batch training, which does thousands of epochs per "
        "second with a small model on a table (default 128; of "
        "up to 1,000 images 32; for tables 32, and all of up to 1,000 rows "
        "unless few --epochs are stated)",
    )
    group.add_argument(
        "--epochs",
        type=above(-1, int),
        metavar="N",
        help="(default as many as are 480 steps; for tables 2,000, or 12,000 in 60 epochs at most; "
        "but 20 at least)",
    )
    group.add_argument(
        "--loss",
        choices=LOSSES,
        help="of a numeric target: squared, absolute, or Huber's error (default mse)",
    )
    group.add_argument(
        "--class-weight",
        choices=("balanced",),
        help="balanced: a sample counts the more, the rarer its class is in the training part "
        "(default: all count the same)",
    )
    group.add_argument(
        "--label-smoothing",
        type=_share,
        metavar="ε",
        help="classes: of each label, the share that is divided among all classes (default 0)",
    )
    add_devices(group)
    if not rates:
        group.add_argument(
            "--patience",
            type=above(0, int),
            metavar="N",
            help="stop after N epochs without a lower validation loss (default: after --epochs)",
        )
        group.add_argument(
            "--keep",
            choices=("best", "last"),
            help="the weights with the lowest validation loss, or the last (default best; last for "
            "tables of up to 300 training rows, where chance would choose)",
        )
    return group


def _share(text: str) -> float:
    value: float = above(-1e-300, float)(text)
    if value > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is above 1, and is a share")
    return value


def _batch_size(text: str) -> int | str:
    number: int | str = ALL if text == ALL else above(0, int)(text)
    return number
