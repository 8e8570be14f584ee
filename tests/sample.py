"""Which rows of a proof a run repeats: a sample that rotates, or all of what changed, or all.

A proof has a table of hundreds of rows, and a certificate of the code that they were run with
(`tests.certificates`). A run repeats some of them, others on another day and at another commit; the
number that chose them is printed, and `--sample-seed` chooses the same again.
"""

import datetime
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tests import passed
from tests.certificates import CERTIFICATES, git, of_other_versions, renewed

MARKERS = (
    "proof(...): each row of a table, of which a run repeats a sample",
    "turns(n): a test of many rows, of which a run takes one of n, unless it asks for some by name",
)


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("proofs")
    group.addoption("--long", action="store_true", help="every row of every proof")
    group.addoption(
        "--long-changed", action="store_true", help="every row of what changed since it was proved"
    )
    group.addoption("--sample-seed", type=int, help="repeat the sample of another run")
    group.addoption("--certify", action="store_true", help="write down which test files passed")


OPTIONS = ("long", "long_changed", "sample_seed", "certify", "unchanged")


class Proof(NamedTuple):
    """What a test of the rows of a table says of itself; a row is the parameter `name`."""

    sample: int  # how many of all rows are repeated
    certificate: Path
    stale: Callable[[], Iterable[str]]  # what of the certificate is not of today's code
    of_stale: int | None = None  # how many such rows are repeated; None: unless all are, it fails
    group_of: Callable[[str], str] = str  # where the certificate has a line for many rows

    @property
    def mark(self) -> pytest.MarkDecorator:
        return pytest.mark.proof(self)

    def changes_run(self, config: pytest.Config) -> bool:
        """Whether what changed since it was proved is run in full, and so need not be believed.

        With other versions of JAX and NumPy than the proof was run with, that is everything.
        """
        options, fails = config.option, self.of_stale is None
        changed = fails and of_other_versions(self.certificate)
        return options.long or options.long_changed or changed

    def changed(self, config: pytest.Config) -> set[str]:
        """What is stale; and to whom asks for all that changed, what a commit says it proved."""
        new = renewed(self.certificate) if config.option.long_changed else ()
        return {*self.stale(), *new}


class Sample:
    """Takes out of a run the rows of proofs that are not in its sample."""

    def __init__(self, config: pytest.Config) -> None:
        for marker in MARKERS:
            config.addinivalue_line("markers", marker)
        if config.option.sample_seed is None:
            config.option.sample_seed = _today()
        config.option.unchanged = _believed(config)
        # A worker reads the command line alone, and neither PYTEST_ADDOPTS nor today's number.
        vars(config.option).update(getattr(config, "workerinput", {}).get("sample", {}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node) -> None:
        node.workerinput["sample"] = {name: getattr(node.config.option, name) for name in OPTIONS}

    @pytest.hookimpl(trylast=True)  # of what was asked for by name
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list) -> None:
        if config.option.long:
            return
        proofs: dict[str, list] = {}
        for item in items:
            if item.get_closest_marker("proof"):
                proofs.setdefault(item.nodeid.split("[")[0], []).append(item)
        taken = {row for name, rows in proofs.items() for row in self._sampled(config, name, rows)}
        left = [row for rows in proofs.values() for row in rows if row not in taken]
        left += [item for item in items if not self._has_its_turn(config, item)]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)

    def _has_its_turn(self, config: pytest.Config, item: pytest.Item) -> bool:
        turns, options = item.get_closest_marker("turns"), config.option
        if options.keyword or item.get_closest_marker("proof"):
            return True
        one_of = passed.SHARE if item.nodeid.split("::")[0] in options.unchanged else 1
        one_of *= 1 if turns is None else turns.args[0]
        return zlib.crc32(f"{item.nodeid} {options.sample_seed}".encode()) % one_of == 0

    def _sampled(self, config: pytest.Config, name: str, rows: list) -> set:
        (proof,) = rows[0].get_closest_marker("proof").args
        groups = proof.changed(config)
        changed = [row for row in rows if proof.group_of(row.callspec.params["name"]) in groups]
        rng = np.random.default_rng([config.option.sample_seed, zlib.crc32(name.encode())])

        def some(among: list, count: int) -> set:
            return {among[place] for place in rng.permutation(len(among))[:count].tolist()}

        again = set(changed) if proof.changes_run(config) else some(changed, proof.of_stale or 0)
        return again | some(rows, proof.sample)

    def pytest_report_header(self, config: pytest.Config) -> str:
        return _words(config)

    def pytest_terminal_summary(self, terminalreporter, config: pytest.Config) -> None:
        terminalreporter.write_line(_words(config))  # quiet runs have no header


def _believed(config: pytest.Config) -> list[str]:
    """The test files of which a share is enough: not where tests are asked for by name."""
    options = config.option
    by_name = config.args_source != pytest.Config.ArgsSource.TESTPATHS or options.keyword
    if by_name or options.long or options.certify or hasattr(config, "workerinput"):
        return []
    return sorted(passed.unchanged())


def _words(config: pytest.Config) -> str:
    if config.option.long:
        return "proofs: every row"
    return f"proofs and laws: a sample, which --sample-seed {config.option.sample_seed} repeats"


def _today() -> int:
    """Another number each day, at each commit, and after each proof."""
    commit = git("rev-parse", "HEAD")
    proved = b"".join(path.read_bytes() for path in CERTIFICATES)
    day = datetime.datetime.now(datetime.UTC).date()
    return zlib.crc32(f"{commit}{day}".encode() + proved)
