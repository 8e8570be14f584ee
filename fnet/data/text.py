"""Text as a dataset: windows of a memory-mapped file, each with the characters that come next."""

import dataclasses
import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet.core.expect import require_whole
from fnet.data.dataset import Arrays, Samples
from fnet.data.strata import shares_of
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError
from fnet.files.characters import NotText, bytes_of, code_points, text_files
from fnet.files.writing import cache_folder, replacing

VERSION = 1  # of the file of ids
KINDS = ("bytes", "characters")
SHOWN = 5  # characters named in a message
MOST = 1000  # different characters; a text with more is read as bytes unless characters are named
BYTES = tuple(f"0x{byte:02x}" for byte in range(256))  # the classes of a text that is bytes


class Vocabulary(NamedTuple):
    """What ids stand for: bytes of UTF-8, or characters.

    >>> words = Vocabulary("characters", ("\\n", "a", "b"))
    >>> print(words)
    3 characters: \\nab
    >>> words.encode("ab").tolist(), words.decode([2, 1])
    ([1, 2], 'ba')
    """

    kind: str
    classes: tuple[str, ...]

    @classmethod
    def of(cls, classes: tuple[str, ...]) -> "Vocabulary":
        """The vocabulary that a model with these classes was trained on."""
        return cls("bytes" if classes == BYTES else "characters", classes)

    def __str__(self) -> str:
        if self.kind == "bytes":
            return "256 bytes"
        return f"{len(self.classes)} characters: {spelled(''.join(self.classes))}"

    def encode(self, text: str) -> np.ndarray:
        """The ids of a text, (T,) int32; DataError for a character that the vocabulary lacks."""
        if self.kind == "bytes":
            return np.frombuffer(text.encode("utf-8", "surrogateescape"), np.uint8).astype(np.int32)
        places = {name: index for index, name in enumerate(self.classes)}
        for place, character in enumerate(text):
            if character not in places:
                raise DataError(
                    f"{spelled(character)!r} at place {place} of {spelled(text[:40])!r} is none of "
                    f"the {self}"
                )
        return np.array([places[character] for character in text], np.int32)

    def decode(self, ids: Any) -> str:
        """The text of these ids; bytes that are not UTF-8 become \\x.. ."""
        if self.kind == "bytes":
            return bytes(np.asarray(ids, np.uint8)).decode("utf-8", "backslashreplace")
        return "".join(self.classes[index] for index in np.asarray(ids).tolist())


@dataclasses.dataclass(frozen=True, eq=False)
class Text(Samples):
    """Windows of a text: sample i is `length` ids from place starts[i] on, and those one later.

    `ids` (M,) are those of the whole text, in a memory-mapped file; `begin` and `end` bound the
    part of it that the windows are from. `vocabulary` is what they stand for, and `decisions` are
    sentences on how the text was read.

    >>> ids, starts = np.arange(7, dtype=np.uint8), np.array([0, 3])
    >>> letters = Vocabulary("characters", tuple("abcdefg"))
    >>> windows = Text(ids, starts, 3, letters, begin=0, end=7, stride=3)
    >>> windows.gather([1])["next"].tolist()
    [[4, 5, 6]]
    """

    ids: np.ndarray = dataclasses.field(repr=False)
    starts: np.ndarray = dataclasses.field(repr=False)
    length: int
    vocabulary: Vocabulary
    begin: int
    end: int
    stride: int
    decisions: tuple[str, ...] = ()
    transform: Transform = compose()

    @property
    def fields(self) -> tuple[str, str]:
        return "tokens", "next"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.vocabulary.classes

    def __len__(self) -> int:
        return len(self.starts)

    def gather(self, indices: Any) -> Arrays:
        """{"tokens": (N, T) int32, "next": (N, T) int32}, as fresh arrays."""
        places = self.starts[np.asarray(indices)][:, None] + np.arange(self.length + 1)
        windows = np.asarray(self.ids[places]).astype(np.int32)
        return {"tokens": windows[:, :-1], "next": windows[:, 1:]}

    def select(self, indices: Any) -> "Text":
        return dataclasses.replace(self, starts=self.starts[np.asarray(indices)])

    def __reduce__(self) -> Any:
        # Pickle the file's name, not its contents.
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        ids = fields.pop("ids")
        return _mapped, (Path(ids.filename), ids.dtype.str, fields)


