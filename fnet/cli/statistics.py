"""What `fnet data stats` says of the columns of a table, and of a target in each part."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fnet.cli.figures import short_number
from fnet.cli.source import PARTS, Parts
from fnet.data.dates import TIME_OF_DAY

SHOWN = 6  # categories of a column
FIGURES: dict[str, Any] = {
    "mean": np.mean,
    "std": np.std,
    "least": np.min,
    "median": np.median,
    "greatest": np.max,
}


def column_lines(schema: Mapping[str, Any]) -> Iterator[str]:
    """A line for each column that is used: its kind, and its values in the training part.

    The schema is of columns scaled to 0..1, with the mean where one is missing.
    """
    columns = schema["columns"]
    width = max(len("column"), *(len(column["name"]) for column in columns))
    yield f"{'column':<{width}}  kind      in the training part"
    for column in columns:
        yield f"{column['name']:<{width}}  {column['kind']:<8}  {_values(column)}"


def target_lines(parts: Parts) -> Iterator[str]:
    """The samples of each class by part, or what the numbers to predict are."""
    target, classes = parts.train.fields[1], parts.train.classes
    columns = [getattr(parts, part).arrays[target] for part in PARTS]
    if classes:
        counts = [np.bincount(np.ravel(column), minlength=len(classes)) for column in columns]
        table = {
            name: [str(count[place]) for count in counts] for place, name in enumerate(classes)
        }
        head = "class"
    else:
        table = {"samples": [str(len(column)) for column in columns]}
        for name, figure in FIGURES.items():
            table[name] = [short_number(float(figure(column))) for column in columns]
        head = "target"
    width = max(len(head), *map(len, table))
    cell = max(7, *(len(word) + 2 for row in table.values() for word in row))
    yield f"{head:<{width}}  " + "".join(f"{part:>{cell}}" for part in PARTS)
    for name, row in table.items():
        yield f"{name:<{width}}  " + "".join(f"{word:>{cell}}" for word in row)


def _values(column: Mapping[str, Any]) -> str:
    words = column.get("words", ())
    if words:
        more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
        return ", ".join(words[:SHOWN]) + more
    centre, width, fill = column["scale"]
    if column["kind"] == "date":
        ends = (centre, centre + width)
        if column["order"] == TIME_OF_DAY:
            return " to ".join(str(np.datetime64(round(day * 1440), "m"))[11:] for day in ends)
        return " to ".join(str(np.datetime64(round(day), "D")) for day in ends)
    return f"{short_number(centre)} to {short_number(centre + width)}, mean {short_number(fill)}"
