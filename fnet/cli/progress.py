"""Progress: a bar where somebody watches, a line now and then where nobody does."""

from collections.abc import Iterator

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from fnet.cli.arguments import interactive, say
from fnet.records import Record

LINES = 20  # at most, of a whole training, where output goes to a file


def show(records: Iterator[Record], done: int, epochs: int) -> Iterator[Record]:
    """The records, shown as they pass."""
    return _bar(records, done, epochs) if interactive() else _lines(records, epochs)


def _bar(records: Iterator[Record], done: int, epochs: int) -> Iterator[Record]:
    columns = (
        TextColumn("epoch {task.completed}/{task.total}"),
        BarColumn(bar_width=None),  # what the words leave of the line
        TextColumn("{task.fields[metrics]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, expand=True) as progress:
        task = progress.add_task("", total=epochs, completed=done, metrics="compiling")
        for record in records:
            if record.metrics:
                progress.update(task, completed=record.epoch, metrics=_few_words(record))
            yield record


def _lines(records: Iterator[Record], epochs: int) -> Iterator[Record]:
    every = -(-epochs // LINES)
    for record in records:
        ended = not len(record.seen.loss)
        if ended and (record.epoch % every == 0 or record.epoch == epochs):
            say(f"epoch {record.epoch}/{epochs}  {_words(record)}")
        yield record


def _few_words(record: Record) -> str:
    """What fits in a line of 80 columns beside a bar."""
    metrics = record.metrics
    return (
        f"loss {metrics['train_loss']:.4f}  val loss {metrics['val_loss']:.4f}  "
        f"val accuracy {metrics['val_accuracy']:.1%}"
    )


def _words(record: Record) -> str:
    words = []
    for part in ("train", "val"):
        if f"{part}_loss" in record.metrics:
            words.append(f"{part} loss {record.metrics[f'{part}_loss']:.4f}")
        if f"{part}_accuracy" in record.metrics:
            words.append(f"accuracy {record.metrics[f'{part}_accuracy']:.1%}")
    return "  ".join(words)
