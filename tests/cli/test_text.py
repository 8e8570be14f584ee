"""`fnet train` on texts and the formal language, and `fnet generate` and `evaluate` after it."""

import json
import math
import random

import jax
import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from safetensors import safe_open

from fnet import data
from fnet.checkpoint import load
from fnet.cli.text import text_length
from fnet.interop import from_torch, load_safetensors


@pytest.fixture(scope="module")
def book():
    """Nine thousand characters of sentences that a small network learns a little of."""
    words = "the cat sat on a mat and saw one big red dog run by".split()
    dice = random.Random(0)
    sentences = [" ".join(dice.choices(words, k=6)).capitalize() + ".\n" for _ in range(300)]
    return "".join(sentences)


@pytest.fixture(scope="module")
def learned(shell, book):
    """A transformer on a book; small, so that it takes no time."""
    shell.home.joinpath("book.txt").write_text(book)
    words = "--data book.txt --length 16 --width 16 --blocks 1 --heads 2 --epochs 2 --out book-run"
    return shell("train", "--model", "transformer", *words.split())


def test_a_book_is_learned_and_continued(shell, learned, book):
    assert learned.status == 0, learned.err
    out = learned.out
    assert "text book.txt" in out.replace(str(shell.home) + "/", "")
    assert f"{len(book):,} characters" in out
    assert "contiguous pieces of the text" in out
    assert f"{len(set(book))} characters: \\n ." in out
    assert "bits per character" in out
    assert "optimum" not in out
    assert "above the best" not in out
    folder = shell.home / "book-run"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert math.isclose(metrics["test_bits"], metrics["test_loss"] / math.log(2))
    assert metrics["test_bits"] < math.log2(len(set(book)))  # better than nothing learned
    assert {"loss.png", "attention.png"} <= {path.name for path in folder.iterdir()}
    assert "train_bits" in (folder / "history.csv").read_text()


def test_generation_is_repeatable_and_the_same_without_its_cache(shell, learned):
    words = (
        "generate book-run --prompt The --tokens 30 --seed 3 --top-k 5 --temperature 0.8".split()
    )
    first, again, whole = shell(*words), shell(*words), shell(*words, "--no-cache")
    assert first.status == 0, first.err
    assert first.out.startswith("The")
    assert len(first.out.rstrip("\n")) <= 33
    assert first.out == again.out == whole.out
    other = shell(*words[:-6], "--seed", "4")
    assert other.out != first.out
    facts = json.loads(shell(*words, "--json").out)
    assert facts["prompt"] + facts["text"] + "\n" == first.out


def test_a_run_on_a_text_is_measured_and_resumed(shell, learned):
    result = shell("evaluate", "book-run", "--json")
    metrics = json.loads((shell.home / "book-run/metrics.json").read_text())
    assert json.loads(result.out)["loss"] == pytest.approx(metrics["test_loss"])
    resumed = shell("train", "--out", "book-run", "--resume", "--epochs", "3", "--quiet")
    assert resumed.status == 0, resumed.err
    text = shell.home / "book.txt"
    text.write_text(text.read_text().replace("cat", "cow"))
    changed = shell("train", "--out", "book-run", "--resume", "--epochs", "4")
    assert changed.status == 2
    assert "the data have changed since the run began" in changed.err


def test_another_text_is_measured_by_the_same_characters(shell, learned, book):
    (shell.home / "other.txt").write_text(book[:1000])
    said = shell("evaluate", "book-run", "--data", "other.txt", "--json")
    facts = json.loads(said.out)
    assert facts["data"].endswith("other.txt, 1,000 characters")
    assert facts["samples"] == 999 // 16
    run = load(shell.home / "book-run/checkpoint.npz")
    words = data.Vocabulary.of(run.classes)
    ids = words.encode(book[: 62 * 16 + 1])
    logits = run.model.apply(run.record.best.params, ids[:-1].reshape(-1, 16))
    steps = jax.nn.log_softmax(logits).reshape(-1, len(words.classes))
    expected = -np.mean(np.asarray(steps)[np.arange(len(steps)), ids[1:]])
    assert facts["loss"] == pytest.approx(expected, rel=1e-4)


