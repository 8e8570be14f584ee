"""Several devices train as one: tests/on_devices.py, in one process with four virtual devices."""

import json
import os
import subprocess
import sys

import pytest

from fnet.checkpoint import load
from fnet.compose import (
    frozen,
    mixed_precision,
    parallel,
    recurrent,
    remat,
    repeat,
    residual,
    serial,
)
from fnet.core import layer
from fnet.devices.dividing import is_known
from fnet.devices.lines import free_port
from fnet.layers import relu
from tests import apart
from tests.cases import CASES
from tests.cli.conftest import as_users

CHECKS = (
    *("mlp", "noisy", "normed", "rows_divided", "streamed", "explicit", "own_layer", "columns"),
    *("half", "same_bits", "resumed", "reductions", "predictions", "bits", "errors", "descended"),
    *(
        "on_one",
        "accumulated",
        "linear",
        "arrays",
        "solved",
        "held",
        "drawn",
        "resumed_at_once",
        "narrow_rows",
    ),
    *("divided_checkpoints", "kept_checkpoints"),
)
ROUNDING = 1e-6  # of a loss, relative; measured: 1.4e-7 at most


def ran(*names):
    command = [sys.executable, "-m", "tests.on_devices", *map(str, names)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


@pytest.fixture(scope="module")
def made():
    return ran(*CHECKS)


@pytest.mark.parametrize(
    "check",
    "mlp noisy normed rows_divided streamed explicit resumed descended solved".split(),
)
def test_three_epochs_have_the_losses_of_one_device(made, check):
    assert max(made[check]) < ROUNDING


def test_divided_rows_go_straight_to_their_devices_where_these_hold_them(made):
    assert made["held"]["put"] == [["ndarray", 48]] * 2  # 46 rows, and two to fill the last device
    assert made["held"]["shards"] == [[12, 128]] * 4
    assert made["held"]["right"] is True
    assert made["held"]["fits"] == ["rows", "rows", "streamed"]  # the last: whole, four times


def test_a_run_on_four_devices_repeats_its_bits_also_when_resumed(made):
    assert made["same_bits"] == [True, True]


def test_a_run_that_continues_on_fewer_devices_leaves_the_others(made):
    assert made["resumed_at_once"] == [[1, 1, 2]] * 2


def test_predictions_are_those_of_one_device(made):
    assert max(made["predictions"]) < ROUNDING


def test_a_loss_in_blocks_of_rows_gathers_nothing(made):
    assert made["linear"]["off"] < ROUNDING
    assert made["linear"]["sent"] == ["all-reduce"]


def test_a_layer_of_ones_own_that_mixes_rows_is_right_too(made):
    assert made["own_layer"]["known"] is False
    assert made["own_layer"]["off"] < ROUNDING


def test_parameters_and_their_moments_are_divided_by_the_rule(made):
    assert max(made["columns"]["off"], made["columns"]["off_by_rows"]) < ROUNDING
    assert made["columns"]["part"] == made["columns"]["moment"] == [8, 128]  # of (16, 128), over 2
    # Over 4, of w (16, 128) and b (16,) with two moments each; less the places of 6 more rows.
    assert made["columns"]["state"] == 3 * (16 * 128 + 16) * 4 * 3 // 4 - 6 * 2 * 4


def test_a_device_draws_its_own_part_of_the_first_weights_alone(made):
    assert set(made["drawn"]["same"].values()) == {True}
    assert made["drawn"]["of_all"] < 0.6  # of four parts one, and what it is drawn from


def test_gradients_added_in_16_bits_are_off_by_their_rounding(made):
    assert all(ROUNDING < off < 2**-8 for off in made["half"])
    assert made["narrow_rows"] is True


ONCE = [["all-reduce"], ["all-gather"]]


def test_devices_reduce_once_a_step_whatever_the_number_of_layers(made):
    """All gradients and the loss together; and once an epoch, all hear which rows count."""
    assert made["reductions"] == {"mlp": ONCE, "deep": ONCE}
    assert made["arrays"] == [3, 3]  # all weights as one, the loss, and how many answers are right


def test_gradients_of_several_steps_are_reduced_once(made):
    """In the branch that is taken once in k steps; and once after the last step of a call."""
    assert made["accumulated"]["off"] < ROUNDING
    assert made["accumulated"]["of_weights"] == 2
    assert made["accumulated"]["in_a_branch"] == 1


def test_a_mesh_of_one_device_costs_nothing(made):
    assert made["on_one"] is True


def test_each_device_draws_the_numbers_of_its_rows(made):
    assert made["bits"] is True


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("size", "fit: batch_size is 10, which 4 devices do not divide; take a multiple: 8 or 12"),
        ("devices", 'there are 4: virtual ones of a CPU are made by jax.config.update("jax_num'),
        ("axes", 'the rows of a batch are divided by one called "data": jax.make_mesh((4,)'),
        ("mesh", "it must be a jax.sharding.Mesh: fnet.devices.mesh(4)"),
        ("model", "model=3 does not divide 4 devices; 1, 2, 4 do"),
        ("reduced", "reduced is 'int8'; it must be 'bfloat16'"),
        ("set", 'has set a mesh ("data" of 4, Explicit) which is not that of mesh=; train outside'),
        ("function", "it must be a function (path, shape) -> PartitionSpec, such as"),
        ("table", "by_table: the axis of '.w' is 1; it is counted from the last, which is -1"),
        ("twice", "the rule gives P('model', 'model') for .params[0].w; an axis of the mesh"),
        ("rule", "the rule gives 'model' for .params[0].w; it must be a PartitionSpec"),
    ],
)
def test_what_is_refused_says_what_to_do(made, what, words):
    assert words in made["errors"][what]


