"""Of which test files a run takes a share: they passed, and what they depend on is the same.

A test file depends on what it and its helpers import, name by name, as a proof does
(`tests.certificates`). One that starts processes, or looks modules up by name, depends on all of
fnet; one that reads documents or the folder itself is always run. Docstrings with examples are
tests too, and depend on their text.
"""

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.certificates import BENEATH, ROOT, read, sources, stale, versions_of, write

CERTIFICATE = ROOT / "tests/passed/certificate.json"
SHARE = 5  # of the tests of such a file, a run takes one in so many
EVERYTHING = (
    "subprocess",
    "__file__",
    "importlib",
    "pkgutil",
    "getsource",
    "sys.modules",
    "fnet.cli",
)
ALWAYS = ("README", "CHANGELOG", ".ipynb", "rglob(")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def unchanged() -> set[str]:
    """The names of the files that passed, and depend on nothing that is other today."""
    paths = [ROOT / name for name in read(CERTIFICATE) if (ROOT / name).exists()]
    today = {name_of(path): depends_on(path) for path in paths if not _reads_the_folder(path)}
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
    if _has_a_word(files, EVERYTHING):
        files |= {*(ROOT / "fnet").rglob("*.py"), *(ROOT / "tests/recorded").iterdir()}
    told = "".join(f"{name_of(file)} {_text(file)}\n" for file in sorted(files))
    return f"{hashlib.sha256(told.encode()).hexdigest()} with {versions_of(BENEATH)}"


@functools.cache
def _text(path: Path) -> str:
    """Its digest: with comments and docstrings, since it is quicker, and examples are tests."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _reads_the_folder(path: Path) -> bool:
    return _is_of_tests(path) and _has_a_word([path], ALWAYS)


def _is_of_tests(path: Path) -> bool:
    return name_of(path).startswith("tests/")


def _has_a_word(paths: Iterable[Path], words: Iterable[str]) -> bool:
    texts = (path.read_text("utf-8") for path in paths if _is_of_tests(path))
    return any(word in text for text in texts for word in words)
