"""A run of two processes with two devices each, one of which a signal comes to at a given moment.

The processes are forked from one that has imported all they need, and share what they compile, so
that a run takes seconds. A moment in Python holds its process until the signal is there; compiling
and an epoch go on in XLA, and the signal comes after a random part of them.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np

from fnet.cli import main, together, train
from fnet.devices.lines import free_port
from fnet.devices.processes import join
from fnet.training import loop
from tests.compilation import keep_programs
from tests.forked import FORKED

COMPILING, EPOCH, CHECKPOINT, EVALUATION = MOMENTS = (
    *("compiling", "an epoch", "writing a checkpoint", "evaluation"),
)
LOWERED = "/jax/core/compile/jaxpr_to_mlir_module_duration"  # JAX says it before it compiles
LASTS = {COMPILING: 0.3, EPOCH: 0.05, CHECKPOINT: 0.0, EVALUATION: 0.0}  # seconds, about
HELD, SECONDS = 60.0, 120.0
SILENCE = 3.0  # seconds after which a stopped process is missed, here
LAST = 3  # epoch
# Which of the times that a process comes there: from this one on, and before that one. A checkpoint
# is flushed to the disk in several steps, and the first two that are flushed are of config.json.
TIMES = {COMPILING: (1, 2), EPOCH: (1, LAST), CHECKPOINT: (3, 10), EVALUATION: (1, LAST)}
ROWS = 300
TABLE = "train --data table.csv --target Kind --hidden 8 --batch-size 8 --json --out run".split()


def write_table(folder: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 3))
    kinds = np.where(x[:, 0] + 0.5 * rng.normal(size=ROWS) > 0, "large", "small")
    lines = [f"{a:.4f},{b:.4f},{c:.4f},{kind}" for (a, b, c), kind in zip(x, kinds, strict=True)]
    (folder / "table.csv").write_text("\n".join(["A,B,C,Kind", *lines]) + "\n", "utf-8")


class Moment(NamedTuple):
    """The `number`-th time that a process comes to what is named."""

    name: str
    number: int
    came: Any  # the end of a pipe, which hears of it
    stuck: float | None  # seconds in which no process moves, after which all end; None: as usual

    def tell(self) -> None:
        self.came.send_bytes(b"now")
        if not LASTS[self.name]:
            time.sleep(HELD)


def child(index: int, folder: Path, words: list[str], programs: str, moment: Moment | None) -> None:
    """Process `index`: `fnet` with these words, in this folder."""
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{name}-{index}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count=2"
    jax.config.update("jax_enable_x64", False)
    Path(programs).mkdir(exist_ok=True)
    keep_programs(programs)
    quick = {"silence": SILENCE, "stuck": moment.stuck} if moment else {}
    with (
        mock.patch.object(together, "join", lambda *given: join(*given, **quick)),
        mock.patch.object(train, "tell_end"),  # pictures take seconds
        contextlib.nullcontext() if moment is None else watched(moment),
    ):
        sys.exit(main(words))


@contextlib.contextmanager
def watched(moment: Moment) -> Iterator[None]:
    """Its moment is told."""
    came = iter(range(1, 10**9))

    def before(function: Callable[..., Any]) -> Callable[..., Any]:
        def told(*given: Any, **more: Any) -> Any:
            if next(came) == moment.number:
                moment.tell()
            return function(*given, **more)

        return told

    def lowered(event: str, _: float, **about: Any) -> None:
        if (
            event == LOWERED
            and "epoch" in str(about.get("fun_name"))
            and next(came) == moment.number
        ):
            moment.tell()

    if moment.name == COMPILING:
        jax.monitoring.register_event_duration_secs_listener(lowered)
        yield
        return
    made = loop.make_epoch
    place = {
        EPOCH: (loop, "make_epoch", lambda *given: before(made(*given))),
        CHECKPOINT: (os, "fsync", before(os.fsync)),
        EVALUATION: (loop, "measured", before(loop.measured)),
    }
    with mock.patch.object(*place[moment.name]):
        yield


class Ended(NamedTuple):
    """How a process ended, and what it wrote."""

    status: int | None
    out: str
    err: str


def begun(folder: Path, words: list[str], programs: Path, moments: Any = (None, None)) -> list[Any]:
    """Two processes that train as one."""
    shared = [*words, "--epochs", str(LAST), "--coordinator", f"127.0.0.1:{free_port()}"]
    shared += ["--processes", "2", "--process"]
    given = [
        (index, folder, [*shared, str(index)], str(programs), moments[index]) for index in (0, 1)
    ]
    processes = [FORKED.Process(target=child, args=each) for each in given]
    for process in processes:
        process.start()
    return processes


def ended(processes: list[Any], folder: Path, index: int) -> Ended:
    """Wait for process `index`."""
    processes[index].join(SECONDS)
    said = [(folder / f"{name}-{index}").read_text("utf-8") for name in ("out", "err")]
    return Ended(processes[index].exitcode, *said)


def run(folder: Path, words: list[str], programs: Path) -> list[Ended]:
    """An undisturbed run, to its end."""
    with ending(begun(folder, words, programs)) as processes:
        return [ended(processes, folder, index) for index in (0, 1)]


def struck(
    folder: Path, number: int, victim: int, moment: str, seed: int, programs: Path
) -> list[Ended]:
    """A run, process `victim` of which a signal comes to; how both ended, the other first.

    Signal 0 is none: the process hangs where its moment holds it, and is alive.
    """
    rng = np.random.default_rng(seed)
    reader, writer = FORKED.Pipe(duplex=False)
    of = 0 if moment == CHECKPOINT else victim  # process 0 alone writes
    time_of = int(rng.integers(*TIMES[moment]))
    here = Moment(moment, time_of, writer, None if number else SILENCE)
    told = [here if index == of else here._replace(number=0) for index in (0, 1)]
    with ending(begun(folder, TABLE, programs, told)) as processes:
        assert reader.poll(SECONDS), f"{moment} did not come"
        time.sleep(rng.uniform(0, LASTS[moment]))
        os.kill(processes[victim].pid, number)
        other = ended(processes, folder, 1 - victim)
        if number != signal.SIGSTOP:
            processes[victim].join(SECONDS)
    return [other, ended(processes, folder, victim)]


@contextlib.contextmanager
def ending(processes: list[Any]) -> Iterator[list[Any]]:
    """Whatever happens, none is left."""
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()
