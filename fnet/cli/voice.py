"""How a command speaks: in words, in the last of them only, or in JSON for programs."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fnet.cli.arguments import Settings, interactive, say


class Voice(NamedTuple):
    """`json` is an object a line, each with its event; `quiet` only what was reached at last."""

    json: bool = False
    quiet: bool = False

    @property
    def shows_progress(self) -> bool:
        """Whether to speak in words while something is under way."""
        return not (self.json or self.quiet)

    @property
    def shows_bar(self) -> bool:
        """Whether there is somebody to watch a bar move."""
        return self.shows_progress and interactive()

    def tell(
        self, event: str, words: Sequence[str], facts: Mapping[str, Any], last: bool = False
    ) -> None:
        """The words, a line each, or the facts; `last` are those that --quiet leaves."""
        if self.json:
            say(json.dumps(_plain({"event": event, **facts}), ensure_ascii=False))
        elif last or not self.quiet:
            for line in words:
                say(line)


def add_voice(parser: argparse.ArgumentParser) -> None:
    """The arguments --quiet and --json."""
    group = parser.add_argument_group("output").add_mutually_exclusive_group()
    group.add_argument(
        "--quiet", action="store_true", help="say only what was reached and where it lies"
    )
    group.add_argument("--json", action="store_true", help="an object a line, for programs")


def take_voice(given: Settings) -> Voice:
    """The voice that was asked for, taken out of what was given."""
    return Voice(given.pop("json", False), given.pop("quiet", False))


def _plain(value: Any) -> Any:
    """The value with null for what is not finite: JSON has no such number."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
