"""Folders of texts that come divided into parts, as train.txt and test.txt."""

import os
from pathlib import Path

from fnet.data.parts import Divided, named_parts
from fnet.data.text import Vocabulary, text_windows, vocabulary_of
from fnet.files.characters import SUFFIXES, text_files, visible_files

SHOWN = 5  # folders named in a sentence


def text_parts(
    path: str | os.PathLike[str],
    length: int = 128,
    *,
    tokens: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    vocabulary: Vocabulary | None = None,
) -> Divided:
    """The parts of a folder of texts, by the names of its files or of the folders in it.

        train.txt, valid.txt, test.txt   or folders of such names  -> "train", "val", "test"
        a file, or a folder of any other texts                     -> "all"

    Each is what `text_windows` makes of it, and all have one vocabulary, of whatever any of them
    holds, or that of a text that a model was trained on. What lies beside the parts is left out;
    `decisions` says all this in sentences.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for name in ("ptb.train.txt", "ptb.test.txt"):
    ...         _ = Path(home, name).write_text(f"to be or not to be in {name}")
    ...     divided = text_parts(home, length=5, cache=f"{home}/.cache")
    >>> {part: len(text) for part, text in divided.parts.items()}
    {'train': 6, 'test': 6}
    >>> divided.decisions[0]
    'taken as parts: ptb.train.txt as train, ptb.test.txt as test'
    """
    named = _parts_in(Path(path)) if Path(path).is_dir() else {}
    if not named:
        whole = text_windows(path, length, tokens=tokens, cache=cache, vocabulary=vocabulary)
        return Divided({"all": whole}, (*whole.decisions, *_folders(Path(path))))
    paths = [file for each in named.values() for file in text_files(each)]
    known, why = (vocabulary, "") if vocabulary else vocabulary_of(paths, tokens)
    parts = {
        part: text_windows(each, length, cache=cache, vocabulary=known)
        for part, each in named.items()
    }
    taken = ", ".join(f"{each.name} as {part}" for part, each in named.items())
    beside = [name for name, each in _entries(Path(path)).items() if each not in named.values()]
    decisions = [f"taken as parts: {taken}"]
    decisions += [f"{part}: {text.decisions[0]}" for part, text in parts.items()]
    decisions[1] += why
    decisions += [f"left out: {name}, which is no part" for name in beside]
    return Divided(parts, tuple(decisions))


def _entries(folder: Path) -> dict[str, Path]:
    """The text files in a folder, and the folders that hold some, by name without suffix."""
    inside = [each for each in visible_files(folder) if each.suffix.lower() in SUFFIXES]
    tops = sorted({folder / each.parts[0] for each in inside})
    return {top.name if top.is_dir() else top.stem: top for top in tops}


def _parts_in(folder: Path) -> dict[str, Path]:
    entries = _entries(folder)
    return {part: entries[name] for part, name in named_parts(entries).items()}


def _folders(path: Path) -> list[str]:
    """A sentence on folders of texts that may be meant as classes."""
    entries = _entries(path).values() if path.is_dir() else []
    entries = [each for each in entries if each.is_dir()]
    if len(entries) < 2:
        return []
    shown = ", ".join(f"{each.name}/" for each in entries[:SHOWN])
    more = ", ..." * (len(entries) > SHOWN)
    return [
        f"the texts of {shown}{more} follow one another; fnet train without --model takes such "
        "folders as classes where each has two texts or more, and no text lies beside them"
    ]
