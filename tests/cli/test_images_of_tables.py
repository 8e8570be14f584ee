"""`fnet train --images`: a column of names of image files."""

import pytest

from fnet.checkpoint import load


@pytest.fixture(scope="module")
def learned(shell):
    lines = ["file,hue"]
    lines += [f"{path.parent.name}/{path.stem},{path.parent.name}" for path in photos_of(shell)]
    (shell.home / "hues.csv").write_text("\n".join(lines))
    words = "--data hues.csv --images file --target hue --hidden 8 --batch-size 16"
    return shell.train("hues", "--model", "mlp", *words.split(), "--epochs", 2)


def photos_of(shell):
    return sorted((shell.home / "photos").glob("*/*.png"))


def test_it_is_the_run_on_the_folders(shell, learned, run):
    assert "images are in photos/, their names without .png" in learned.out
    assert learned.config["batch_size"] == 16
    assert learned.config["classes"] == run.config["classes"]
    folder = load(run.folder / "checkpoint.npz")
    assert load(learned.folder / "checkpoint.npz").transform == folder.transform  # the same split


def test_it_is_evaluated_and_predicts_and_goes_on(shell, learned):
    own = shell("evaluate", "hues")
    assert own.status == 0, own.err
    assert f"{learned.metrics['test_accuracy']:.1%}" in own.out
    table, folder = (shell("evaluate", "hues", "--data", name) for name in ("hues.csv", "photos"))
    assert table.status == folder.status == 0, table.err + folder.err
    assert table.out.splitlines()[1:] == folder.out.splitlines()[1:]  # all but the name of the data
    assert len(shell("predict", "hues", "photos/red").out.splitlines()) == 30
    resumed = shell("train", "--out", "hues", "--resume", "--epochs", 3, "--quiet")
    assert resumed.status == 0, resumed.err


def test_the_flag_is_named_where_it_is_missing(shell, learned):
    result = shell.plainly("train", "--data", "hues.csv", "--target", "hue")
    assert result.status == 2
    text = (shell.home / "hues.csv").read_text().replace("\n", ".png\n").replace(",", ".png,")
    (shell.home / "named.csv").write_text(text)
    result = shell.plainly("train", "--data", "named.csv", "--target", "hue.png")
    assert "names of images (--images), left out" in result.err
