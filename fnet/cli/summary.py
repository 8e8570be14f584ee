"""`fnet summary`: shapes, parameters and memory, layer by layer."""

from pathlib import Path
from typing import Any

from fnet.cli.arguments import MODEL, Settings, command, say
from fnet.cli.build import build_model, with_model
from fnet.cli.model_arguments import add_model
from fnet.cli.run import read_run
from fnet.cli.text import is_text
from fnet.cli.values import above
from fnet.core import Layer, Shape
from fnet.core.examples import ints
from fnet.data import Words
from fnet.errors import ConfigurationError
from fnet.summary import human_bytes, summary

EXAMPLES = """
fnet summary runs/shapes-cnn-1
fnet summary --hidden 512 --layers 8 --shape 32 32 3 --batch-size 256 --samples 50000
"""


def add(commands: Any) -> None:
    """Register the command."""
    about = "show the shapes, parameters and memory of a network, layer by layer"
    parser = command(commands, "summary", run, about, EXAMPLES)
    parser.add_argument("run_folder", nargs="?", metavar="RUN", help="folder of a trained network")
    add_model(parser)
    parser.add_argument(
        "--shape", nargs="+", type=above(0, int), help="of one example (default 32 32 3)"
    )
    parser.add_argument("--classes", type=above(0, int), help="(default 10)")
    parser.add_argument("--batch-size", type=above(0, int), help="(default 128)")
    parser.add_argument(
        "--samples", type=above(0, int), help="also report the caches of this many at once"
    )


def run(given: Settings) -> int:
    """Run the command."""
    model, shape = _model(given)
    report = summary(model, shape, given.get("batch_size", 128))
    say(f"{model}, on examples of {shape}, in a batch of {report.batch_size}")
    say(str(report))
    if "samples" in given:
        samples = given["samples"]
        say(f"all {samples:,} samples at once: {human_bytes(report.cache_of(samples))} of caches")
    return 0


def _model(given: Settings) -> tuple[Layer, Shape]:
    if "run_folder" in given:
        for option in given.keys() & {*MODEL, "shape", "classes"}:
            raise ConfigurationError(
                f"--{option} describes a network, and RUN has its own; leave one out"
            )
        settings, checkpoint = read_run(Path(given["run_folder"]))
        if is_text(settings):
            tokens = ints(*checkpoint.shape, below=len(checkpoint.classes))
            return checkpoint.model, tokens
        if settings["text"] is not None:
            words = Words(tuple(settings["schema"]["texts"]["words"]))
            return checkpoint.model, ints(*checkpoint.shape, below=words.size)
        return checkpoint.model, checkpoint.shape
    shape = tuple(given.get("shape", (32, 32, 3)))
    settings = {**MODEL, **with_model(given, images=len(shape) == 3)[0]}
    return build_model(settings, given.get("classes", 10)), shape
