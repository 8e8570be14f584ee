"""Text files as numbers: their bytes, or the code points of their characters, a piece at a time."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fnet.errors import DataError

SUFFIXES = (".txt", ".md", ".text")
PIECE = 2**20  # bytes read at a time
BYTE_ORDER_MARK = "\ufeff"
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotText(DataError):
    """Bytes that are not UTF-8; the message says which, and where."""


def text_files(path: Path) -> list[Path]:
    """The file, or the text files in a folder and the folders in it, by name; hidden ones left out.

    Raises DataError where there are none.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if not path.is_dir():
        return [path]
    found = sorted(each for each in visible_files(path) if each.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{path}: the folder has no text; files must end in {', '.join(SUFFIXES)}")
    return [path / each for each in found]


def visible_files(folder: Path) -> Iterator[Path]:
    """The files in a folder and the folders in it, relative to it; hidden ones left out."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if not any(part.startswith(".") for part in inside.parts) and path.is_file():
            yield inside


def bytes_of(paths: list[Path]) -> Iterator[np.ndarray]:
    """The bytes of these files, in pieces of uint8; a newline stands between two files."""
    for number, path in enumerate(paths):
        if number:
            yield np.frombuffer(b"\n", np.uint8)
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield np.frombuffer(piece, np.uint8)


def code_points(paths: list[Path]) -> Iterator[np.ndarray]:
    """The characters of these files, in pieces of uint32; a newline stands between two files.

    Files are UTF-8, or UTF-16 where a byte order mark says so. The mark is left out, and every end
    of line is a newline. Raises NotText for other bytes.
    """
    for number, path in enumerate(paths):
        begin = True
        for text in _decoded(path):
            if begin and number:
                text = "\n" + text.removeprefix(BYTE_ORDER_MARK)
            elif begin:
                text = text.removeprefix(BYTE_ORDER_MARK)
            begin = False
            yield np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _decoded(path: Path) -> Iterator[str]:
    """The text of a file in pieces, the first of them even where the file is empty."""
    place, line, piece = 0, 1, b""
    with path.open("rb") as file:
        encoding = "UTF-16" if file.read(2) in UTF_16 else "UTF-8"
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)()
        lines = io.IncrementalNewlineDecoder(decoder, translate=True)
        while True:
            waiting = len(decoder.getstate()[0])
            piece = file.read(PIECE)
            try:
                text = lines.decode(piece, final=not piece)
            except UnicodeDecodeError as error:
                start = place - waiting + error.start
                line += piece.count(b"\n", 0, max(error.start - waiting, 0))
                raise NotText(
                    f"{path}: byte {error.object[error.start]:#04x} at place {start:,}, in line "
                    f"{line:,}, is not {encoding}"
                ) from None
            if text or not place:
                yield text
            if not piece:
                return
            place += len(piece)
            line += piece.count(b"\n")