def test_a_checkpoint_of_divided_parameters_is_resumed_by_any_number_of_devices(made):
    found = made["divided_checkpoints"]
    assert (found["bits"], found["bits_of_one"]) == (True, True)
    assert max(found["off"].values()) < ROUNDING
    assert found["parts"] == 2 * 3 * 4  # halves of w, b and their two moments, of two layers
    assert found["whole"] == ["seen.weight"]
    assert found["read"] == [[16, 128], [8, 128]]  # each device its own half


def test_parts_stay_as_long_as_a_file_has_them(made):
    found = made["kept_checkpoints"]
    assert found["folders"] == [1, 2, 2, 1, False, 1]  # the last: after two saves that failed
    for name in ("previous", "copy", "intact", "late", "without"):
        assert found[name] is True, name


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("changed", "cannot be read as a checkpoint: DATA_LOSS: Error reading local file"),
        ("missing", "is missing; the one before it is /run.previous.npz"),
        ("gone", "which is not there; copy it with the file"),
        ("parts", "/run.npz: cannot be saved (No space left on device); what was saved before is"),
        ("file", "/run.npz: cannot be saved (No space left on device); what was saved before is"),
        ("extra", "need the package tensorstore: pip install 'fnet[sharded]'"),
    ],
)
def test_parts_that_cannot_be_read_or_written_are_named(made, what, words):
    assert words in made["kept_checkpoints"][what]


@pytest.mark.turns(6)
def test_processes_that_hold_a_part_each_train_and_write_one_checkpoint(tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "1").mkdir()
    strict = ("JAX_ENABLE_X64", "JAX_NUMPY_DTYPE_PROMOTION")
    environment = {key: value for key, value in os.environ.items() if key not in strict}
    command = [sys.executable, "-m", "tests.apart", str(tmp_path), f"127.0.0.1:{free_port()}"]
    both = [
        subprocess.Popen([*command, str(i)], env=environment, stdout=-1, stderr=-1, text=True)
        for i in (0, 1)
    ]
    said = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    first, second = (json.loads(out.splitlines()[-1]) for out, _ in said)
    for found in (first, second):
        assert (found["parts"], found["whole"], found["bits"]) == (2, False, True)
        assert found["rows"] == pytest.approx(found["losses"][0], rel=ROUNDING)
    with as_users():
        record = load(tmp_path / "run.npz").record
        alone = [each.metrics["val_loss"] for each in apart.trained(2)]
        assert first["losses"] == second["losses"] == pytest.approx(alone, rel=ROUNDING)
        last = apart.trained(2, resume=record)[-1]
        others = apart.others()
    assert last.metrics["val_loss"] == pytest.approx(alone[1], rel=ROUNDING)
    for one, two in zip(first["others"], second["others"], strict=True):  # of both meshes
        assert one == two
        for name, figures in one.items():
            assert figures == pytest.approx(others[name], rel=1e-5), name
    assert "all processes must write to a folder that they share" in first["said"]
    assert "process 0 cannot write what it holds" in second["said"]
    assert not [*tmp_path.glob("[01]/run.shards/*")]
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["run.npz", "whole-0.npz"]


@pytest.mark.parametrize(
    "around",
    [
        serial,
        residual,
        remat,
        mixed_precision,
        parallel,
        recurrent,
        lambda own: repeat(own, 2),
        lambda own: frozen(serial(relu(), own), ""),
    ],
)
def test_a_layer_of_ones_own_is_known_as_such_within_others(around):
    own = layer(lambda key, shape: ((), shape), lambda *given: given[1:], lambda *given: given[1:])
    assert is_known(around(relu()))
    assert not is_known(around(own))


@pytest.mark.turns(9)
@pytest.mark.parametrize("part", range(9))
def test_every_registered_layer_is_on_two_devices_what_it_is_on_one(part):
    rows = range(part, len(CASES), 9)
    for row, worst in ran(*rows).items():
        case = CASES[int(row)]
        tolerance = 2 * case.eps or 1e-5
        assert worst < tolerance, f"{case.layer}: {worst}"


def of_transformer():
    made = ran("transformer", "reductions_of_blocks")
    assert max(made["transformer"]) < ROUNDING
    assert made["reductions_of_blocks"] == ONCE


def of_sweeps_and_of_changed_images():
    for offs in ran("swept", "augmented").values():
        assert max(offs) < ROUNDING


def of_the_command():
    made = ran("command")["command"]
    assert (made["parted"], made["whole"]) == (True, True)
    assert made["off"] < ROUNDING  # begun on four devices, continued on one, and on two times two
    assert max(made["off_evaluated"], made["off_predicted"]) < ROUNDING
    said = "on 4 virtual devices of this CPU, which divide each batch among them"
    assert made["said"] == [[said], [said], f"fnet: {said}\n"]
    halves = "2 parts of each batch, and 2 of the weights of wide layers"
    assert f"on 4 virtual devices of this CPU: {halves}" in made["said_of_halves"]


def of_cores_that_were_not_asked_for():
    made = ran("cores")["cores"]
    said = "on {} virtual devices of this CPU, which divide each batch among them; "
    said += "--devices 1 for one"
    assert made["four"]["said"] == [said.format(4)]
    assert made["two"]["said"] == [said.format(2)]
    assert made["few rows"]["said"] == made["small"]["said"] == []
    assert abs(made["four"]["loss"] / made["one"]["loss"] - 1) < ROUNDING


@pytest.mark.turns(4)
@pytest.mark.parametrize(
    "one",
    [
        of_transformer,
        of_sweeps_and_of_changed_images,
        of_the_command,
        of_cores_that_were_not_asked_for,
    ],
)
def test_so_do_larger_ones(one):
    one()
