"""The members of a tar archive, as headers tell them; nothing is written."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from fnet.errors import DataError

PIECE = 2**18
BLOCK = 512  # an archive is made of such
KINDS = {
    b"\0": "file",
    b"0": "file",
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "pipe",
    b"g": "header",  # of four kinds that say more about the next member: no name that is
    b"x": "header",  # expected needs one
    b"K": "header",
    b"L": "header",
    b"S": "sparse file",
}


class Stream(Protocol):
    """What is read from its begin to its end."""

    def read(self, size: int, /) -> bytes: ...


class Member(NamedTuple):
    """A name, what it is ("file", "directory", "symbolic link", ...), and what it holds."""

    name: str
    kind: str
    pieces: Iterator[bytes]


def tar_members(stream: Stream) -> Iterator[Member]:
    """Each member in turn; its pieces are read before the next. DataError for what is no tar."""
    while any(block := _exactly(stream, BLOCK)):
        name, kind, size = _header(block)
        pieces = _pieces(stream, size)
        yield Member(name, kind, pieces)
        for _ in pieces:  # what nobody wanted
            continue
        _exactly(stream, -size % BLOCK)
    for rest in to_end(stream):
        if any(rest):
            raise DataError("it does not end where it says; get it anew")


def _header(block: bytes) -> tuple[str, str, int]:
    """The name, the kind and the size of the member that begins with this block of a tar."""
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if _octal(block[148:156]) != total:
        raise DataError("it is damaged, or no .tar, .tar.gz or .zip; get it anew")
    name = _string(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _string(block[345:500])):
        name = f"{prefix}/{name}"
    kind = KINDS.get(block[156:157], f"member of kind {block[156:157]!r}")
    if kind == "directory" or (kind == "file" and name.endswith("/")):
        return name, "directory", 0  # whatever its size is said to be
    return name, kind, _octal(block[124:136])


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0") or b"0"
    if digits.translate(None, b"01234567"):
        raise DataError("a number in it is none; it is damaged, or no .tar, .tar.gz or .zip")
    return int(digits, 8)


def _string(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _exactly(stream: Stream, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise DataError("it ends too early; get it anew")
    return content


def _pieces(stream: Stream, size: int) -> Iterator[bytes]:
    while size > 0:
        piece = _exactly(stream, min(PIECE, size))
        size -= len(piece)
        yield piece


def to_end(stream: Stream) -> Iterator[bytes]:
    """The rest of a stream, in pieces."""
    while piece := stream.read(PIECE):
        yield piece
