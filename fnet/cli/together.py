"""Several processes that train as one: their arguments, and what each of them does."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fnet.checkpoint import Checkpoint
from fnet.cli import run as runs
from fnet.cli.arguments import Settings
from fnet.cli.signals import Stop
from fnet.cli.source import Parts
from fnet.cli.values import above
from fnet.cli.voice import Voice
from fnet.devices import on_one
from fnet.devices.processes import START, Team, join
from fnet.devices.watch import SILENCE, STUCK

OWN = ("process", "out", "data", "workers", "json", "quiet")  # what processes may have of their own


class Run(NamedTuple):
    """Where a run is kept, what it has been, and who takes part in it."""

    folder: Path
    history: list[dict[str, float]]
    stop: Stop
    voice: Voice
    team: Team

    def keep(self, checkpoint: Checkpoint) -> None:
        """Save the run so far, by the first process for all; in one file, whatever is divided."""
        if self.team.is_first:
            whole = checkpoint._replace(record=on_one(checkpoint.record))
            runs.keep(self.folder, whole, self.history)


def add_together(parser: argparse.ArgumentParser) -> None:
    """The arguments --coordinator, --process and --processes."""
    group = parser.add_argument_group(
        "several processes",
        "They train as one, each with the rows of every batch that its devices have; the first\n"
        f"writes and speaks. They have {START:g} s to come together, and must have the same data,\n"
        "arguments and versions. One that dies ends the others, with status 75; one of which\n"
        f"nothing is heard, after {SILENCE:g} s, and all where none moves, after {STUCK:g} s. The "
        "run can then\nbe resumed. On one machine: fnet launch.",
    )
    group.add_argument(
        "--coordinator",
        metavar="HOST:PORT",
        help="where process 0 listens; `auto` reads this and the two numbers from the environment "
        "of SLURM, Kubernetes or whatever else JAX knows",
    )
    group.add_argument(
        "--process", type=above(-1, int), metavar="I", help="the number of this one, from 0 on"
    )
    group.add_argument(
        "--processes", type=above(0, int), metavar="N", help="how many there are in all"
    )


def joined(given: Settings) -> Team:
    """The team of this process, all of which were given the same arguments."""
    named = ("coordinator", "process", "processes")
    if not any(name in given for name in named):
        return join()
    _keep_stdout_for_python()
    coordinator, process, processes = (given.pop(name, None) for name in named)
    about = {f"--{name.replace('_', '-')}": given[name] for name in given if name not in OWN}
    return join(coordinator, process, processes, about)


def voice_of(team: Team, voice: Voice) -> Voice:
    """That of the first process; the others are silent."""
    return voice if team.is_first else voice._replace(silent=True)


def agree_on_data(team: Team, parts: Parts, settings: Settings) -> None:
    """Raise ConfigurationError unless all processes have the same data and settings."""
    facts = {"sha256": parts.facts["sha256"][:12]}
    team.agree({f"{name} of the data": {**parts.facts, **facts}[name] for name in parts.facts})
    team.agree({name: value for name, value in settings.items() if name not in OWN})


@contextlib.contextmanager
def folder_of(team: Team, folder: Path) -> Iterator[None]:
    """Lock the folder of the run, by the first process for all."""
    with runs.claimed(folder) if team.is_first else contextlib.nullcontext():
        team.gather("the folder is ours")
        yield


def resumable(team: Team, folder: Path) -> None:
    """Have the word on a lost process say how to resume: the folder is that of a run from here."""
    team.gather("the run has begun")
    team.resume = (
        f"; {folder} holds the run up to its last checkpoint: continue it by the same command "
        f"with --out {folder} --resume"
    )


def stopped(team: Team, stop: Stop) -> bool:
    """Whether a signal asked any of the processes to stop; then all do, after the same step."""
    asked = [number for number in team.gather(int(stop.by or 0)) if number]
    if asked and not stop:
        stop.by = signal.Signals(asked[0])
    return bool(asked)


def new_folder(out: str | None, name: str, team: Team) -> Path:
    """The folder for a new run, which the first process chooses for all."""
    return Path(team.gather(str(runs.new_folder(out, name)) if team.is_first else "")[0])


def _keep_stdout_for_python() -> None:
    """What C++ writes to standard output is dropped: gloo says there that it has connected."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        number = sys.stdout.fileno()
        sys.stdout.flush()
        sys.stdout = os.fdopen(os.dup(number), "w", encoding=sys.stdout.encoding, buffering=1)
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), number)
