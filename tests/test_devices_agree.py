"""Any number of devices and processes trains to the losses of one device, and to the same bits."""

import pytest

from tests import agreeing
from tests.test_devices import ROUNDING

KINDS = {"mlp": "an MLP", "noisy": "a convolutional network", "transformer": "a transformer"}
PLACES = [(1, 1), (1, 2), (1, 4), (2, 2)]  # processes, and devices of each


@pytest.mark.turns(6)
@pytest.mark.parametrize("kind", KINDS, ids=KINDS.values())
@pytest.mark.parametrize(("processes", "count"), PLACES)
def test_three_epochs_have_the_losses_of_one_device_and_the_same_bits_again(kind, processes, count):
    (((one,), _),) = agreeing.found("losses_and_bits", kind, False)
    all_found = agreeing.found("losses_and_bits", kind, True, processes=processes, count=count)
    assert len(all_found) == processes
    assert len({digest for _, digests in all_found for digest in digests}) == 1
    for losses, _ in all_found:
        assert losses[0] == losses[1] == pytest.approx(one, rel=ROUNDING)


def test_a_process_of_other_code_is_refused_by_both_at_the_start(tmp_path):
    here, there = agreeing.found("of_other_code", str(tmp_path), processes=2)
    assert here == there
    assert here.startswith("ConfigurationError: fnet is '")
    assert "' in process 0 and '" in here
    assert here.endswith("' in process 1; all processes must have the same")


@pytest.mark.parametrize("count", [2, 4])
def test_gradients_added_in_16_bits_are_as_exact_as_is_said(count):
    ((worst, of_norm),) = agreeing.found("narrow", count=count)
    assert 0 < worst < count / 256
    assert 2**-12 < of_norm < 0.003
