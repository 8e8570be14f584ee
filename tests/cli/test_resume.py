"""`fnet train --resume`: as if never stopped, whatever stopped it."""

import json
import shutil
import signal
import time

import pytest

from fnet.checkpoint import load


def test_resumed_is_straight_bit_for_bit(shell, run, photos):
    half = shell.train("half", *photos, "--epochs", 2)
    assert len(half.history) == 2
    whole = shell.train("half", "--resume", "--epochs", 4)
    assert "resumed    after epoch 2" in whole.out
    assert whole.checkpoint == run.checkpoint
    for name in ("history.csv", "metrics.json", "config.json"):
        assert (whole.folder / name).read_bytes() == (run.folder / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hidden", 9], "hidden was 8 in copy and cannot become 9"),
        (["--seed", 1], "seed was 0 in copy and cannot become 1"),
        (["--epochs", 1], "copy has done 4 already"),
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
            assert "classes are ['blue', 'green', 'purple', 'red'], and were" in message
    finally:
        shutil.rmtree(shell.home / "photos/purple")


def test_killed_at_any_moment(shell, photos):
    killed = stopped(shell, photos, "killed", signal.SIGKILL)
    done = load(killed / "checkpoint.npz").record.epoch
    assert done >= 1
    resumed = shell.train("killed", "--resume", "--epochs", done + 2)
    assert [int(row["epoch"]) for row in resumed.history] == list(range(1, done + 3))
    assert resumed.metrics["epochs"] == done + 2


def test_interrupted_it_keeps_the_last_whole_epoch(shell, photos):
    folder = stopped(shell, photos, "interrupted", signal.SIGINT)
    done = load(folder / "checkpoint.npz").record.epoch
    assert done >= 1
    assert len((folder / "history.csv").read_text("utf-8").splitlines()) == done + 1


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
    """The folder of a run without end, after this signal."""
    with shell.start("train", "--out", name, *photos, "--epochs", 10**6) as process:
        wait_for(process, shell.home / name / "checkpoint.npz")
        process.send_signal(by)
        _, err = process.communicate()
    assert process.returncode == (130 if by == signal.SIGINT else -by)
    assert err == ("fnet: interrupted\n" if by == signal.SIGINT else "")
    return shell.home / name


def wait_for(process, path):
    """Until the checkpoint was written twice; whenever it is read, it is whole."""
    for _ in range(600):
        if path.exists() and load(path).record.epoch > 1:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    pytest.fail(f"{path} was not written twice")
