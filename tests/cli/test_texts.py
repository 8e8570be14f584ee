"""`fnet train --text` and class folders of texts, whose words tell the class."""

import csv
import io

import pytest

from fnet.cli.build import with_model
from fnet.cli.text import is_text
from tests.data.test_words import reviews


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reviews")
    reviews(folder / "reviews.csv", 200, seed=0)
    reviews(folder / "more.csv", 60, seed=1)
    return folder


@pytest.fixture(scope="module")
def learned(home, shell):
    data = home / "reviews.csv"
    words = ("--data", data, "--target", "stars", "--text", "review", "--epochs", 60)
    return shell.train(home / "run", *words)


def test_a_run_keeps_the_words_that_it_learned(learned):
    assert learned.metrics["test_accuracy"] == 1
    texts = learned.config["schema"]["texts"]
    assert texts["column"] == "review"
    assert {"good", "dull", "film"} <= set(texts["words"])
    assert "`review` is texts: 14 words" in learned.out
    assert "model      serial(embedding(15, 64, padding=0" in learned.out


def test_other_texts_are_read_by_the_same_words(learned, home, inside):
    result = inside("evaluate", learned.folder, "--data", home / "more.csv")
    assert "accuracy   100.0%" in result.out
    new = home / "new.csv"
    new.write_text("page,review\n1,A superb and lovely film\n2,awful!\n3,unheard of\n")
    result = inside("predict", learned.folder, new)
    rows = [*csv.DictReader(io.StringIO(result.out))]
    assert [row["class"] for row in rows[:2]] == ["5", "1"]
    assert "1 of 3 texts have no word that the run knows" in result.err


def test_its_network_is_summed_up(learned, inside):
    result = inside("summary", learned.folder)
    assert result.status == 0, result.err
    assert "below=15), in a batch of 128" in result.out


def test_it_is_resumed(learned, inside):
    result = inside("train", "--out", learned.folder, "--resume", "--epochs", 62)
    assert result.status == 0, result.err
    assert "resumed    after epoch 60" in result.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--target page --text review", "a regression; from texts fnet learns classes"),
        ("--target stars --text review --model mlp", "--model mlp is not for a column of texts"),
        ("--target stars --text review --drop page", "--drop does not apply to --text review"),
        ("--target stars --text review --images page", "--text does not apply to --images page"),
        ("--target stars --text revue", "there is no column 'revue'; choose one, such as 'review'"),
        ("--text review", "name the column to predict with --target"),
    ],
)
def test_what_does_not_go_with_texts(home, inside, words, message):
    result = inside("train", "--data", home / "reviews.csv", *words.split())
    assert result.status != 0
    assert message in result.err


def test_without_it_texts_are_left_out_and_the_flag_is_named(home, inside):
    result = inside(
        *("train", "--data", home / "reviews.csv", "--target", "stars"),
        *("--epochs", 1, "--out", home / "columns"),
    )
    assert "an identifier or free text (--text), left out" in result.out


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Reviews as IMDB has them, in parts, and as 20 newsgroups, without suffixes."""
    home = tmp_path_factory.mktemp("folders")
    reviews(home / "reviews.csv", 200, seed=0)
    with (home / "reviews.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    for number, row in enumerate(rows):
        part = "train" if number < 120 else "test"
        kind = "pos" if row["stars"] == "5" else "neg"
        name = f"imdb/{part}/{kind}/{number}_{row['stars']}.txt", f"news/{kind}.group/{number}"
        for path in (home / each for each in name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["review"])
    (home / "imdb/train/urls.txt").write_text("http://nowhere")
    (home / "imdb/train/unsup").mkdir()
    (home / "imdb/train/unsup/0.txt").write_text("a superb film")
    (home / "news/pos.group/latin").write_bytes("superb, café".encode("cp1252"))
    return home


@pytest.fixture(scope="module")
def sorted_run(folders, shell):
    words = "--data", folders / "imdb", "--epochs", 60
    return shell.train(folders / "run", *words, call=shell.plainly)


def test_folders_of_texts_are_classes(sorted_run, folders):
    assert sorted_run.metrics["test_accuracy"] == 1
    assert "90 train, 30 val, 80 test; 2 classes: neg, pos" in sorted_run.out
    assert "left out: unsup/" in sorted_run.out
    assert "taken as test: test/" in sorted_run.out


def test_texts_in_files_are_predicted_and_measured(sorted_run, folders, inside):
    new = folders / "new"
    new.mkdir(exist_ok=True)
    (new / "a.txt").write_text("A superb and lovely film")
    (new / "b.txt").write_text("awful!")
    result = inside("predict", sorted_run.folder, new, new / "b.txt")
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert [line[:2] for line in lines] == [
        [str(new / "a.txt"), "pos"],
        [str(new / "b.txt"), "neg"],
        [str(new / "b.txt"), "neg"],
    ]
    for path, words in (("imdb", "its test part alone, 80 samples"), ("imdb/train", "120 samples")):
        said = inside("evaluate", sorted_run.folder, "--data", folders / path)
        assert words in said.out
        assert "accuracy   100.0%" in said.out
    said = inside("evaluate", sorted_run.folder, "--data", new)
    assert "a folder of texts for each class" in said.err


def test_texts_need_no_suffix_and_no_utf_8(folders, shell, inside):
    words = "--data", folders / "news", "--epochs", 60
    run = shell.train(folders / "other", *words, call=shell.plainly)
    assert "2 classes: neg.group, pos.group" in run.out
    assert "not UTF-8, and read as Windows-1252: 1 text, " in run.out
    assert run.metrics["test_accuracy"] == 1
    resumed = inside("train", "--out", run.folder, "--resume", "--epochs", 61, "--quiet")
    assert resumed.status == 0, resumed.err


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ((), {"model": "gru"}),
        ((), {"tokens": "characters"}),
        (("preface.txt",), {}),
        (("one/alone.txt",), {}),
    ],
    ids=["a model", "a flag", "a text beside", "one text alone"],
)
def test_folders_that_are_no_classes_are_one_text(tmp_path, beside, words):
    for name in ("a/1.txt", "a/2.txt", "b/1.txt", "b/2.txt", *beside):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("to be or not to be")
    chosen, _ = with_model({"data": str(tmp_path), **words}, texts=True)
    assert is_text(chosen)
    for name in beside:
        (tmp_path / name).unlink()
    (tmp_path / "one").is_dir() and (tmp_path / "one").rmdir()
    (tmp_path / "README.md").write_text("about these texts")
    chosen, _ = with_model({"data": str(tmp_path)}, texts=True)
    assert not is_text(chosen)
    assert chosen["model"] == "words"


def test_few_texts_in_folders_have_the_network_of_words(folders, inside):
    """Of few rows of other tables models are compared, and a linear one has another loss."""
    said = inside("train", "--data", folders / "imdb", "--out", folders / "plain")
    assert said.status == 0, said.err
    assert "the last weights are kept" in said.out
    assert "the mean of what their words" in said.out


def test_the_network_of_words_is_named_as_a_sweep_names_it(folders, inside):
    words = "--model words --text review --target stars --epochs 1 --quiet".split()
    table = folders / "reviews.csv"
    result = inside("train", "--data", table, *words, "--out", folders / "named")
    assert result.status == 0, result.err
    assert "--model words is for texts with classes" in inside("train", "--model", "words").err
