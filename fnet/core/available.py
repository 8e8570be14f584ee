"""How much memory this process may still take, before it is taken."""

import math
from collections.abc import Iterator
from pathlib import Path

from fnet.errors import DataError

SMALL = 2**26  # bytes that are taken without asking
GROUPS = Path("/sys/fs/cgroup")
LIMITS = (  # of a control group, version 2 and 1: files of its limit, its use, and what is evicted
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_memory() -> float:
    """The bytes that the system and this process's control groups still give.

    Infinity where neither says so, as on systems other than Linux.

    >>> available_memory() > 0
    True
    """
    return min([_of_the_system(), *(left for folder in _groups() for left in _left(folder))])


def check_memory(what: str, need: float, how: str) -> None:
    """Raise DataError if `what` needs more bytes than are available, saying `how` it would fit.

    >>> check_memory("ten images", 1000, "make them smaller")
    """
    if need > SMALL and need > (available := available_memory()):
        raise DataError(
            f"{what} take {human_bytes(need)}, and {human_bytes(available)} are available; {how}"
        )


def human_bytes(size: float) -> str:
    """A number of bytes in a readable unit; 1 kB is 1,000 bytes.

    >>> human_bytes(1536), human_bytes(0)
    ('1.5 kB', '0 B')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.95 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError


def _of_the_system() -> float:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return math.inf
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return 1024.0 * int(fields["MemAvailable"].split()[0]) if "MemAvailable" in fields else math.inf


def _groups() -> Iterator[Path]:
    """The folders of the control groups that this process is in, and of those around them."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        root = GROUPS / "memory" if "memory" in controllers.split(",") else GROUPS
        inner = root / place.lstrip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(root))


def _left(folder: Path) -> Iterator[float]:
    for limit, used, evicted in LIMITS:
        try:
            most = (folder / limit).read_text().strip()
            taken = int((folder / used).read_text())
            counts = dict(map(str.split, (folder / "memory.stat").read_text().splitlines()))
        except (OSError, ValueError):
            continue
        if most != "max":
            yield float(max(0, int(most) - taken + int(counts.get(evicted, 0))))
