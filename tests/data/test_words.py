"""Texts with a class, in a table: their words, and a network that tells the classes."""

import jax
import numpy as np
import pytest

from fnet import data, losses, models, optimizers
from fnet.data.words import words_of
from fnet.errors import DataError
from fnet.training import evaluate, fit

GOOD, BAD = ("good", "lovely", "superb"), ("bad", "dull", "awful")
PLAIN = ("film", "actor", "story", "music", "scene", "ending")


class Frame(dict):
    """What fnet asks of a DataFrame."""

    columns, shape = ("page", "stars"), (2, 2)

    def __init__(self, page=(1, 2)):
        super().__init__(page=np.array(page), stars=np.array([1, 5]))


def reviews(path, rows, seed):
    """Reviews whose words say what they are, more often than not."""
    rng = np.random.default_rng(seed)
    lines = ["review,stars,page"]
    for row in range(rows):
        good = bool(rng.integers(2))
        said = [*rng.choice(GOOD if good else BAD, 2), rng.choice(BAD if good else GOOD)]
        words = rng.permutation([*said, *rng.choice(PLAIN, rng.integers(2, 9))])
        lines.append(f'"{" ".join(words).capitalize()}, indeed!",{5 if good else 1},{row}')
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It\u2019s GREAT!? \u00c9t\u00e9", ["it's", "great", "!", "?", "\u00e9t\u00e9"]),
        ("\u9762\u767d\u3044film", ["\u9762", "\u767d", "\u3044", "film"]),
        ("\uc88b\uc740 \uc601\ud654", ["\uc88b\uc740", "\uc601\ud654"]),
        ("10,000 -- ...", ["10", "000"]),
        ("", []),
    ],
)
def test_words_of_a_text(text, words):
    assert words_of(text) == words


def test_reviews_are_told_apart_by_their_words(tmp_path):
    train = data.csv_texts(reviews(tmp_path / "train.csv", 300, seed=0), "review", "stars")
    assert train.classes == ("1", "5")
    assert set(train.words.known) == {*GOOD, *BAD, *PLAIN, "indeed", "!"}
    path, length = reviews(tmp_path / "test.csv", 200, seed=1), train.arrays["words"].shape[1]
    test = data.csv_texts(path, "review", "stars", words=train.words, length=length)
    model = models.text_classifier(train.words.size, 2, width=8)
    loss = losses.cross_entropy()
    *_, record = fit(model, loss, optimizers.adam(0.05), train, epochs=8, batch_size=50)
    assert evaluate(model, loss, record.state.params, test)["accuracy"] > 0.99


def test_a_longer_row_is_the_same_text():
    words = data.Words(("a", "b"))
    model = models.text_classifier(words.size, 3)
    params, _ = model.init(jax.random.key(0), (4,))
    short, long = (model.apply(params, words.encode(["b a", ""], length)) for length in (2, 40))
    np.testing.assert_allclose(short, long, rtol=1e-3)
    assert (np.asarray(short[1]) == 0).all()  # no words: no class is likelier


def test_what_is_no_table_of_texts(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("review,stars,page\nso good,5,1\n,1,2\nso bad,,3\n")
    with pytest.raises(DataError, match="no word occurs twice, of 2 different ones"):
        data.csv_texts(Frame(), "page", "stars")
    with pytest.raises(DataError, match="no word occurs twice, of 0 different ones"):
        data.csv_texts(Frame((None, None)), "page", "stars")
    with pytest.raises(DataError, match="'review' is the target"):
        data.csv_texts(path, "review", "review")
    with pytest.raises(DataError, match=r"line 4.*missing; every row needs a label"):
        data.csv_texts(path, "review", "stars")
    with pytest.raises(DataError, match="no word occurs twice, of 2 different ones"):
        data.learn_words(["good", "bad"])


def test_a_missing_text_has_no_words(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("review,stars\nso good,5\n,1\nso bad,1\nnumber 7,5\n")
    texts = data.csv_texts(path, "review", "stars", length=2)
    assert texts.arrays["words"].tolist() == [[0, 1], [0, 0], [0, 1], [0, 0]]
    assert texts.decisions[-1] == "`review` is texts: 1 words"
