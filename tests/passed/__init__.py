"""Of which test files a run takes a share: they passed, and what they depend on is the same.

A test file depends on what it and its helpers import, name by name, as a proof does
(`tests.certificates`). One that starts processes, reads files, or looks modules up by name, depends
on all of fnet too, and one that reads documents on those. What chooses which tests are run changes
no result, and is left out. Docstrings with examples are tests too, and depend on their text.
"""

import functools
import hashlib
from pathlib import Path

import pytest

from tests.certificates import BENEATH, ROOT, read, sources, stale, versions_of, write

CERTIFICATE = ROOT / "tests/passed/certificate.json"
SHARE = 10  # of the tests of such a file, a run takes one in so many
EVERYTHING = (
    "subprocess",
    "__file__",
    "importlib",
    "pkgutil",
    "getsource",
    "sys.modules",
    "fnet.cli",
)
READS = ("README", "CHANGELOG", "CONTRIBUTING", ".ipynb", "RESULTS")
DOCUMENTS = ("*.md", "*.toml", "notebooks/*.ipynb", "tests/*/**/*.md", "tests/*/*.json")
CHOOSES = {ROOT / f"tests/{name}.py" for name in ("sample", "certificates", "memory")}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def unchanged() -> set[str]:
    """The names of the files that passed, and depend on nothing that is other today."""
    paths = [ROOT / name for name in read(CERTIFICATE) if (ROOT / name).exists()]
    today = {name_of(path): depends_on(path) for path in paths}
    return set(today) - set(stale(CERTIFICATE, today))


class Certify:
    """A plugin that writes down which files passed in full; one that did not loses its row."""

    def __init__(self) -> None:
        self.outcomes: dict[str, set[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.outcomes.setdefault(report.nodeid.split("::")[0], set()).add(report.outcome)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            write(CERTIFICATE, dict(sorted(self._rows().items())))

    def _rows(self) -> dict[str, str]:
        kept = {name: row for name, row in read(CERTIFICATE).items() if (ROOT / name).exists()}
        for name, outcomes in self.outcomes.items():
            kept.pop(name, None)
            if "failed" not in outcomes:
                kept[name] = depends_on(ROOT / name)
        return kept


def depends_on(path: Path) -> str:
    """The digest of all the text that a file with tests runs, and of the versions beneath."""
    roots = {path, *(folder / "conftest.py" for folder in path.parents if ROOT in folder.parents)}
    files = sources(file for file in roots if file.exists())
    files -= {*CHOOSES, Path(__file__)} - sources([path])
    texts = [file.read_text("utf-8") for file in files if _is_of_tests(file)]
    if any(word in text for text in texts for word in EVERYTHING):
        files |= {*(ROOT / "fnet").rglob("*.py"), *(ROOT / "tests/recorded").iterdir()}
    if any(word in text for text in texts for word in READS):
        files |= {file for kind in DOCUMENTS for file in ROOT.glob(kind)} - {CERTIFICATE}
    told = "".join(f"{name_of(file)} {_text(file)}\n" for file in sorted(files))
    return f"{hashlib.sha256(told.encode()).hexdigest()} with {versions_of(BENEATH)}"


@functools.cache
def _text(path: Path) -> str:
    """Its digest: with comments and docstrings, since it is quicker, and examples are tests."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_of_tests(path: Path) -> bool:
    return name_of(path).startswith("tests/")
