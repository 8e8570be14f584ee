"""The flags that only a table has: what is predicted from what, and how it is written."""

import argparse
from typing import Any

from fnet.cli.values import above


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
    group.add_argument(
        "--text", metavar="COLUMN", help="a column of texts, to predict classes from their words"
    )
    group.add_argument(
        "--images", metavar="COLUMN", help="a column of names of image files, to predict classes"
    )
    group.add_argument("--drop", nargs="+", metavar="COLUMN", help="columns to leave out")
    group.add_argument(
        "--group",
        metavar="COLUMN",
        help="rows with one value in it, as those of one patient, are in one part: train, val or "
        "test; it is no feature unless --features names it",
    )
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
    add_writing(group)


def add_writing(group: Any) -> None:
    """How a table is written."""
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
    group.add_argument(
        "--header",
        choices=("yes", "no"),
        help="whether one line of names stands above the rows; without one columns are called x1, "
        "x2, ... (default: recognised)",
    )
