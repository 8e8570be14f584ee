"""The checker catches every mistake that was planted, and names nine of ten rightly."""

import json
from pathlib import Path

import pytest

from tests.mutants import report
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.certificate import CERTIFICATE, OTHERS, OUTCOME, group_of, stale, today
from tests.mutants.examined import examined
from tests.mutants.generated import named, outcome
from tests.sample import Proof

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
RESULTS = json.loads(report.JSON.read_text("utf-8"))
ROWS = {row["name"]: row for row in RESULTS["mutants"]}
GENERATED = [name for name, row in ROWS.items() if row["origin"] == "generated"]
NAMED = 0.9
PROOF = Proof(30, CERTIFICATE, stale, group_of=group_of)


@PROOF.mark
@pytest.mark.parametrize("name", [*CATALOGUE, *GENERATED])
def test_a_mistake_is_caught_and_called_what_it_was(name):
    """What is committed of it holds, so that the share below is that of today's checker."""
    said = examined(CATALOGUE.get(name) or named(name))
    assert said.caught
    assert said.kind in ROWS[name]["expected"] or not ROWS[name]["right"], said.words


def test_the_results_are_of_what_is_here(pytestconfig):
    if not PROOF.changes_run(pytestconfig):
        left = sorted({group.removeprefix(OTHERS) for group in stale()})
        assert not left, f"changed since it was proved; run `python -m tests.mutants`: {left}"


def test_nine_of_ten_are_named_rightly():
    assert all(row["caught"] for row in ROWS.values())
    for origin in ("planted", "generated"):
        right = [row["right"] for row in ROWS.values() if row["origin"] == origin]
        assert sum(right) >= NAMED * len(right)


def test_the_results_are_of_these_mutants():
    assert [name for name in ROWS if name not in GENERATED] == list(CATALOGUE)
    for name, row in ROWS.items():
        if name in CATALOGUE:
            assert row["expected"] == sorted(CATALOGUE[name].kinds)
        assert row["right"] == (row["said"] in row["expected"])
    assert {group_of(name) for name in ROWS} <= set(today())
    assert all(RESULTS["equivalent"].values()), "argue why each changes nothing"


def test_the_results_are_of_every_change_to_the_sources(pytestconfig):
    if OUTCOME in stale() or pytestconfig.option.long:  # the rest is as certain as the certificate
        assert list(outcome().mutants) == GENERATED
        for name, mutant in outcome().mutants.items():
            assert ROWS[name]["expected"] == sorted(mutant.kinds)
        assert RESULTS["equivalent"] == outcome().equivalent
        assert RESULTS["broken"] == outcome().broken


def test_the_table_is_of_the_results():
    text = report.RESULTS.read_text("utf-8")
    assert text == report.text(RESULTS)
    quoted = README.split("<!-- mutants -->\n")[1].split("\n\n")[0].splitlines()
    assert len(quoted) == 4
    assert set(quoted) <= set(text.splitlines())
    assert all(f"`{name}`".replace("|", "\\|") in text for name in ROWS)
