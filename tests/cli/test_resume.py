"""`fnet train --resume`: a resumed run equals one that never stopped, whatever stopped it."""

import json
import shutil
import signal
import time

import pytest

from fnet.checkpoint import load
from fnet.cli.resuming import resumed
from fnet.cli.signals import CLOSED, NAMES
from fnet.errors import ConfigurationError


def test_resumed_is_straight_bit_for_bit(shell, run, photos):
    half = shell.train("half", *photos, "--epochs", 2)
    assert len(half.history) == 2
    whole = shell.train("half", "--resume", "--epochs", 4, call=shell.process)
    assert "resumed    after epoch 2" in whole.out
    assert whole.checkpoint == run.checkpoint
    for name in ("history.csv", "metrics.json", "config.json"):
        assert (whole.folder / name).read_bytes() == (run.folder / name).read_bytes()


def test_the_data_of_a_resumed_run_may_be_spelled_otherwise(run):
    place = run.folder / ".." / "photos"
    assert resumed(str(run.folder), {"data": str(place)})[1]["data"] == run.config["data"]
    with pytest.raises(ConfigurationError, match=r"data was .* and cannot become"):
        resumed(str(run.folder), {"data": str(place / "red")})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hidden", 9], "hidden was 8 in copy and cannot become 9"),
        (["--seed", 1], "seed was 0 in copy and cannot become 1"),
        (["--epochs", 1], "--epochs 1: copy has done 4"),
        (["--split", 0.5, 0.25, 0.25], "split was"),
        (["--data", "houses.csv"], "data was"),
    ],
)
def test_a_changed_setting_is_refused(shell, run, inside, words, message):
    copy(shell, run)
    line = shell.refuses("train", "--resume", "--out", "copy", *words, call=inside)
    assert message in line


def test_changed_data_are_refused(shell, run, inside, images):
    copy(shell, run)
    images(shell.home / "photos/purple", classes=["more"])
    try:
        for words in (["train", "--resume", "--out", "copy"], ["evaluate", "copy"]):
            message = shell.refuses(*words, call=inside)
            assert (
                "the data have changed since the run began: classes was ['blue', 'green', 'red']"
                in message
            )
    finally:
        shutil.rmtree(shell.home / "photos/purple")


def test_killed_at_any_moment(shell, photos):
    killed, _ = stopped(shell, photos, "killed", signal.SIGKILL)
    done = load(killed / "checkpoint.npz").record.epoch
    assert done >= 1
    resumed = shell.train("killed", "--resume", "--epochs", done + 2)
    assert [int(row["epoch"]) for row in resumed.history] == list(range(1, done + 3))
    assert resumed.metrics["epochs"] == done + 2


@pytest.mark.parametrize("by", NAMES, ids=lambda by: by.name)
def test_asked_to_end_it_ends_the_step_saves_and_says_how_to_go_on(shell, photos, by):
    folder, out = stopped(shell, photos, by.name, by)
    record = load(folder / "checkpoint.npz").record
    assert record.epoch >= 1
    assert len((folder / "history.csv").read_text("utf-8").splitlines()) == record.epoch + 1
    assert f"stopped    by {NAMES[by]} after epoch {record.epoch}; saved\n" in out
    assert f"next       fnet train --out {by.name} --resume\n" in out


def test_a_folder_is_trained_in_by_one_process(shell, photos):
    with shell.start("train", "--out", "one", *photos, "--epochs", 10**6) as process:
        wait_for(process, shell.home / "one/checkpoint.npz")
        second = shell("train", "--out", "one", "--resume")
        process.kill()
        process.communicate()
    assert second.status == 2
    assert second.err.startswith("fnet: one: another process is training there")
    shell.train("one", "--resume", "--epochs", load(shell.home / "one/checkpoint.npz").record.epoch)


def test_the_checkpoint_before_serves_where_the_last_is_damaged(shell, run):
    copy(shell, run)
    last = shell.home / "copy/checkpoint.npz"
    last.write_bytes(last.read_bytes()[:-9])
    said = shell.refuses("train", "--out", "copy", "--resume", "--epochs", 4)
    assert "the one before it is copy/checkpoint.previous.npz" in said
    resumed = shell.train("copy", "--resume", "previous", "--epochs", 4)
    assert resumed.checkpoint == run.checkpoint


def test_stopped_before_the_first_epoch(shell, run):
    copy(shell, run)
    kept = {"config.json"}
    for path in (shell.home / "copy").iterdir():
        if path.name not in kept:
            path.unlink()
    resumed = shell.train("copy", "--resume")
    assert resumed.checkpoint == run.checkpoint


def copy(shell, run):
    shutil.rmtree(shell.home / "copy", ignore_errors=True)
    shutil.copytree(run.folder, shell.home / "copy")
    config = shell.home / "copy/config.json"
    assert json.loads(config.read_text("utf-8"))["epochs"] == 4


def stopped(shell, photos, name, by):
    """The folder and the output of an endless run, stopped by this signal."""
    ignored = signal.signal(by, signal.SIG_DFL) if by == CLOSED else None  # inherited under nohup
    with shell.start("train", "--out", name, *photos, "--epochs", 10**6) as process:
        if by == CLOSED:
            signal.signal(by, ignored)
        wait_for(process, shell.home / name / "checkpoint.npz")
        process.send_signal(by)
        out, err = process.communicate()
    assert process.returncode == (-by if by == signal.SIGKILL else 128 + by)
    assert err == ""
    return shell.home / name, out


def wait_for(process, path):
    """Wait until the checkpoint has been written twice; it must be intact at every read."""
    for _ in range(600):
        if path.exists() and load(path).record.epoch > 1:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail(f"{path} was not written twice")


def test_by_other_workers_it_goes_on_to_the_same_bits(shell, run, photos):
    shell.train("by-workers", *photos, "--epochs", 2)
    resumed = shell.train("by-workers", "--resume", "--epochs", 4, "--workers", 2)
    assert resumed.checkpoint == run.checkpoint
