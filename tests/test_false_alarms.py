"""The checker calls no correct gradient wrong: a draw of some here, 1,000 of all in RESULTS.md."""

import zlib
from pathlib import Path

import jax
import pytest

from tests.correct import library
from tests.correct.__main__ import RESULTS, kept, table
from tests.correct.certificate import CERTIFICATE, stale
from tests.correct.functions import ENTRIES, examined
from tests.sample import Proof

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
DRAWS = 1000  # that were counted of each


# fnet's own are checked at a shape of each in test_laws.py and test_losses.py.
@Proof(12, CERTIFICATE, stale, of_stale=12).mark
@pytest.mark.parametrize("name", [name for name in ENTRIES if not name.startswith("fnet.")])
def test_a_correct_gradient_is_right(name, pytestconfig):
    number = zlib.crc32(f"{name} {pytestconfig.option.sample_seed}".encode()) % DRAWS
    report = examined(ENTRIES[name], number)
    assert report.right, f"draw {number}: {report}"


@Proof(2, CERTIFICATE, stale, of_stale=2).mark
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
    counts, text = kept(), RESULTS.read_text("utf-8")
    assert all(count.draws >= DRAWS and count.alarms == 0 for count in counts.values())
    draws = sum(count.draws for count in counts.values())
    assert f"0 false alarms in {draws} draws of {len(counts)} correct gradients." in text
    assert f"Of {len(counts)} [correct gradients](tests/correct/RESULTS.md)" in README


def test_the_committed_table_says_what_was_not_counted_since_it_changed():
    text = table(kept(), stale())
    assert RESULTS.read_text("utf-8") == text, "run `python -m tests.correct --table`"
