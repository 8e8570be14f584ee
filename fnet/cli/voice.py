"""The output of a command: all of it, only the result, or JSON for programs."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fnet.cli.arguments import Settings, interactive, say


class Voice(NamedTuple):
    """With `json`, one object per line, each with its event; with `quiet`, only the result.

    A `silent` voice is that of a process for which another speaks.
    """

    json: bool = False
    quiet: bool = False
    silent: bool = False

    @property
    def shows_progress(self) -> bool:
        """Whether to report progress in words."""
        return not (self.json or self.quiet or self.silent)

    @property
    def shows_bar(self) -> bool:
        """Whether to draw a progress bar."""
        return self.shows_progress and interactive()

    def tell(
        self, event: str, words: Sequence[str], facts: Mapping[str, Any], last: bool = False
    ) -> None:
        """Print the words, one per line, or the facts; --quiet prints only those marked `last`."""
        if self.silent:
            return
        if self.json:
            say(json.dumps(plain({"event": event, **facts}), ensure_ascii=False))
        elif last or not self.quiet:
            for line in words:
                say(line)


def add_voice(parser: argparse.ArgumentParser) -> None:
    """The arguments --quiet and --json."""
    group = parser.add_argument_group("output").add_mutually_exclusive_group()
    group.add_argument(
        "--quiet", action="store_true", help="print only the result and where it is saved"
    )
    group.add_argument("--json", action="store_true", help="print one JSON object per line")


def take_voice(given: Settings) -> Voice:
    """Remove the output settings from those given, and return them as a Voice."""
    return Voice(given.pop("json", False), given.pop("quiet", False))


def plain(value: Any) -> Any:
    """The value with null for NaN and infinity, which JSON lacks."""
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
