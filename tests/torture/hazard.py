"""What a hazard is, and where a case that failed is kept."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

KEPT = Path(__file__).parent / "kept"

# Seconds of CPU time that a file may take to be read: one that was made to take for ever takes more
# on any machine, and any other less on the busiest.
ENDLESS = 60.0


class Outcome(NamedTuple):
    """Of some cases: a line for each that failed, and what was measured on the way."""

    cases: int
    failures: list[str]
    measured: str


class Hazard(NamedTuple):
    """A danger and what tries it: `run(cases, seed)`; cases in the quick form, and in the full."""

    name: str
    promise: str
    run: Callable[[int, int], Outcome]
    quick: int
    full: int


def keep(name: str, content: bytes) -> Path:
    """Keep a small file that went wrong under kept/NAME/, where each later run meets it again."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()[:12]
    path.write_bytes(content)
    return path


def kept(name: str) -> Iterator[tuple[str, bytes]]:
    """The files that once went wrong, and where they lie."""
    for path in sorted((KEPT / name).glob("*")):
        yield str(path.relative_to(KEPT)), path.read_bytes()