def test_the_formal_language_has_an_optimum(shell):
    words = "train --model gru --length 8 --width 8 --epochs 1 --batch-size 256 --out language"
    result = shell(*words.split())
    assert result.status == 0, result.err
    best = data.text_entropy(8)
    assert f"no model can have a loss below {best:.4f}" in result.out
    metrics = json.loads((shell.home / "language/metrics.json").read_text())
    assert metrics["test_above_lowest"] > 0
    assert f"{metrics['test_above_lowest']:.1%} above the best possible" in result.out
    lowest = metrics["test_loss"] / (1 + metrics["test_above_lowest"])
    assert abs(lowest - best) < 0.02
    said = shell("evaluate", "language").out
    assert "the best possible on these very texts" in said
    assert set(shell("generate", "language", "--tokens", "20").out.strip()) <= set("()<>[]{}ab")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --model lstm --heads 2", "--heads is for a transformer, and the model is lstm"),
        ("train --model gru --hidden 7", "--hidden does not apply to a text"),
        ("train --model mlp --width 7", "--width is for a text"),
        ("train --model gru --tokens bytes", "--tokens needs a text"),
        ("train --data short.txt --length 50", "20 characters; windows of 50 need at least 51"),
        ("train --data short.txt --length 5", "20 characters, too few for windows of 5"),
        ("train --data latin.txt --tokens characters", "byte 0xe9 at place 3"),
        ("train --model lstm --batch-size all", "--batch-size all is for tables"),
        ("generate book-run --prompt Zoé", "'Z' at place 0 of 'Zoé' is none of the"),
        ("evaluate book-run --data short.txt", "'f', 'j' not among the model's"),
        ("train --data book.txt --images page", "--images does not apply to a text"),
        ("train --data book.txt --model gru --target word", "--target does not apply to a text"),
        ("train --data book.txt --model cnn", "of a text, leave --model out"),
        ("train --model gru --optimizer lbfgs", "--optimizer lbfgs takes all samples at each step"),
        ("train --data book.txt --width 12 --heads 4", "width must be a multiple of 8"),
        ("overfit --data short.txt", "fnet train learns a text"),
        ("predict book-run short.txt", "fnet generate continues one"),
    ],
)
def test_mistakes_are_named(shell, learned, words, message):
    (shell.home / "short.txt").write_text("abcdefghij" * 2)
    (shell.home / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 100)
    result = shell.plainly(*words.split())
    assert result.status == 2
    assert message in result.err
    assert result.err.count("\n") == 1


def test_bytes_are_chosen_and_said(shell):
    (shell.home / "latin.txt").write_bytes("caf\xe9 ".encode("latin-1") * 100)
    words = "train --data latin.txt --model gru --length 8 --width 4 --epochs 1 --out latin"
    result = shell(*words.split())
    assert result.status == 0, result.err
    assert "bytes, since" in result.out
    assert "256 bytes" in result.out
    assert shell("generate", "latin", "--tokens", "5", "--prompt", "caf").out.startswith("caf")


def test_a_long_text_is_read_as_it_is_used_with_the_same_result(shell, book, monkeypatch):
    (shell.home / "long.txt").write_text(book)
    words = (
        "train --data long.txt --model gru --length 16 --width 8 --epochs 1 --quiet --out".split()
    )
    assert shell(*words, "kept").status == 0
    monkeypatch.setattr("fnet.cli.text.RESIDENT", 0)
    assert shell(*words, "read").status == 0
    kept, read = (
        json.loads((shell.home / run / "metrics.json").read_text()) for run in ("kept", "read")
    )
    assert kept == read


