"""The text of a table: which encoding its bytes have, and whether they are text at all."""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, TextIO

from fnet.errors import ConfigurationError, DataError
from fnet.files.compressed import Packed, packed

_FRAME = "and pass csv_table the DataFrame, or save that by to_csv('table.csv', index=False)"
_KINDS = {  # other files mistaken for tables, by their first bytes in lower case
    b"\xd0\xcf\x11\xe0": "an .xls; export it from the spreadsheet as CSV UTF-8",
    b"par1": f"a Parquet file; read it with pandas.read_parquet, {_FRAME}",
    b"<!doctype": "a web page; get the table itself, often behind a link named raw or download",
    b"<table": f"a web page; read it with pandas.read_html, {_FRAME}",
    b"@relation": f"ARFF; read it with scipy.io.arff.loadarff and pandas.DataFrame, {_FRAME}",
    b"<html": "a web page; get the table itself, often behind a link named raw or download",
}
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_ZIP = (
    "a zip archive, such as .xlsx; export it from the spreadsheet as CSV UTF-8, or if it holds "
    "tables, unpack it and pass one"
)
END = r"\r\n|\r|\n"  # of a line
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")
_PLAIN = bytes(code for code in range(256) if not _CONTROL.match(chr(code)))
END_OF_FILE = "\x1a"  # in DOS
_PIECE = 2**20  # bytes checked at once


class Text(NamedTuple):
    """A text that can be opened again and again; `name` stands for it in messages.

    `backslashes`: whether one stands before a quote somewhere.
    """

    name: str
    raw: Callable[[], BinaryIO]
    encoding: str
    decisions: tuple[str, ...]
    backslashes: bool = False

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
    beyond ASCII is UTF-8, Windows-1252. What gzip, bzip2, xz or zip made of a file is unpacked
    as it is read.
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
    file = opened(name, source)
    raw = file.open
    start = next(pieces(name, file), b"")[:16]
    for first, kind in _KINDS.items():
        if start.lstrip().lower().startswith(first):
            raise DataError(f"{name}: it is not CSV but {kind}")
    marked = next((kind for mark, kind in _MARKS.items() if start.startswith(mark)), None)
    chosen = encoding or marked or "utf-8"
    if chosen.lower().replace("_", "-") in ("utf-8", "utf8") and marked == "utf-8-sig":
        chosen = "utf-8-sig"
    said = ("encoding UTF-16, by its mark (--encoding)",) if chosen == marked == "utf-16" else ()
    found = _check(name, file, chosen)
    if not found.wrong:
        return Text(name, raw, chosen, said, found.backslashes)
    other = None if encoding or marked or found.mixed else _check(name, file, "cp1252")
    if other is None or other.wrong:
        with raw() as stream:
            _refuse_byte(name, stream.read(), chosen)
    said = ("encoding Windows-1252, since it is not UTF-8 (--encoding)",)
    return Text(name, raw, "cp1252", said, other.backslashes)


def refuse(name: str, line: int, what: str) -> NoReturn:
    """Raise DataError about a line."""
    raise DataError(f"{name}, line {line}: {what}")


def count_lines(text: str) -> int:
    """How many lines end in this text."""
    return len(re.findall(END, text))


class _Found(NamedTuple):
    """Whether bytes are `wrong` in an encoding, and then others beyond ASCII are not: `mixed`."""

    wrong: bool = False
    mixed: bool = False
    backslashes: bool = False  # one before a quote


def opened(name: str, source: Path | bytes) -> Packed:
    """What opens the bytes, and the most there may be."""
    try:
        return packed(source)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); pass a CSV file") from error


def _check(name: str, file: Packed, encoding: str) -> _Found:
    """Read all bytes once; DataError for characters that do not belong in a text."""
    decoder = codecs.getincrementaldecoder(encoding)()
    single = "a,\n".encode(encoding) in (b"a,\n", b"\xef\xbb\xbfa,\n")
    ascii_only, before, backslashes, last = True, 0, False, ""
    for piece in pieces(name, file):
        try:
            text = decoder.decode(piece)
        except UnicodeError:
            valid = piece.decode(encoding, "ignore")
            return _Found(True, not (ascii_only and valid.isascii()))
        ascii_only = ascii_only and text.isascii()
        backslashes = backslashes or '\\"' in text or (last + text[:1]) == '\\"'
        last = text[-1:]
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
        return _Found(True, not ascii_only)
    return _Found(backslashes=backslashes)


def pieces(name: str, file: Packed) -> Iterator[bytes]:
    """All bytes, a piece at a time; DataError for what is damaged, or unpacks to far too much."""
    size = 0
    try:
        with file.open() as stream:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if file.most is not None and size > file.most:
                    raise DataError(
                        f"{name}: it unpacks to more than {file.most:,} bytes, as no table does "
                        f"that {file.by} makes so small; unpack it first if it is to be trusted"
                    )
                yield piece
    except DataError as error:
        if file.by != "zip" or size:
            raise
        raise DataError(f"{name}: it is not CSV but {_ZIP} ({error})") from None
    except Exception as error:  # damage may raise any exception
        reason = error.strerror if isinstance(error, OSError) else None
        if not file.by and not reason:
            raise
        what = f"it is compressed by {file.by} and damaged ({error}); get it again"
        raise DataError(
            f"{name}: cannot be read ({reason}); pass a CSV file" if reason else f"{name}: {what}"
        ) from error


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
