"""Texts with a class each, of a table: their words as ids, a row of equal length for each text."""

import collections
import dataclasses
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fnet.core.expect import require_whole
from fnet.data.dataset import Memory
from fnet.data.opening import Reading, read_table
from fnet.data.targets import labels_of
from fnet.errors import DataError
from fnet.files.csv_columns import gaps

MOST = 20_000  # words of a vocabulary
LONGEST = 512  # words of a text that are read
COVERED = 0.95  # the share of texts that are read to their end
# Kana and ideographs are words of their own, since no blanks divide them.
_SINGLE = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_SINGLE}!?]|[^\W{_SINGLE}]+(?:['\u2019][^\W{_SINGLE}]+)?")


class Words(NamedTuple):
    """A vocabulary of words: id i is `known[i - 1]`, and 0 stands for no word.

    >>> words = Words(("a", "bad", "film"))
    >>> words.size, words.encode(["A film!", "bad, BAD film"], length=3).tolist()
    (4, [[0, 1, 3], [2, 2, 3]])
    """

    known: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many ids there are, that of no word among them."""
        return len(self.known) + 1

    def encode(self, texts: Iterable[str], length: int) -> np.ndarray:
        """The ids of the first `length` known words of each text, (N, length) int32.

        A shorter text begins with zeros, so that its last word is at the end of its row; unknown
        words are left out.
        """
        require_whole("encode: length", length, least=1)
        places = {word: place for place, word in enumerate(self.known, start=1)}
        rows = [[places[word] for word in words_of(text) if word in places] for text in texts]
        ids = np.zeros((len(rows), length), np.int32)
        for own, row in zip(ids, rows, strict=True):
            own[length - len(row[:length]) :] = row[:length]
        return ids


NONE = Words(())


def words_of(text: str) -> list[str]:
    """The words of a text in lower case; exclamation and question marks are words too.

    >>> words_of("Don't go! 2 stars")
    ["don't", 'go', '!', '2', 'stars']
    """
    return _WORD.findall(text.lower().replace("\u2019", "'"))


def learn_words(texts: Iterable[str], most: int = MOST) -> Words:
    """The `most` frequent words of these texts that occur twice or more; of equals, by alphabet.

    Raises DataError where there are none.

    >>> learn_words(["good, good film", "bad film", "a bad one"]).known
    ('bad', 'film', 'good')
    """
    require_whole("learn_words: most", most, least=1)
    counts = collections.Counter(word for text in texts for word in words_of(text))
    often = [(-count, word) for word, count in counts.items() if count > 1]
    if not often:
        raise DataError(
            f"learn_words: no word occurs twice, of {len(counts)} different ones; give more texts, "
            "or another column"
        )
    return Words(tuple(word for _, word in sorted(often)[:most]))


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledTexts(Memory):
    """A dataset of texts with a class each: `words` are its vocabulary, `decisions` sentences.

    >>> LabelledTexts({"words": np.zeros((2, 3), np.int32), "label": np.arange(2)}).fields
    ('words', 'label')
    """

    words: Words = NONE
    decisions: tuple[str, ...] = ()


def csv_texts(
    source: str | os.PathLike[str] | Any,
    text: str,
    target: str,
    *,
    words: Words | None = None,
    length: int | None = None,
    sep: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
) -> LabelledTexts:
    """Texts in a column of a table: {"words": (N, T) int32 ids, "label": (N,) int32}.

    `source` is the path of a CSV file, or a DataFrame; `text` and `target` name columns. Of class
    folders of texts, root/<class>/<text>.txt, these are "text" and "class". Of each
    text the first T = `length` words are read, by default so many that 95 % of the texts have no
    more, and 512 at most. The vocabulary is that of these texts, see `learn_words`; for another
    table, give `words` and `length` of the one that a model was trained on. `sep`, `encoding` and
    `na` are those of `csv_table`. A missing text has no words. For `fnet.models.text_classifier`.
    Raises DataError where no word occurs twice, or a label is missing.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "reviews.csv")
    ...     _ = path.write_text('review,stars\\n"good, so good",5\\nso bad,1\\nbad,1\\n')
    ...     texts = csv_texts(path, "review", "stars")
    >>> texts.words.known, texts.classes, texts.arrays["words"].tolist()
    (('bad', 'good', 'so'), ('1', '5'), [[2, 3, 2], [0, 3, 1], [0, 0, 1]])
    """
    reading = read_table(source, sep=sep, encoding=encoding, na=na, spelled=(text,))
    return labelled_texts(reading, text, target, words, length)


def labelled_texts(
    reading: Reading,
    text: str,
    target: str,
    words: Words | None = None,
    length: int | None = None,
) -> LabelledTexts:
    """What `csv_texts` returns, of a table that was read."""
    texts = texts_of(reading, text, target)
    known = learn_words(texts) if words is None else words
    said = f"`{text}` is texts: {len(known.known):,} words"
    if length is None:
        sizes = [len(words_of(each)) for each in texts]
        length = int(np.clip(np.ceil(np.quantile(sizes, COVERED)), 1, LONGEST))
        said += f"; the first {length} of each text are read"
    labels, classes = labels_in(reading, target)
    arrays = {"words": known.encode(texts, length), "label": labels}
    return LabelledTexts(arrays, classes, words=known, decisions=(*reading.decisions, said))


def texts_of(reading: Reading, text: str, target: str) -> list[str]:
    """The texts of a column that was read as spelled, "" where one is missing."""
    if text == target:
        raise DataError(f"{reading.where}: {text!r} is the target; name another column of texts")
    column = reading.column(text)
    assert column.words is not None  # its cells are spelled
    spelled = (*column.words, "")  # that of a missing cell, whose code is -1
    return [spelled[code] for code in column.values.tolist()]


def labels_in(reading: Reading, target: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels (N,) int32 in a column, and their classes; DataError for a missing one."""
    column, _ = reading.words(target)
    unknown = gaps(column.values)
    if unknown.any():
        reading.refuse(int(np.argmax(unknown)), target, "missing; every row needs a label")
    found = labels_of(reading.where, column)
    return found.values, found.classes
