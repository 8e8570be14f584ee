"""`fnet train --augment`: what it says, what it refuses, and resumed runs."""

import json

from fnet.checkpoint import load

WORDS = ("--augment", "flip", "crop", "mixup")


def test_it_is_named_and_resumed_to_the_same_bits(shell, photos):
    whole = shell.train("augmented", *photos, "--epochs", 2, *WORDS)
    said = "each batch changed at random by augment(flip(), crop(padding=1), mixup())"
    assert f"           {said}\n" in whole.out
    assert whole.config["augment"] == ["flip", "crop", "mixup"]
    assert repr(load(whole.folder / "checkpoint.npz").augmentation) in said
    shell.train("halved", *photos, "--epochs", 1, *WORDS)
    resumed = shell.train("halved", "--resume", "--epochs", 2)
    assert said in resumed.out
    assert resumed.checkpoint == whole.checkpoint
    message = shell.refuses("train", "--resume", "--out", "halved", "--augment", "flip")
    assert "augment was ['flip', 'crop', 'mixup'] in halved and cannot become ['flip']" in message


def test_a_run_from_before_had_none(shell, run):
    config = run.folder / "config.json"
    text = config.read_text("utf-8")
    settings = json.loads(text)
    assert settings.pop("augment") is None
    config.write_text(json.dumps(settings), "utf-8")
    try:
        assert shell("evaluate", run.folder).status == 0
    finally:
        config.write_text(text, "utf-8")
    assert "changed at random" not in run.out


def test_what_is_not_augmented_is_refused(shell, photos):
    table = ("--data", "houses.csv", "--target", "Price", "--features", "Area", "Year")
    message = shell.refuses("train", *table, "--binarize", 30, 70, "--augment", "flip", "crop")
    assert "--augment flip crop: that changes images, and the data have none" in message
    message = shell.refuses("train", *photos, "--batch-size", "all", "--augment", "flip")
    assert "--augment flip: full-batch training takes every sample as it is" in message
    result = shell("train", *photos, "--augment", "turn")
    assert result.status == 2
    assert "invalid choice: 'turn'" in result.err
