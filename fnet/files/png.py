"""A PNG verified before it is decoded: lengths, CRCs, size and rows.

Source: W3C, Portable Network Graphics (third edition), sections 5, 7.2, 8 and 11.
"""

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Of each pass of Adam7: first column and row, and the steps between columns and rows.
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND")  # chunks that determine pixels
SMALL, PIECE = 2**20, 2**16  # bytes inflated at once, and per piece if there are more


class Header(NamedTuple):
    """Size in pixels, bits per channel, colour type, and whether rows are interlaced."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool


def header(content: bytes) -> Header:
    """The header of a PNG, before anything else is read. Raises ValueError."""
    first = content[8:33]
    if len(first) < 25 or first[:8] != b"\0\0\0\rIHDR":
        raise ValueError("it does not begin with its header, IHDR")
    if zlib.crc32(first[4:21]) != int.from_bytes(first[21:], "big"):
        raise ValueError("the CRC of its header, IHDR, is wrong")
    width, height = (int.from_bytes(first[k : k + 4], "big") for k in (8, 12))
    depth, colour, compression, filtering, interlace = first[16:21]
    known = depth in DEPTHS.get(colour, ()) and (compression, filtering) == (0, 0) and interlace < 2
    if not known or not 0 < width < 2**31 or not 0 < height < 2**31:
        raise ValueError("its header, IHDR, describes no valid PNG")
    return Header(width, height, depth, colour, interlace == 1)


class Verified(NamedTuple):
    """A PNG reduced to the chunks that determine its pixels: those before, of and after the rows.

    A small image's rows are stored without compression, so that they are inflated once.
    """

    before: list[bytes]
    data: list[bytes]
    after: list[bytes]

    @property
    def file(self) -> bytes:
        """The whole PNG."""
        return b"".join([*self.before, *(_chunk(b"IDAT", body) for body in self.data), *self.after])

    @property
    def is_bare(self) -> bool:
        """Whether nothing but the rows determines the pixels: no palette, transparency or turn."""
        return len(self.before) == 2 and len(self.after) == 1  # signature and IHDR; IEND


def verified(content: bytes, head: Header) -> Verified:
    """The PNG without what does not determine its pixels. Raises ValueError if it is damaged.

    The CRC of every chunk is checked, and that the image data inflate to exactly the rows declared
    in the header. Whatever else a decoder would have to handle (compressed text, colour profiles,
    animations) is left out.
    """
    before, data, after, seen = [SIGNATURE], list[bytes](), list[bytes](), dict[bytes, int]()
    for number, (kind, body, whole) in enumerate(_chunks(content)):
        if kind == b"IDAT":
            if data and seen[kind] != number - 1:
                raise ValueError("its image data, IDAT, are interrupted by another chunk")
            data.append(body)
        elif kind[0] & 32 == 0 and kind not in NEEDED:
            raise ValueError(f"it has a critical chunk of an unknown kind, {kind!r}")
        elif kind in seen and kind in NEEDED:
            raise ValueError(f"it has two chunks {kind.decode()}")
        elif kind in (b"PLTE", b"tRNS") and data:
            raise ValueError(f"its chunk {kind.decode()} comes after the image data")
        elif kind in NEEDED:
            (after if data else before).append(whole)
        seen[kind] = number
    if head.colour == 3 and b"PLTE" not in seen:
        raise ValueError("it needs a palette, PLTE, which is missing")
    rows = _rows(head, data)
    return Verified(before, data if rows is None else [rows], after)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content and whole bytes of each chunk, up to IEND."""
    place = len(SIGNATURE)
    while True:
        length = int.from_bytes(content[place : place + 4], "big")
        whole = content[place : place + 12 + length]
        kind = whole[4:8]
        if len(whole) < 12 + length:
            raise ValueError(f"it ends in the middle of the chunk at byte {place}")
        if zlib.crc32(whole[4:-4]) != int.from_bytes(whole[-4:], "big"):
            raise ValueError(f"the CRC of its chunk {kind!r} at byte {place} is wrong")
        yield kind, whole[8:-4], whole
        if kind == b"IEND":
            return
        place += len(whole)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join(
        (len(body).to_bytes(4, "big"), kind, body, zlib.crc32(kind + body).to_bytes(4, "big"))
    )


def _rows(head: Header, data: list[bytes]) -> bytes | None:
    """Verify the image data; if they are small, return them stored without compression."""
    expected, length, kept = _size(head), 0, list[bytes]()
    inflater = zlib.decompressobj()
    try:
        for piece in _inflated(inflater, data, expected + 1 if expected < SMALL else PIECE):
            length += len(piece)
            if expected < SMALL:
                kept.append(piece)
            if length > expected:
                break
    except zlib.error as error:
        raise ValueError(f"its image data cannot be inflated ({error})") from None
    if length != expected or not inflater.eof:
        row = expected // head.height
        raise ValueError(
            f"its image data are {length // row} of {head.height} rows"
            if length < expected and not head.interlaced
            else "its image data are not of the size that its header declares"
        )
    if inflater.unused_data:
        raise ValueError("something follows its image data")
    return zlib.compress(b"".join(kept), 0) if expected < SMALL else None


def _inflated(inflater: Any, data: list[bytes], most: int) -> Iterator[bytes]:
    """The inflated data, in pieces of at most `most` bytes."""
    for body in data:
        for start in range(0, len(body), PIECE):  # the unconsumed tail is copied each time
            piece = body[start : start + PIECE]
            while piece:
                yield inflater.decompress(piece, most)
                piece = inflater.unconsumed_tail
    while not inflater.eof and (piece := inflater.decompress(b"", most)):
        yield piece


def _size(head: Header) -> int:
    """The size of the inflated image data: for each row, a byte for its filter, and its pixels."""
    bits = head.depth * CHANNELS[head.colour]
    passes = ADAM7 if head.interlaced else ((0, 0, 1, 1),)
    total = 0
    for x, y, right, down in passes:
        columns, rows = -(-(head.width - x) // right), -(-(head.height - y) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
