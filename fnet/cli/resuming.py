"""Which settings a resumed run has: those that it began with, but for a few that may change."""

from pathlib import Path

from fnet.cli import run as runs
from fnet.cli.arguments import Settings
from fnet.errors import ConfigurationError

# Settings that a resumed run may change.
FREE = ("epochs", "workers", "learning_rate", "patience", "devices", "tensor_parallel")


def resumed(out: str | None, given: Settings) -> tuple[Path, Settings]:
    """The folder and settings of the run to resume; only FREE settings may change."""
    if out is None:
        raise ConfigurationError("--resume continues the run in a folder: name it with --out")
    settings = runs.read_config(Path(out))
    for key, value in given.items():
        plain = list(value) if isinstance(value, list | tuple) else value
        if key == "data" and settings[key] is not None:
            same = Path(value).resolve() == Path(settings[key]).resolve()
            plain = settings[key] if same else value
        if key not in FREE and plain != settings[key]:
            raise ConfigurationError(
                f"--resume: {key} was {settings[key]} in {out} and cannot become {value}; leave "
                "it out, or begin a new run with another --out"
            )
    # Devices are those of this process, whatever the run had before.
    others = dict.fromkeys(("devices", "tensor_parallel"))
    return Path(out), {**settings, **others, **given, "data": settings["data"]}
