"""The checker calls no correct gradient wrong: a draw of most here, 1,000 of all in RESULTS.md."""

import re
from pathlib import Path

import jax
import pytest

from tests.correct import library
from tests.correct.__main__ import RESULTS
from tests.correct.functions import ENTRIES, examined

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
DRAWS = 1  # of a second and more each, nearly all of it compiling


# fnet's own are checked at a shape of each in test_laws.py and test_losses.py.
@pytest.mark.parametrize("name", [name for name in ENTRIES if not name.startswith("fnet.")])
def test_a_correct_gradient_is_right(name):
    for number in range(DRAWS):
        report = examined(ENTRIES[name], number)
        assert report.right, f"draw {number}: {report}"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("log1pexp", 231),
        ("elu", 185),
        ("median", 279),
        ("median", 998),
        ("a course's sigmoid", 429),
        ("a course's step of an LSTM", 222),
        ("jax.nn.relu6", 500),
        ("jax.nn.log1mexp", 78),
    ],
)
def test_what_was_called_wrong_once_is_right(name, number):
    report = examined(ENTRIES[name], number)
    assert report.right, report


def test_every_function_of_jax_nn_has_an_entry():
    assert library.differentiable() <= {getattr(jax.nn, name) for name in library.covered()}


def test_the_committed_table_has_no_alarm():
    text = RESULTS.read_text("utf-8")
    rows = re.findall(r"^\| `(.+)` \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert {name for name, *_ in rows} == set(ENTRIES)
    assert all(int(draws) >= 1000 and int(alarms) == 0 for _, draws, alarms, _ in rows)
    draws = sum(int(row[1]) for row in rows)
    assert f"0 false alarms in {draws} draws of {len(rows)} correct gradients." in text
    assert f"Of {len(rows)} [correct gradients](tests/correct/RESULTS.md)" in README
