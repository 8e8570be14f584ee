"""Progress: a bar at a terminal, otherwise an occasional line."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from rich.progress import BarColumn, Progress, TextColumn

from fnet.cli.figures import figures, main_of, spelled
from fnet.cli.voice import Voice
from fnet.training.records import Record

Item = TypeVar("Item")

LINES = 20  # at most, for a whole training, if output is not a terminal


class Status(NamedTuple):
    """How far training is, in full epochs and in steps overall.

    `brief` and `words` describe it beside a bar and on a line of its own, `facts` to a program;
    `ended` is whether an epoch ends here.
    """

    epoch: int
    steps: int
    brief: str
    words: str
    facts: Mapping[str, float]
    ended: bool = True


class Pace(NamedTuple):
    """Steps per second and the seconds left, or None while unknown.

    Measured since the first status, which waited for the compiler; validation and saving count.
    """

    speed: float | None = None
    left: float | None = None

    def __str__(self) -> str:
        if self.speed is None or self.left is None:
            return ""
        speed = f"{self.speed:,.0f}" if self.speed >= 10 else f"{self.speed:.2g}"
        return f"{speed} steps/s  {clock(self.left)} left"


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: 1:02:03, or 2:03."""
    minutes, second = divmod(round(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def shown(
    items: Iterator[Item],
    status: Callable[[Item], Status],
    begin: Status,
    end: Status,
    voice: Voice,
) -> Iterator[Item]:
    """Yield the items, showing progress from `begin` to `end`."""
    paced = _paced(items, status, end.steps)
    display = _bar if voice.shows_bar else _lines
    return display(paced, begin, end, voice)


def show(
    records: Iterator[Record], steps_per_epoch: int, done: int, epochs: int, voice: Voice
) -> Iterator[Record]:
    """Yield a training's records, showing progress; `done` epochs are done already."""

    def status(record: Record) -> Status:
        partial = len(record.seen.loss)
        steps = record.epoch * steps_per_epoch + partial
        words = _brief(record), _words(record)
        return Status(record.epoch, steps, *words, record.metrics, ended=not partial)

    begin, end = (Status(n, n * steps_per_epoch, "", "", {}) for n in (done, epochs))
    return shown(records, status, begin, end, voice)


def _paced(
    items: Iterator[Item], status: Callable[[Item], Status], total: int
) -> Iterator[tuple[Item, Status, Pace]]:
    first = None
    for item in items:
        now, reached = time.perf_counter(), status(item)
        if first is None:
            first = (now, reached.steps)
        steps = reached.steps - first[1]
        speed = steps / (now - first[0]) if steps else None
        yield item, reached, Pace(speed, speed and (total - reached.steps) / speed)


def _bar(
    paced: Iterator[tuple[Item, Status, Pace]], begin: Status, end: Status, voice: Voice
) -> Iterator[Item]:
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(bar_width=None),  # the rest of the line
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, expand=True) as progress:
        task = progress.add_task(
            "",
            total=end.steps,
            completed=begin.steps,
            epoch=begin.epoch,
            epochs=end.epoch,
            words="compiling",
        )
        for item, reached, pace in paced:
            words = "  ".join(filter(None, (reached.brief, str(pace))))
            progress.update(task, completed=reached.steps, epoch=reached.epoch, words=words)
            yield item


def _lines(
    paced: Iterator[tuple[Item, Status, Pace]], begin: Status, end: Status, voice: Voice
) -> Iterator[Item]:
    every = -(-end.epoch // LINES)
    for item, reached, pace in paced:
        epoch = reached.epoch
        due = epoch % every == 0 or epoch == end.epoch
        if reached.ended and (due or voice.json):
            words = filter(None, (f"epoch {epoch}/{end.epoch}", reached.words, str(pace)))
            facts = {"epoch": epoch, "epochs": end.epoch, **reached.facts}
            speed = {"steps_per_second": pace.speed, "seconds_left": pace.left}
            voice.tell("epoch", ["  ".join(words)], facts | speed)
        yield item


def _brief(record: Record) -> str:
    """Short enough to fit beside a bar in 80 columns."""
    metrics = record.metrics
    if not metrics:
        return ""
    main = main_of(metrics, "val_")
    reached = f" {spelled(main, metrics[f'val_{main}'])}" if main else ""
    return f"loss {metrics['train_loss']:.4f}  val {metrics['val_loss']:.4f}{reached}"


def _words(record: Record) -> str:
    words = []
    for part in ("train", "val"):
        if f"{part}_loss" in record.metrics:
            words.append(f"{part} loss {record.metrics[f'{part}_loss']:.4f}")
        words += figures(record.metrics, f"{part}_")
    return "  ".join(words)
