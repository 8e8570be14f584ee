"""`fnet data make | download | stats | grid`: get a set of images, and inspect any."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from fnet import data
from fnet.cli.arguments import DATA, Settings, add_data, command, interactive, say
from fnet.cli.run import write_picture
from fnet.cli.source import load_parts
from fnet.cli.statistics import column_lines, target_lines
from fnet.cli.values import above
from fnet.errors import ConfigurationError

MAKE = """
fnet data make shapes/                 draw the embedded set into shapes/<class>/
fnet data make shapes/ --per-class 50
"""
DOWNLOAD = """
fnet data download cifar10             60,000 photographs, 170 MB, to fnet's cache
fnet data download cifar10 cifar/
FNET_MIRROR=https://host/path fnet data download cifar10
"""
ABOUT = """Download a published data set over https, and verify its SHA-256.

An interrupted download resumes where it stopped. The network is not used if the folder already
holds the set, or cifar-10-binary.tar.gz or cifar-10-python.tar.gz as published (so a USB stick
serves a machine without a network). Proxies come from https_proxy and no_proxy; FNET_MIRROR is
another https address to download from, SSL_CERT_FILE the certificate authorities to trust."""
STATS = """
fnet data stats --data photos/
"""
GRID = """
fnet data grid --data photos/ --out grid.png
"""


def add(commands: Any) -> None:
    """Register the command and its four parts."""
    examples = "\n".join(text.strip() for text in (MAKE, DOWNLOAD, STATS, GRID))
    summary = "draw the embedded data set or download CIFAR-10; count or picture any data set"
    parser = command(commands, "data", _none, summary, examples)
    parts = parser.add_subparsers(metavar="make | download | stats | grid", required=True)
    make = command(parts, "make", run_make, "draw the embedded set of shapes as PNGs", MAKE)
    make.add_argument("folder", nargs="?", help="where (default: fnet's cache)")
    make.add_argument("--per-class", type=above(0, int), help="images per class (default 500)")
    make.add_argument("--seed", type=above(-1, int), help="(default 0)")
    download = command(parts, "download", run_download, "download a published data set", DOWNLOAD)
    download.description = ABOUT
    download.add_argument("set", choices=("cifar10",), help="which data set")
    download.add_argument("folder", nargs="?", help="where (default: fnet's cache)")
    stats = command(parts, "stats", run_stats, "describe a table, or count images", STATS)
    add_data(stats)
    grid = command(parts, "grid", run_grid, "draw some images of each class", GRID)
    add_data(grid)
    grid.add_argument("--per-class", type=above(0, int), help="images per class (default 8)")
    grid.add_argument("--out", metavar="PNG", help="(default grid.png)")


def run_make(given: Settings) -> int:
    """Draw the embedded set."""
    folder = given.pop("folder", None)
    made = data.synthetic_images(folder, **given)
    say(f"written    {made}: {len(data.image_folder(made))} images, drawn by fnet (no photographs)")
    say(f"next       fnet train --data {made}" if folder else "next       fnet train")
    return 0


def run_download(given: Settings) -> int:
    """Download a published set into a folder, unless it is there."""
    with contextlib.ExitStack() as stack:
        folder = data.download_cifar10(given.get("folder"), _bar(stack))
    say(f"verified   {folder}: CIFAR-10, as published")
    say(f"next       fnet train --data {folder}")
    return 0


def _bar(stack: contextlib.ExitStack) -> Callable[[int, int], None]:
    """Print a line when a download begins; at a terminal, also a bar until the stack closes."""
    bar = Progress(BarColumn(bar_width=None), DownloadColumn(), TimeRemainingColumn(), expand=True)

    def show(done: int, total: int) -> None:
        if not bar.tasks:
            say(f"download   {total / 1e6:.0f} MB" + f", {done / 1e6:.0f} MB done" * bool(done))
            bar.add_task("", total=total)
            if interactive():
                stack.enter_context(bar)
        bar.update(bar.tasks[0].id, completed=done)

    return show


def run_stats(given: Settings) -> int:
    """Describe the columns of a table, the target by part, and the inputs of the training part."""
    parts = load_parts({**DATA, **given, "scale": "minmax", "missing": "mean"})
    name = parts.train.fields[0]
    for line in (f"data       {parts.about}", *parts.lines):
        say(line)
    if parts.schema is not None:
        for line in column_lines(parts.schema):
            say(line)
        say()
    say(f"input      {parts.train.arrays[name].shape[1:]} {parts.train.arrays[name].dtype}")
    for line in target_lines(parts):
        say(line)
    if parts.schema is None:
        mean, std = data.mean_and_std(parts.train)
        say(f"mean       {_numbers(mean)} in the training part, by channel")
        say(f"std        {_numbers(std)}")
        say(f"transform  {parts.train.transform}, fitted to the training part")
    return 0


def run_grid(given: Settings) -> int:
    """Draw some images of each class."""
    from fnet import plots  # matplotlib is slow to import

    out, per_class = Path(given.pop("out", "grid.png")), given.pop("per_class", 8)
    parts = load_parts({**DATA, **given})
    if parts.train.fields[0] != "image":
        raise ConfigurationError("a table has no images to draw; use fnet data stats instead")
    write_picture(out, plots.class_grid(parts.train, per_class))
    say(f"written    {out}")
    return 0


def _none(given: Settings) -> int:
    raise AssertionError("argparse requires a part")


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)
