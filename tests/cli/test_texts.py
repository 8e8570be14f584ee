"""`fnet train --text`: a column of texts, whose words tell the class."""

import csv
import io

import pytest

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
