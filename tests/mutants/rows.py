"""What everybody says of one mutant."""

import time
from typing import Any

from tests.mutants import tools
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.examined import examined
from tests.mutants.generated import named


def row(name: str) -> tuple[dict[str, Any], float]:
    """A row of results.json, and the seconds it took."""
    begun = time.perf_counter()
    mutant = CATALOGUE.get(name) or named(name)
    said = examined(mutant)
    form = tools.form_of(*mutant.build())
    found = {
        "name": name,
        "origin": "planted" if name in CATALOGUE else "generated",
        "expected": sorted(mutant.kinds),
        "caught": said.caught,
        "said": said.kind,
        "right": said.kind in mutant.kinds,
        "others": {tool: ask(form) for tool, ask in tools.TOOLS.items()},
    }
    return found, time.perf_counter() - begun
