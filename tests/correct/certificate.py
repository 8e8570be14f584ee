"""What the count of each entry depends on: the checker, and the gradient that is right."""

import functools
import re
from pathlib import Path

from tests import certificates
from tests.certificates import CHECKER
from tests.correct.functions import MODULES

HERE = Path(__file__).parent
CERTIFICATE = HERE / "certificate.json"
# What draws and counts, without what it imports: that is every entry.
COUNTING = [certificates.code(HERE / f"{name}.py") for name in ("counts", "functions", "entries")]
ROOMS = ("fnet.layers", "fnet.losses", "fnet.compose", "fnet.initializers")


@functools.cache
def today() -> dict[str, str]:
    """The digest of each entry, as the sources are now."""
    pairs = [(module, entry.name) for module in MODULES for entry in module.ENTRIES]
    return {name: _digest(module, name) for module, name in pairs}


def _digest(module: object, name: str) -> str:
    path = Path(module.__file__)
    if path.stem != "library":
        return certificates.digest([*CHECKER, path], *COUNTING, name)
    # It imports all of fnet's layers and losses, and an entry needs those that its name names.
    words = set(re.findall(r"\w+", name)) if name.startswith("fnet.") else set()
    found = [certificates.written(room, word) for room in ROOMS for word in sorted(words)]
    return certificates.digest(
        [*CHECKER, *set().union(*found)], *COUNTING, certificates.code(path), name
    )


def stale() -> list[str]:
    """The entries that were counted before the checker or their own code changed."""
    return certificates.stale(CERTIFICATE, today(), versions=False)
