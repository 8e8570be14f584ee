"""Values of arguments: numbers above a bound, shares of parts, and the size of images."""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from fnet.errors import ConfigurationError

Number = Callable[[str], Any]
Part = TypeVar("Part")

ORIGINAL = "original"  # the size of images that are not resized
PARTS = ("train", "val", "test")
SPLIT = (0.6, 0.2, 0.2)


def above(least: float, kind: Callable[[str], Any]) -> Number:
    """An argparse type: a finite number of this kind above `least`; ints are below 2**32."""
    end = 2**32 if kind is int else float("inf")

    def number(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least < value < end:
            sort = "a whole number" if kind is int else "a number"
            low = "0 or more" if least < 0 else f"above {least:g}"
            high = " and below 2**32" if least < value and kind is int else ""
            raise argparse.ArgumentTypeError(f"{text!r} is not {sort} {low}{high}")
        return value

    return number


def shares_of(split: Sequence[float]) -> dict[str, float]:
    """The share of each part, by name; ConfigurationError unless they sum to 1.

    >>> shares_of([0.5, 0.25, 0.25])
    {'train': 0.5, 'val': 0.25, 'test': 0.25}
    """
    if abs(sum(split) - 1) > 1e-6:
        raise ConfigurationError(f"--split is {' '.join(map(str, split))}; its sum must be 1")
    return dict(zip(PARTS, split, strict=True))


def shares_of_train(split: Sequence[float], held: Iterable[str]) -> dict[str, float]:
    """The shares by which the training part is divided into itself and the parts not `held`.

    >>> shares_of_train([0.5, 0.25, 0.25], ["train", "test"])
    {'train': 0.6666666666666666, 'val': 0.3333333333333333}
    """
    shares, held = shares_of(split), {*held}
    wanted = {part: shares[part] for part in PARTS if part == "train" or part not in held}
    whole = sum(wanted.values())
    return {part: share / whole for part, share in wanted.items()}


def held_out(parts: Mapping[str, Part]) -> tuple[dict[str, Part], list[str]]:
    """Of data that come divided, the part that a run is measured on, and a sentence on it.

    >>> held_out({"train": 1, "val": 2, "test": 3}), held_out({"all": 4})
    (({'test': 3}, ['its test part alone']), ({'all': 4}, []))
    """
    for name in ("test", "val"):
        if name in parts and len(parts) > 1:
            return {name: parts[name]}, [f"its {name} part alone"]
    return {**parts}, []


def require_use_of_split(settings: Mapping[str, Any], held: Iterable[str]) -> None:
    """Raise ConfigurationError where a new run is given shares of parts, and the data have all."""
    stated = tuple(settings["split"]) != SPLIT
    if stated and {*PARTS} <= {*held} and "sha256" not in settings:
        raise ConfigurationError(
            f"--split {' '.join(map(str, settings['split']))}: the data come divided into "
            f"{', '.join(PARTS)}; leave it out, or join their parts in one folder"
        )


class ImageSize(argparse.Action):
    """[height, width], or `original`."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        """Keep the size, or raise ArgumentError."""
        size = values
        if values != [ORIGINAL]:
            try:
                size = [above(0, int)(text) for text in values]
            except argparse.ArgumentTypeError as error:
                raise argparse.ArgumentError(self, str(error)) from None
            if len(size) > 2:
                raise argparse.ArgumentError(self, "it is a height and a width, or one number")
        setattr(namespace, self.dest, ORIGINAL if values == [ORIGINAL] else (size * 2)[:2])
