"""How many scans a JPEG has: each takes a decoder as long as the whole image does.

Source: ITU-T T.81, annex B.
"""

import re

START = b"\xff\xd8\xff"
END_OF_IMAGE, START_OF_SCAN, FIRST_KNOWN = 0xD9, 0xDA, 0xC0
# What may stand in a scan is no marker: a byte FF (followed by 0), a restart (D0 to D7).
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)


def scans(content: bytes) -> int:
    """The scans of the first image in a file, not those of the previews in its segments."""
    count, place = 0, 2
    while (found := MARKER.search(content, place)) and (kind := found[1][0]) != END_OF_IMAGE:
        count += kind == START_OF_SCAN
        place = found.end()
        if kind >= FIRST_KNOWN:  # it has a segment, which says how long it is
            place += int.from_bytes(content[place : place + 2], "big")
    return count
