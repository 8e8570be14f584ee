"""The text of a table: which encoding its bytes have, and whether they are text at all."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, TextIO, cast

from fnet.errors import ConfigurationError, DataError
from fnet.files.zips import most_declared

_KINDS = {  # other files mistaken for tables, by their first bytes in lower case
    b"pk\x03\x04": "a zip archive, such as .xlsx; export it from the spreadsheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an .xls; export it from the spreadsheet as CSV UTF-8",
    b"par1": "a Parquet file; read it with pandas, and pass csv_table the DataFrame",
    b"<!doctype": "a web page; get the table itself, often behind a link named raw or download",
    b"<table": "a web page; read it with pandas.read_html, and pass csv_table the DataFrame",
    b'{"': "JSON; read it with pandas.read_json, and pass csv_table the DataFrame",
    b"[{": "JSON; read it with pandas.read_json, and pass csv_table the DataFrame",
    b"@relation": "ARFF; read it with scipy.io.arff.loadarff, and pass csv_table a DataFrame of it",
    b"<html": "a web page; get the table itself, often behind a link named raw or download",
}
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_GZIP = b"\x1f\x8b"
END = r"\r\n|\r|\n"  # of a line
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_PLAIN = bytes(code for code in range(256) if not _CONTROL.match(chr(code)))
END_OF_FILE = "\x1a"  # in DOS
_PIECE = 2**20  # bytes checked at once


class Text(NamedTuple):
    """A text that can be opened again and again; `name` stands for it in messages."""

    name: str
    raw: Callable[[], BinaryIO]
    encoding: str
    decisions: tuple[str, ...]

    def open(self) -> TextIO:
        """The text from its beginning, its ends of lines as they are."""
        return io.TextIOWrapper(self.raw(), encoding=self.encoding, newline="")

    def whole(self) -> str:
        """All of it at once: for messages, which look for the place of an error."""
        with self.open() as stream:
            return stream.read()


def read_text(source: Path | bytes, encoding: str | None = None) -> Text:
    """The text of a file, or of bytes from standard input; DataError where it is none.

    Without `encoding`, a mark at the beginning decides; else it is UTF-8, and where no character
    beyond ASCII is UTF-8, Windows-1252. A file that gzip made is unpacked as it is read.
    """
    name = "standard input" if isinstance(source, bytes) else str(source)
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise ConfigurationError(
                f"encoding is {encoding!r}, which Python does not know; write one such as utf-8, "
                "cp1252, latin-1 or utf-16"
            ) from None
    raw, most = _opened(name, source)
    start = next(_pieces(name, raw, most), b"")[:16]
    for first, kind in _KINDS.items():
        if start.lstrip().lower().startswith(first):
            raise DataError(f"{name}: it is not CSV but {kind}")
    marked = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    chosen = encoding or marked or "utf-8"
    if chosen.lower().replace("_", "-") in ("utf-8", "utf8") and marked == "utf-8-sig":
        chosen = "utf-8-sig"
    said = ("encoding UTF-16, by its mark (--encoding)",) if chosen == marked == "utf-16" else ()
    beyond = _check(name, raw, chosen, most)
    if beyond is None:
        return Text(name, raw, chosen, said)
    if encoding or marked or beyond.mixed or _check(name, raw, "cp1252", most) is not None:
        with raw() as file:
            _refuse_byte(name, file.read(), chosen)
    return Text(name, raw, "cp1252", ("encoding Windows-1252, since it is not UTF-8 (--encoding)",))


def refuse(name: str, line: int, what: str) -> NoReturn:
    """Raise DataError about a line."""
    raise DataError(f"{name}, line {line}: {what}")


def count_lines(text: str) -> int:
    """How many lines end in this text."""
    return len(re.findall(END, text))


class _Wrong(NamedTuple):
    """Bytes that are not text in this encoding; `mixed` where others beyond ASCII are."""

    mixed: bool


def _opened(name: str, source: Path | bytes) -> tuple[Callable[[], BinaryIO], int | None]:
    """What opens the bytes, and the most there may be."""
    if isinstance(source, bytes):
        size, start = len(source), source[:2]
    else:
        try:
            with source.open("rb") as file:
                start = file.read(2)
                size = file.seek(0, io.SEEK_END)
        except OSError as error:
            raise DataError(
                f"{name}: cannot be read ({error.strerror}); pass a CSV file"
            ) from error

    def plain() -> BinaryIO:
        return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")

    if start != _GZIP:
        return plain, None

    def unpacked() -> BinaryIO:
        return cast(BinaryIO, gzip.open(plain() if isinstance(source, bytes) else source))

    return unpacked, most_declared(size)


def _check(
    name: str, raw: Callable[[], BinaryIO], encoding: str, most: int | None
) -> _Wrong | None:
    """Read all bytes once: None if they are text, without characters that do not belong there."""
    decoder = codecs.getincrementaldecoder(encoding)()
    single = "a,\n".encode(encoding) in (b"a,\n", b"\xef\xbb\xbfa,\n")
    ascii_only, before = True, 0
    for piece in _pieces(name, raw, most):
        try:
            text = decoder.decode(piece)
        except UnicodeError:
            valid = piece.decode(encoding, "ignore")
            return _Wrong(not (ascii_only and valid.isascii()))
        ascii_only = ascii_only and text.isascii()
        strange = piece.translate(None, _PLAIN) or "\ufeff" in text if single else True
        control = _CONTROL.search(text) if strange else None
        if control and not re.fullmatch(
            rf"(?:{END})?{END_OF_FILE}\s*", text[max(control.start() - 1, 0) :]
        ):
            refuse(
                name,
                before + count_lines(text[: control.start()]) + 1,
                f"the character {control[0]!r} does not belong in a text file; it is damaged, of "
                "another kind, or several files joined: get it again, or save it as UTF-8",
            )
        before += text.count("\n") or text.count("\r")
    try:
        decoder.decode(b"", final=True)
    except UnicodeError:
        return _Wrong(not ascii_only)
    return None


def _pieces(name: str, raw: Callable[[], BinaryIO], most: int | None) -> Iterator[bytes]:
    size = 0
    try:
        with raw() as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if most is not None and size > most:
                    raise DataError(
                        f"{name}: it unpacks to more than {most:,} bytes, as no table does that "
                        "gzip makes so small; unpack it with gunzip if it is to be trusted"
                    )
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name}: it is compressed by gzip and damaged ({error}); get it again"
        ) from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); pass a CSV file") from error


def _refuse_byte(name: str, data: bytes, encoding: str) -> NoReturn:
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        label = encoding.removesuffix("-sig").upper()
        refuse(
            name,
            count_lines(error.object[: error.start].decode("latin-1")) + 1,
            f"the byte 0x{error.object[error.start]:02x} is not {label}; "
            "save it as UTF-8, or name its encoding (--encoding cp1252)",
        )
    raise DataError(f"{name}: it is not {encoding}; name its encoding (--encoding)")
