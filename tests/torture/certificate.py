"""What each hazard depends on: what tries it, and what it tries of fnet."""

import functools
from pathlib import Path

from tests import certificates
from tests.torture.hazards import MODULES

CERTIFICATE = Path(__file__).parent / "certificate.json"
PROCESSES = {"signals": "fnet.cli.train"}  # what is started, and so not imported
BENEATH = (*certificates.BENEATH, "pillow")


@functools.cache
def today() -> dict[str, str]:
    """The digest of each hazard, as the sources are now."""
    found = {}
    for module in MODULES:
        path = Path(module.__file__)
        started = certificates.file_of(PROCESSES.get(path.stem, ""))
        for hazard in module.HAZARDS:
            more = hazard.name, hazard.promise, str(hazard.full)
            roots = filter(None, (path, started))
            found[hazard.name] = certificates.digest(roots, *more, beneath=BENEATH)
    return found


def stale() -> list[str]:
    """The hazards that were met in full before something changed that they depend on."""
    return certificates.stale(CERTIFICATE, today(), versions=False)
