"""Optimizers and schedules step by step as PyTorch, Keras and optax have them.

The paths of PyTorch and Keras were recorded by `python -m tests.conventions`; optax is run.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conventions.rows import LOSSES, PLATEAUS, ROWS, SCHEDULES
from tests.conventions.running import (
    KEPT,
    by_fnet,
    by_optax,
    difference,
    plateau_fnet,
    plateau_optax,
    times_fnet,
    times_optax,
)

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "recorded" / "trajectories.json").read_text("utf-8"))
TABLE = (HERE / "conventions" / "RESULTS.md").read_text("utf-8")


def label(row):
    return f"{row.library}: {row.theirs}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_every_step_is_that_of_the_library(row):
    own = by_fnet(row.ours, row.changes, row.wide)
    if row.library == "optax":
        assert difference(own, by_optax(row.theirs, row.changes, row.wide)) < row.tolerance
    else:
        expected = RECORDED["paths"][row.label]
        assert difference([own[step] for step in KEPT], expected) < row.tolerance
    assert len(np.unique(own)) > 100  # it moves


@pytest.mark.parametrize("row", SCHEDULES, ids=label)
def test_every_rate_is_that_of_the_library(row):
    if row.library == "optax":
        expected = times_optax(row.theirs, row.steps)
    else:
        expected = RECORDED["schedules"][label(row)]
    assert difference(times_fnet(row.ours, row.steps), expected) < row.tolerance


@pytest.mark.parametrize("library", PLATEAUS)
def test_a_plateau_reduces_when_the_library_does(library):
    expected = RECORDED["plateaus"][library]
    assert plateau_fnet(LOSSES, PLATEAUS[library]) == expected
    if library == "optax":
        assert plateau_optax(LOSSES) == expected


def test_the_table_is_of_these_rows():
    for row in ROWS:
        assert f"| `{row.theirs}`{', wide' * row.wide} | `{row.ours}` |" in TABLE
    for row in SCHEDULES:
        assert f"| `{row.theirs}` | `{row.ours}` |" in TABLE
    assert RECORDED["versions"]["torch"].split("+")[0] in TABLE