def text_windows(
    path: str | os.PathLike[str],
    length: int = 128,
    *,
    tokens: str | None = None,
    stride: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    vocabulary: Vocabulary | None = None,
) -> Text:
    """Windows of `length` tokens of a text file, or of the .txt and .md files of a folder.

    {"tokens": (N, T), "next": (N, T)} int32, what comes next being the tokens one place later.
    Windows begin every `stride` places, by default `length`, so that each token is predicted once
    an epoch. `tokens` is "characters" (of UTF-8, or of UTF-16 with its mark; ends of lines become a
    newline) or "bytes"; by default characters, but bytes where the file is not UTF-8 or has more
    than 1,000 different ones, and `decisions` say so. Files of a folder follow each other by name,
    a newline between two. `vocabulary` is that of a text that a model was trained on; then `tokens`
    is its kind.

    The ids are written to a file in `cache` (default: fnet's own, in $XDG_CACHE_HOME or ~/.cache)
    and mapped into memory, so that a text may be larger than it. Raises DataError for a text that
    is shorter than a window, for a character that a given vocabulary lacks, if characters are named
    for a byte that is not UTF-8, and if nothing is for a byte of 0, which no text has.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = Path(home, "book.txt").write_text("to be or not to be")
    ...     windows = text_windows(f"{home}/book.txt", length=5, cache=home)
    ...     batch = windows.gather([0, 2])
    >>> [[windows.vocabulary.decode(row) for row in batch[name]] for name in windows.fields]
    [['to be', 'ot to'], ['o be ', 't to ']]
    """
    require_whole("text_windows: length", length, least=1)
    require_whole("text_windows: stride", length if stride is None else stride, least=1)
    if tokens is not None and tokens not in KINDS:
        raise ConfigurationError(f"text_windows: tokens is {tokens!r}; it must be one of {KINDS}")
    paths = text_files(Path(path))
    known, why = (vocabulary, "") if vocabulary else vocabulary_of(paths, tokens)
    if vocabulary is not None:
        _require_known(paths, vocabulary)
    ids = _packed(paths, known, Path(cache) if cache is not None else cache_folder() / "texts")
    files = f", of {len(paths)} files one after the other" if len(paths) > 1 else ""
    decisions = (f"{len(ids):,} {known.kind}{files}{why}",)
    whole = Text(ids, np.zeros(0, int), length, known, 0, len(ids), stride or length, decisions)
    return _windows(whole, 0, len(ids), str(path))


def split_text(whole: Text, fractions: Mapping[str, float]) -> dict[str, Text]:
    """The text cut into contiguous pieces: no window has characters of two parts.

    `fractions` name the parts, in the order of the text, and sum to 1. Raises DataError, with the
    number of characters that are needed, where a part is shorter than a window.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = Path(home, "book.txt").write_text("abcdefghij" * 10)
    ...     book = text_windows(f"{home}/book.txt", 4, cache=home)
    >>> parts = split_text(book, {"train": 0.8, "test": 0.2})
    >>> {name: (part.begin, part.end, len(part)) for name, part in parts.items()}
    {'train': (0, 80, 19), 'test': (80, 100, 4)}
    """
    shares = shares_of("split_text", fractions)
    size = whole.end - whole.begin
    ends = whole.begin + np.rint(np.cumsum(shares) * size).astype(int)
    begins = [whole.begin, *ends[:-1].tolist()]
    if min(ends - begins) <= whole.length:
        needed = math.ceil((whole.length + 2) / shares.min())
        raise DataError(
            f"the text has {size:,} {whole.vocabulary.kind}, too few for windows of "
            f"{whole.length} in each of {', '.join(fractions)}: {needed:,} are needed, or a "
            "smaller length"
        )
    return {
        name: _windows(whole, begin, int(end), name)
        for name, begin, end in zip(fractions, begins, ends, strict=True)
    }


