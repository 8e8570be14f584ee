"""The quick form of `python -m tests.torture`, and the committed table of its full form."""

import jax
import pytest

from tests.sample import Proof
from tests.torture.__main__ import RESULTS, rows, table
from tests.torture.certificate import CERTIFICATE, stale
from tests.torture.hazards import HAZARDS


@Proof(5, CERTIFICATE, stale, of_stale=5).mark
@pytest.mark.parametrize("name", HAZARDS)
def test_a_hazard_is_survived(name):
    with jax.enable_x64(False):  # as users train; in float64 too large a step stays finite for long
        outcome = HAZARDS[name].run(HAZARDS[name].quick, 0)
    assert outcome.cases >= HAZARDS[name].quick
    assert not outcome.failures, "\n".join(outcome.failures[:10])


def test_the_committed_table_is_of_every_hazard_and_without_failures():
    assert set(rows()) == set(HAZARDS)
    for name, row in rows().items():
        _, _, promise, cases, failures, *_ = (cell.strip() for cell in row.split("|"))
        assert promise == HAZARDS[name].promise
        done, _, wanted = cases.replace(",", "").partition(" of ")  # all, where nothing is said
        assert HAZARDS[name].quick < int(done)
        assert int(wanted or done) >= HAZARDS[name].full
        assert failures == "0"
    assert RESULTS.read_text("utf-8").count("\n| `") == len(HAZARDS)
    assert RESULTS.read_text("utf-8") == table(rows()), "run `python -m tests.torture --table`"
