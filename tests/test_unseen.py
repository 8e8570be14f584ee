"""Mistakes that were written before any diagnosis was looked at: each is one, and is caught."""

import numpy as np
import pytest

from fnet.check import explain
from tests.mutants.certificate import CERTIFICATE
from tests.mutants.unseen.catalogue import MISTAKES
from tests.mutants.unseen.said import LIMIT
from tests.mutants.unseen.truth import error
from tests.sample import Proof

BY_NAME = {mistake.name: mistake for mistake in MISTAKES}
TRUTH = Proof(20, CERTIFICATE, stale=tuple, of_stale=0)
CHECKED = Proof(6, CERTIFICATE, stale=tuple, of_stale=0)


def test_each_has_a_name_of_its_own():
    assert len(BY_NAME) == len(MISTAKES)


@TRUTH.mark
@pytest.mark.parametrize("name", BY_NAME)
def test_the_right_one_is_right_and_the_wrong_one_is_wrong(name):
    with np.errstate(all="ignore"):
        mistake = BY_NAME[name]
        assert error(mistake, mistake.right) < 1e-7
        assert error(mistake, mistake.wrong) > 1e-3


@CHECKED.mark
@pytest.mark.parametrize("name", BY_NAME)
def test_the_wrong_one_is_caught(name):
    mistake = BY_NAME[name]
    assert not explain(mistake.subject(mistake.wrong), *mistake.arguments, limit=LIMIT).right
