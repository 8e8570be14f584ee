"""What everybody says of one mutant."""

import time
from typing import Any, NamedTuple

from tests.mutants import tools
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.examined import examined
from tests.mutants.generated import named


class Task(NamedTuple):
    """A mutant, and what was said of it that still holds: the rest is asked anew."""

    name: str
    ours: dict[str, Any] | None
    others: dict[str, str] | None


def row(task: Task) -> tuple[dict[str, Any], float]:
    """A row of results.json, and the seconds it took."""
    begun = time.perf_counter()
    mutant = CATALOGUE.get(task.name) or named(task.name)
    ours, others = task.ours, task.others
    if ours is None:
        said = examined(mutant)
        right = said.kind in mutant.kinds
        ours = {"caught": said.caught, "said": said.kind, "right": right}
    if others is None:
        form = tools.form_of(*mutant.build())
        others = {tool: ask(form) for tool, ask in tools.TOOLS.items()}
    found = {
        "name": task.name,
        "origin": "planted" if task.name in CATALOGUE else "generated",
        "expected": sorted(mutant.kinds),
        **ours,
        "others": others,
    }
    return found, time.perf_counter() - begun
