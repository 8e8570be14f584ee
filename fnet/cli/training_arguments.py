"""The arguments of training: optimizer, loss, batch size and epochs."""

import argparse
from typing import Any

from fnet.cli.arguments import ALL, IMAGE_RATES, LOSSES, TABLE_RATES, above


def add_optimizer(parser: argparse.ArgumentParser, rates: bool = False) -> Any:
    """The optimizer and its learning rate, or `rates` for a sweep; returns the group."""
    group = parser.add_argument_group("training")
    group.add_argument("--optimizer", choices=tuple(IMAGE_RATES), help="(default adam)")
    images = ", ".join(f"{name} {rate:g}" for name, rate in IMAGE_RATES.items())
    tables = ", ".join(f"{name} {rate:g}" for name, rate in TABLE_RATES.items())
    several = "(default: that of `train`, times 0.1, 0.3, 1, 3 and 10)"
    group.add_argument(
        "--learning-rate",
        type=above(0, float),
        nargs="+" if rates else None,
        metavar="RATE",
        help=several
        if rates
        else f"(default {images}; for tables {tables}, but 0.03 of adam for a linear model)",
    )
    return group


def add_training(parser: argparse.ArgumentParser, rates: bool = False) -> Any:
    """The optimizer, the batch size and the number of epochs; returns the group."""
    group = add_optimizer(parser, rates)
    group.add_argument(
        "--batch-size",
        type=_batch_size,
        metavar="N",
        help="a number, or `all` for full-batch training, which does thousands of epochs per "
        "second with a small model on a table (default 128; for "
        "tables 32, and all of up to 1,000 rows)",
    )
    group.add_argument(
        "--epochs",
        type=above(-1, int),
        metavar="N",
        help="(default 20; for tables as many as make 2,000 steps, but 20 at least)",
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
    if not rates:
        group.add_argument(
            "--patience",
            type=above(0, int),
            metavar="N",
            help="stop after N epochs without a lower validation loss (default: after --epochs)",
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