def spelled(text: str) -> str:
    """The text in one line: characters that do not print as Python writes them.

    >>> print(spelled("a\\tb\\n"))
    a\\tb\\n
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _windows(whole: Text, begin: int, end: int, name: str) -> Text:
    """The windows of the text from one place to another."""
    starts = np.arange(begin, end - whole.length, whole.stride)
    if not len(starts):
        raise DataError(
            f"{name}: it has {end - begin:,} {whole.vocabulary.kind}; windows of {whole.length} "
            f"need at least {whole.length + 1}"
        )
    return dataclasses.replace(whole, starts=starts, begin=begin, end=end)


def vocabulary_of(paths: list[Path], kind: str | None) -> tuple[Vocabulary, str]:
    """The vocabulary of these files, and why it is bytes where nobody chose them.

    >>> vocabulary_of([], "bytes")[0].kind
    'bytes'
    """
    if kind == "bytes":
        return Vocabulary("bytes", BYTES), ""
    try:
        seen = _seen(paths)
    except NotText as error:
        if kind == "characters":
            raise DataError(f"{error}; convert the file, or read it as bytes") from None
        _require_text(paths)
        return Vocabulary("bytes", BYTES), f"; bytes, since {error} (converted, it is characters)"
    if kind is None and seen[0]:
        _require_text(paths)
    known = np.flatnonzero(seen)
    if kind is None and len(known) > MOST:
        said = f"; bytes, since there are {len(known):,} different characters"
        return Vocabulary("bytes", BYTES), said
    return Vocabulary("characters", tuple(map(chr, known.tolist()))), ""


def _require_text(paths: list[Path]) -> None:
    """DataError for a file with a byte of 0, as compressed ones and documents have, and no text."""
    for path in paths:
        if any((piece == 0).any() for piece in bytes_of([path])):
            raise DataError(
                f"{path}: it has bytes of 0, as no text has; unpack it, or save it as plain text, "
                "in UTF-8; to learn its bytes as they are, name them: --tokens bytes, in Python "
                "tokens="
            )


def _seen(paths: list[Path]) -> np.ndarray:
    """Which code points these files have."""
    seen = np.zeros(sys.maxunicode + 1, bool)
    for piece in code_points(paths):
        seen[piece] = True
    return seen


def _require_known(paths: list[Path], vocabulary: Vocabulary) -> None:
    """DataError for characters that a vocabulary lacks."""
    if vocabulary.kind == "bytes":
        return
    seen = _seen(paths)
    seen[[ord(each) for each in vocabulary.classes]] = False
    lacking = [chr(code) for code in np.flatnonzero(seen)]
    if lacking:
        where = paths[0].parent if len(paths) > 1 else paths[0]
        more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
        raise DataError(
            f"{where}: {', '.join(map(repr, lacking[:SHOWN]))}{more} not among the model's "
            f"{vocabulary}; leave them out, or train on a text that has them"
        )


def _packed(paths: list[Path], known: Vocabulary, home: Path) -> np.memmap:
    """The ids of these files, in a file that is named by what it holds, and mapped."""
    read: Callable[[list[Path]], Iterator[np.ndarray]] = bytes_of
    dtype = np.min_scalar_type(max(len(known.classes) - 1, 0))
    table = np.arange(256, dtype=dtype)  # the id of each byte, or of each character
    if known.kind == "characters":
        read, table = code_points, np.zeros(sys.maxunicode + 1, dtype)
        table[[ord(each) for each in known.classes]] = np.arange(len(known.classes))
    digest, size = hashlib.sha256(f"{VERSION} {known.classes}".encode()), 0
    for piece in read(paths):
        digest.update(piece.tobytes())
        size += len(piece)
    if size == 0:
        raise DataError(f"{paths[0]}: the text is empty")
    target = home / f"{digest.hexdigest()[:32]}.{dtype}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:  # always: what is there may be damaged
            for piece in read(paths):
                file.write(table[piece].tobytes())
    except OSError as error:
        raise DataError(
            f"text_windows: cannot write {target} ({error.strerror or error}); choose another cache"
        ) from error
    return np.memmap(target, dtype, "r")


def _mapped(path: Path, dtype: str, fields: dict[str, Any]) -> Text:
    return Text(np.memmap(path, np.dtype(dtype), "r"), **fields)
