"""The number of scans in a JPEG: a decoder takes as long for each as for a whole image.

Source: ITU-T T.81, annex B.
"""

import re

START = b"\xff\xd8\xff"
END_OF_IMAGE, START_OF_SCAN, FIRST_KNOWN = 0xD9, 0xDA, 0xC0
# Within a scan, a byte FF followed by 0 and a restart (D0 to D7) are not markers.
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)


def scans(content: bytes) -> int:
    """The number of scans of the first image in a file, without those of embedded previews."""
    count, place = 0, 2
    while (marker := MARKER.search(content, place)) and (kind := marker[1][0]) != END_OF_IMAGE:
        count += kind == START_OF_SCAN
        place = marker.end()
        if kind >= FIRST_KNOWN:  # a segment follows, which begins with its length
            place += int.from_bytes(content[place : place + 2], "big")
    return count
