"""Two processes that train as one, of which one is killed, stopped, or hangs.

The other ends with a word, and both resume to the bits of a run that nothing disturbed: 20 times,
or with --long 200. A run of all tests takes one of them, and `.ci/run` the 20.
"""

import csv
import itertools
import signal

import numpy as np
import pytest

from fnet.devices.watch import LOST
from tests import kills

SIGNALS = (signal.SIGKILL, signal.SIGSTOP)
KINDS = [*itertools.product(SIGNALS, kills.MOMENTS, (0, 1))]
KINDS += [(signal.SIGTERM, kills.EPOCH, victim) for victim in (0, 1)]
KILLS, MANY = 20, 200


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(MANY if metafunc.config.option.long else KILLS))


def history(folder):
    """All numbers of history.csv, a row per epoch."""
    with (folder / "history.csv").open() as file:
        return [[float(cell) for cell in row.values()] for row in csv.DictReader(file)]


def bits(folder):
    """All arrays of the checkpoint but its JSON."""
    with np.load(folder / "checkpoint.npz") as file:
        return {name: file[name].tobytes() for name in file.files if not name.endswith(".json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a run, beside which is what it compiled."""
    folder = tmp_path_factory.mktemp("undisturbed")
    kills.write_table(folder)
    done = kills.run(folder, kills.TABLE, folder / "programs")
    assert [each.status for each in done] == [0, 0], done
    return folder


@pytest.mark.turns(4)
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_hangs_though_alive_ends_both_and_says_where_each_is(
    victim, undisturbed, tmp_path
):
    kills.write_table(tmp_path)
    given = (0, victim, kills.EVALUATION, victim, undisturbed / "programs")
    both = kills.struck(tmp_path, *given)
    assert [each.status for each in both] == [LOST] * 2, both
    words = both[0].err
    assert words.startswith(f"fnet: no process has moved for {kills.SILENCE:g} s: 0 at ")
    assert ", 1 at " in words
    assert words.endswith("continue it by the same command with --out run --resume\n")


@pytest.mark.turns(6)
def test_a_killed_run_that_was_none_yet_begins_anew(undisturbed, tmp_path, monkeypatch):
    """As its first file is written there is nothing to resume, and nobody says that there is."""
    kills.write_table(tmp_path)
    monkeypatch.setitem(kills.TIMES, kills.CHECKPOINT, (1, 2))
    given = (signal.SIGKILL, 0, kills.CHECKPOINT, 0, undisturbed / "programs")
    other, _ = kills.struck(tmp_path, *given)
    assert other.status == LOST, other
    assert other.err.startswith("fnet: process 0 has died or hangs: its connection has closed")
    assert "--resume" not in other.err
    again = kills.run(tmp_path, kills.TABLE, undisturbed / "programs")
    assert [each.status for each in again] == [0, 0], again
    assert bits(tmp_path / "run") == bits(undisturbed / "run")


@pytest.mark.turns(KILLS)
def test_a_killed_run_ends_with_a_word_and_resumes_to_the_same_bits(number, undisturbed, tmp_path):
    kills.write_table(tmp_path)
    name, moment, victim = KINDS[number % len(KINDS)]
    shared = undisturbed / "programs"
    programs = tmp_path / "programs" if moment == kills.COMPILING else shared
    other, last = kills.struck(tmp_path, name, victim, moment, number, programs)
    if name == signal.SIGTERM:
        assert [(each.status, each.err) for each in (other, last)] == [(128 + name, "")] * 2
    else:
        assert other.status == LOST, (other, last)
        why = "its connection has closed" if name == signal.SIGKILL else "nothing has come from it"
        assert other.err.startswith(f"fnet: process {victim} has died or hangs: {why}")
        assert other.err.endswith("continue it by the same command with --out run --resume\n")
        assert len(other.err.splitlines()) == 1
    resumed = kills.run(tmp_path, [*kills.TABLE, "--resume"], shared)
    assert [each.status for each in resumed] == [0, 0], resumed
    assert history(tmp_path / "run") == history(undisturbed / "run")
    assert bits(tmp_path / "run") == bits(undisturbed / "run")