@pytest.mark.parametrize(
    ("samples", "epochs", "patience"), [(36, 1125, 112), (1500, 48, None), (12_000, 6, None)]
)
def test_a_short_text_is_learned_while_it_helps(samples, epochs, patience):
    """A book of 36 windows is known by heart after a twentieth of its 1,125 epochs."""
    plain = {"batch_size": None, "epochs": None, "patience": None, "schedule": "constant"}
    found, said = text_length(plain, samples)
    assert (found["epochs"], found["patience"]) == (epochs, patience)
    assert any("--patience" in sentence for sentence in said) == (patience is not None)
    assert text_length({**plain, "epochs": 500}, samples)[0]["patience"] is None
    assert text_length({**plain, "patience": 3}, samples)[0]["patience"] == 3


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_a_text_model_is_exported_with_its_characters(shell, book, model):
    (shell.home / "told.txt").write_text(book)
    words = (
        f"train --data told.txt --model {model} --length 8 --width 8 --epochs 1 --batch-size 256"
    )
    assert shell(*words.split(), "--out", f"for-{model}").status == 0
    run = load(shell.home / f"for-{model}/checkpoint.npz")
    said = shell("export", f"for-{model}", "--to", "onnx")
    assert "`input` (N, T), to `output` and `probabilities`" in said.out
    assert "ids of characters: places among `classes` in " in said.out
    written = onnx.load(shell.home / f"for-{model}/model.onnx")
    (classes,) = [json.loads(each.value) for each in written.metadata_props]
    assert tuple(classes) == run.classes
    ids = data.Vocabulary.of(run.classes).encode(book[:30])[None]
    with jax.enable_x64(False):
        logits = run.model.apply(run.record.best.params, ids)
        expected = jax.nn.softmax(logits)
    found = ReferenceEvaluator(written).run(None, {"input": ids.astype(np.int64)})[1]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert shell("export", f"for-{model}", "--to", "safetensors").status == 0
    with safe_open(shell.home / f"for-{model}/model.safetensors", "numpy") as file:
        assert tuple(json.loads(file.metadata()["classes"])) == run.classes
    arrays = load_safetensors(shell.home / f"for-{model}/model.safetensors")
    again = from_torch(run.model, run.shape, arrays)
    jax.tree.map(np.testing.assert_array_equal, again, run.record.best.params)


@pytest.fixture(scope="module")
def parts(shell, book):
    """A folder whose texts come divided."""
    folder = shell.home / "divided"
    folder.mkdir()
    for name, begin, end in (("train", 0, 4000), ("valid", 4000, 5000), ("test", 5000, 6000)):
        (folder / f"{name}.txt").write_text(book[begin:end])
    return folder


def test_a_run_is_measured_on_the_test_part_of_other_texts(shell, learned, parts):
    facts = json.loads(shell("evaluate", "book-run", "--data", "divided", "--json").out)
    assert "divided, its test part alone, " in facts["data"]
    alone = json.loads(shell("evaluate", "book-run", "--data", parts / "test.txt", "--json").out)
    assert facts["loss"] == alone["loss"]
    (parts / "test.txt").rename(parts.parent / "apart.txt")
    said = shell("evaluate", "book-run", "--data", "divided").out
    (parts.parent / "apart.txt").rename(parts / "test.txt")
    assert "divided, its val part alone, 1,000 characters" in said


def test_shares_of_what_comes_divided_are_refused(shell, parts):
    words = "train --data divided --model gru --length 8 --width 4 --epochs 1 --split .8 .1 .1"
    assert "--split 0.8 0.1 0.1: the data come divided into train, val" in shell(*words.split()).err
    (parts / "valid.txt").rename(parts.parent / "apart.txt")  # the shares divide the training text
    result = shell(*words.split(), "--out", "shared")
    (parts.parent / "apart.txt").rename(parts / "valid.txt")
    assert result.status == 0, result.err


def test_the_rate_of_a_text_falls(shell):
    plain = {"batch_size": None, "epochs": None, "patience": None, "schedule": None}
    plain |= {"model": "gru", "optimizer": "adam", "warmup": 0.0}

    def chosen(**more):
        return text_length({**plain, **more}, 12_000)[0]["schedule"]

    assert chosen() == chosen(model="transformer") == chosen(optimizer="ftrl") == "cosine"
    assert chosen(schedule="linear") == "linear"
    assert text_length({**plain, "epochs": 1}, 20)[0]["schedule"] == "constant"  # of a single step
    words = "train --model gru --length 8 --width 4 --epochs 1 --batch-size 256 --quiet".split()
    for more, name in (((), "cosine"), (("--schedule", "constant"), "constant")):
        assert shell(*words, *more, "--out", name).status == 0
        config = json.loads((shell.home / name / "config.json").read_text())
        assert config["schedule"] == name
