"""The optimizer, its learning rate and schedule from the settings."""

from collections.abc import Callable
from typing import Any

from fnet import optimizers
from fnet.cli.arguments import ALL, IMAGE_RATES, LINEAR_RATES, TABLE_RATES, Settings
from fnet.cli.solving import SOLVERS, build_solver
from fnet.cli.tables import of_columns
from fnet.cli.text import is_text, text_rate
from fnet.errors import ConfigurationError
from fnet.optimizers import schedules


def build_optimizer(settings: Settings, samples: int) -> Any:
    """The optimizer, or solver, that the settings name, for so many samples."""
    name, decay = settings["optimizer"], settings["weight_decay"]
    if name in SOLVERS:
        return build_solver(settings)
    rate = settings["learning_rate"] or default_rate(settings)
    given = {}
    if name == "muon":
        given = {"rest": optimizers.adam(default_rate({**settings, "optimizer": "adam"}))}
    elif name == "adamw" and decay is not None:
        given = {"weight_decay": decay}
    optimizer = getattr(optimizers, name)(rate, **given)
    if decay and name != "adamw":
        optimizer = optimizers.decayed(optimizer, decay)
    schedule = _schedule(settings, samples)
    return optimizer if schedule is None else optimizers.scheduled(optimizer, schedule)


def default_rate(settings: Settings) -> float:
    """The learning rate if none is given."""
    if is_text(settings):
        return text_rate(settings)
    linear = settings["model"] in ("linear", "logistic")
    rates = LINEAR_RATES if linear else TABLE_RATES
    rates = IMAGE_RATES if not of_columns(settings) else rates
    return rates[settings["optimizer"]]


def optimizer_words(settings: Settings) -> str:
    """The name of the optimizer, with its learning rate if it has one."""
    name = settings["optimizer"]
    if name in SOLVERS:
        return str(name)
    return f"{name} {settings['learning_rate'] or default_rate(settings):g}"


def schedule_words(settings: Settings, samples: int) -> list[str]:
    """What is said of the schedule, if there is one."""
    if _schedule(settings, samples) is None:
        return []
    steps, rising = _lengths(settings, samples)
    words = f", {rising:,} of them warm-up" if rising else ""
    return [f"{settings['schedule']} learning rate over {steps:,} steps{words}"]


def _lengths(settings: Settings, samples: int) -> tuple[int, int]:
    """The steps of the whole run, and those of its warm-up."""
    size = settings["batch_size"]
    each = 1 if size == ALL else -(-samples // min(size, samples))
    steps = settings["epochs"] * each
    return steps, round(settings["warmup"] * steps)


def _schedule(settings: Settings, samples: int) -> schedules.Schedule | None:
    """The schedule for all steps of the run, which include the warm-up; None for a fixed rate."""
    name = settings["schedule"]
    if name == "constant" and not settings["warmup"]:
        return None
    steps, rising = _lengths(settings, samples)
    left = steps - rising
    if left < 2:
        raise ConfigurationError(
            f"--schedule {name}: the run has {steps} steps, {rising} of them warm-up; take more "
            "--epochs or a smaller --batch-size"
        )
    if name == "one-cycle":  # which rises by itself
        share = settings["warmup"] or 0.3
        return schedules.one_cycle(steps, share)
    if name == "inverse-sqrt":
        return schedules.inverse_sqrt(rising or max(1, steps // 10))
    made: dict[str, Callable[[], schedules.Schedule]] = {
        "constant": schedules.constant,
        "cosine": lambda: schedules.cosine(left),
        "linear": lambda: schedules.linear(left),
        "step": lambda: schedules.piecewise((left // 2, left // 2 + left // 4), (1.0, 0.1, 0.01)),
    }
    after = made[name]()
    return schedules.warmup(rising, after) if rising else after
