"""What each group of mutants depends on: those of one file, and those made of one gradient."""

import functools
from pathlib import Path

from tests import certificates
from tests.certificates import CHECKER, ROOT
from tests.mutants.catalogue import CATALOGUE, PLANTED_IN
from tests.mutants.generated import SITES

HERE = Path(__file__).parent
CERTIFICATE = HERE / "certificate.json"
OUTCOME = "what is made of fnet's sources"  # which changes are mutants, which change nothing
OTHERS = "others: "  # what the other tools say of a group, which does not depend on our checker
SITE_FILES = {f"{file} {name}": ROOT / "fnet" / file for file, name in SITES}


def group_of(name: str) -> str:
    """The file a mutant is planted in, or the function that it was made of."""
    return PLANTED_IN[name] if name in CATALOGUE else name.split(":")[0]


@functools.cache
def today() -> dict[str, str]:
    """The digest of each group, as the sources are now."""
    rows = {group: [HERE / group] for group in sorted(set(PLANTED_IN.values()))}
    made = [HERE / "generated.py", HERE / "changes.py"]
    rows |= {site: [*made, file] for site, file in SITE_FILES.items()}
    found = {}
    for group, files in rows.items():
        found[group] = certificates.digest([*CHECKER, HERE / "examined.py", *files], group)
        found[OTHERS + group] = certificates.digest([HERE / "tools.py", *files], group)
    return found | {OUTCOME: certificates.digest([*made, *SITE_FILES.values()])}


def stale() -> set[str]:
    """The groups that are not of the sources as they are now."""
    return set(certificates.stale(CERTIFICATE, today()))
