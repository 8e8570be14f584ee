"""`fnet overfit`: can this pipeline learn at all?"""

from typing import Any

from fnet.cli.arguments import (
    DATA,
    MODEL,
    TRAINING,
    Settings,
    add_data,
    command,
    say,
)
from fnet.cli.build import build, with_model
from fnet.cli.model_arguments import add_model
from fnet.cli.source import load_parts
from fnet.cli.training_arguments import add_optimizer
from fnet.cli.values import above
from fnet.errors import ConfigurationError
from fnet.training.overfitting import overfit

EXAMPLES = """
fnet overfit
fnet overfit --data photos/ --layers 3 --learning-rate 1e-4
"""


def add(commands: Any) -> None:
    """Register the command."""
    summary = "overfit 1, 10 and 300 samples: a pipeline that cannot is broken"
    parser = command(commands, "overfit", run, summary, EXAMPLES)
    add_data(parser)
    add_model(parser)
    add_optimizer(parser)
    parser.add_argument("--steps", type=above(0, int), help="at most, per set (default 1000)")


def run(given: Settings) -> int:
    """Run the command; the exit status is 1 if a set is not learned."""
    steps = given.pop("steps", 1000)
    given, _ = with_model(given)
    settings = {**DATA, **MODEL, **TRAINING, **given}
    parts = load_parts(settings)
    if not parts.train.classes:
        raise ConfigurationError(
            f"fnet overfit counts right answers, and {settings['target']} is a number; fnet train "
            "learns it, or with --binarize 30 70 it is two classes here"
        )
    model, loss, optimizer = build(settings, parts.train)
    for line in (f"data       {parts.about}", *parts.lines):
        say(line)
    say(f"model      {model}, {optimizer}")
    seed = settings["seed"]
    failed = []
    for attempt in overfit(model, loss, optimizer, parts.train, steps=steps, seed=seed):
        say(
            f"{attempt.samples:>4} samples  loss {attempt.loss:.4f}  accuracy "
            f"{attempt.accuracy:.1%}  {attempt.steps} steps  "
            + ("learned" if attempt.learned else "NOT learned")
        )
        failed += [] if attempt.learned else [attempt.samples]
    if not failed:
        say("the pipeline can learn: data, model, gradient and optimizer work together")
        return 0
    say(
        f"the pipeline could not overfit {failed[0]} sample{'s' * (failed[0] > 1)} in {steps} "
        "steps: check --learning-rate and --l2, then the labels, then the model (one layer cannot "
        "overfit every set); or allow more --steps"
    )
    return 1
