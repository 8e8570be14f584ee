"""The checker catches every mistake that was planted, and names nine of ten rightly."""

import json
from pathlib import Path

import pytest

from tests.mutants import report
from tests.mutants.catalogue import CATALOGUE
from tests.mutants.examined import examined
from tests.mutants.generated import named, outcome

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
RESULTS = json.loads(report.JSON.read_text("utf-8"))
ROWS = {row["name"]: row for row in RESULTS["mutants"]}
GENERATED = [name for name, row in ROWS.items() if row["origin"] == "generated"]
NAMED = 0.9


@pytest.mark.parametrize("name", [*CATALOGUE, *GENERATED])
def test_a_mistake_is_caught_and_called_what_it_was(name):
    """What is committed of it holds, so that the share below is that of today's checker."""
    said = examined(CATALOGUE.get(name) or named(name))
    assert said.caught
    assert said.kind in ROWS[name]["expected"] or not ROWS[name]["right"], said.words


def test_nine_of_ten_are_named_rightly():
    assert all(row["caught"] for row in ROWS.values())
    for origin in ("planted", "generated"):
        right = [row["right"] for row in ROWS.values() if row["origin"] == origin]
        assert sum(right) >= NAMED * len(right)


def test_the_results_are_of_these_mutants():
    mutants = CATALOGUE | outcome().mutants
    assert list(ROWS) == list(mutants)
    for name, mutant in mutants.items():
        assert ROWS[name]["expected"] == sorted(mutant.kinds)
        assert ROWS[name]["right"] == (ROWS[name]["said"] in mutant.kinds)
    assert RESULTS["equivalent"] == outcome().equivalent
    assert RESULTS["broken"] == outcome().broken
    assert all(outcome().equivalent.values()), "argue why each changes nothing"


def test_the_table_is_of_the_results():
    text = report.RESULTS.read_text("utf-8")
    assert text == report.text(RESULTS)
    quoted = README.split("<!-- mutants -->\n")[1].split("\n\n")[0].splitlines()
    assert len(quoted) == 4
    assert set(quoted) <= set(text.splitlines())
    assert all(f"`{name}`".replace("|", "\\|") in text for name in ROWS)
