"""Progress: a bar where somebody watches, a line now and then where nobody does."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from rich.progress import BarColumn, Progress, TextColumn

from fnet.cli.voice import Voice
from fnet.training.records import Record

Item = TypeVar("Item")

LINES = 20  # at most, of a whole training, where output goes to a file


class Look(NamedTuple):
    """Where training is: whole epochs, steps in all; in a few words, in words, in facts.

    `ended` where it is the end of an epoch.
    """

    epoch: int
    steps: int
    few: str
    words: str
    facts: Mapping[str, float]
    ended: bool = True


class Pace(NamedTuple):
    """Steps a second and the seconds that are left, or None where that cannot be told yet.

    It is that of all steps since the first look, which had to wait for the compiler; looking at
    the validation set and saving are part of what a step takes.
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
    look: Callable[[Item], Look],
    begin: Look,
    end: Look,
    voice: Voice,
) -> Iterator[Item]:
    """The items, shown as they pass, on the way from one look to another."""
    looks = _paced(items, look, end.steps)
    way = _bar if voice.shows_bar else _lines
    return way(looks, begin, end, voice)


def show(
    records: Iterator[Record], steps_per_epoch: int, done: int, epochs: int, voice: Voice
) -> Iterator[Record]:
    """The records of a training, shown as they pass; `done` epochs are done already."""

    def look(record: Record) -> Look:
        under_way = len(record.seen.loss)
        steps = record.epoch * steps_per_epoch + under_way
        words = _few_words(record), _words(record)
        return Look(record.epoch, steps, *words, record.metrics, ended=not under_way)

    begin, end = (Look(n, n * steps_per_epoch, "", "", {}) for n in (done, epochs))
    return shown(records, look, begin, end, voice)


def _paced(
    items: Iterator[Item], look: Callable[[Item], Look], total: int
) -> Iterator[tuple[Item, Look, Pace]]:
    first = None
    for item in items:
        now, seen = time.perf_counter(), look(item)
        if first is None:
            first = (now, seen.steps)
        speed = (seen.steps - first[1]) / (now - first[0]) if seen.steps > first[1] else None
        yield item, seen, Pace(speed, speed and (total - seen.steps) / speed)


def _bar(
    looks: Iterator[tuple[Item, Look, Pace]], begin: Look, end: Look, voice: Voice
) -> Iterator[Item]:
    columns = (
        TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
        BarColumn(bar_width=None),  # what the words leave of the line
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
        for item, seen, pace in looks:
            words = "  ".join(filter(None, (seen.few, str(pace))))
            progress.update(task, completed=seen.steps, epoch=seen.epoch, words=words)
            yield item


def _lines(
    looks: Iterator[tuple[Item, Look, Pace]], begin: Look, end: Look, voice: Voice
) -> Iterator[Item]:
    every = -(-end.epoch // LINES)
    for item, seen, pace in looks:
        told = seen.epoch % every == 0 or seen.epoch == end.epoch
        if seen.ended and (told or voice.json):
            words = filter(None, (f"epoch {seen.epoch}/{end.epoch}", seen.words, str(pace)))
            facts = {"epoch": seen.epoch, "epochs": end.epoch, **seen.facts}
            pace_of = {"steps_per_second": pace.speed, "seconds_left": pace.left}
            voice.tell("epoch", ["  ".join(words)], facts | pace_of)
        yield item


def _few_words(record: Record) -> str:
    """What fits in a line of 80 columns beside a bar."""
    metrics = record.metrics
    if not metrics:
        return ""
    accuracy = f" {metrics['val_accuracy']:.1%}" if "val_accuracy" in metrics else ""
    return f"loss {metrics['train_loss']:.4f}  val {metrics['val_loss']:.4f}{accuracy}"


def _words(record: Record) -> str:
    words = []
    for part in ("train", "val"):
        if f"{part}_loss" in record.metrics:
            words.append(f"{part} loss {record.metrics[f'{part}_loss']:.4f}")
        if f"{part}_accuracy" in record.metrics:
            words.append(f"accuracy {record.metrics[f'{part}_accuracy']:.1%}")
    return "  ".join(words)
