"""A pinned file from the network: complete and the right one, or not there at all."""

import contextlib
import hashlib
import http.client
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

from fnet.errors import DataError
from fnet.files.writing import sync_directory

TIMEOUT = 30.0  # seconds without a byte before a connection is abandoned
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each retry; from the first again after progress
PIECE = 1 << 18
BUSY = (408, 429)  # the 4xx that pass by themselves

Progress = Callable[[int, int], None]  # bytes so far, and in all


class _Broken(Exception):
    """What ended this attempt, but need not end the next."""


class _HttpsOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, url: str
    ) -> Any:
        with contextlib.closing(fp):
            _check_https(url, f"{req.full_url}, which leads to {url}")
        return super().redirect_request(req, fp, code, msg, headers, url)


def download(
    url: str,
    path: str | os.PathLike[str],
    sha256: str,
    size: int,
    progress: Progress | None = None,
) -> Path:
    """Download the file of `size` bytes and this SHA-256 to `path`, unless it is there already.

    It is written to `path` + ".part", which a later call resumes, and renamed once its digest is
    right and it is on the disk: whatever happens, `path` is the whole file or does not exist. When
    a connection breaks or stalls, or the server fails, it resumes after growing pauses. Proxies are
    those of `https_proxy` and `no_proxy`; certificates are checked against the system's, or those
    of SSL_CERT_FILE. `progress` is called with the bytes so far and `size`, first at the start.

    Raises DataError if the file is unavailable, is a different one, cannot be written, or is being
    downloaded by another process; and for an address that is not https or redirects to one that is
    not.
    """
    path = Path(path)
    _check_https(url, url)
    try:
        if path.exists():
            return verified(path, sha256, size)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _claimed(path.with_name(path.name + ".part")) as part:
            if path.exists():  # another process has just finished it
                Path(part.name).unlink()
                return verified(path, sha256, size)
            _complete(url, part, sha256, size, progress or (lambda done, total: None))
            os.fsync(part.fileno())
            if sys.platform == "win32":  # where a file that is open cannot be renamed
                part.close()
            Path(part.name).replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise DataError(
            f"{path}: it cannot be written ({error.strerror or error}); free disk space and call "
            "again to resume the download, or choose another folder"
        ) from error
    return path


def verified(path: Path, sha256: str, size: int) -> Path:
    """The path, if the file there has this size and SHA-256; else DataError."""
    length = path.stat().st_size
    if length != size:
        raise DataError(f"{path}: it has {length} bytes, not {size}; delete it, and get it again")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise DataError(
            f"{path}: its SHA-256 is {digest}, not {sha256}; delete it, and get it again"
        )
    return path


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[BufferedRandom]:
    """The partial file, locked for this process until it ends."""
    while True:
        with open(path, "r+b", opener=_made) as file:
            _lock(file, path)
            if _is_at(path, file):  # else it was renamed or deleted before we had the lock
                yield file
                return


def _made(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _is_at(path: Path, file: BufferedRandom) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))


def _lock(file: BufferedRandom, path: Path) -> None:
    if sys.platform == "win32":  # two processes write the same bytes to the same places there
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            f"{path}: another process is downloading it; wait for that to end"
        ) from None


def _complete(url: str, part: BufferedRandom, sha256: str, size: int, progress: Progress) -> None:
    """Complete the partial file, and verify its digest."""
    begun = _length(part)
    while True:
        _fetch(url, part, size, progress)
        part.seek(0)
        digest = hashlib.file_digest(part, "sha256").hexdigest()
        if digest == sha256:
            return
        part.truncate(0)
        if not begun:
            break
        begun = 0  # what an earlier process left was wrong: start again, once
    Path(part.name).unlink()
    raise DataError(
        f"{url}: the SHA-256 of the download is {digest} instead of {sha256}; it was deleted. Try "
        "again, or another mirror; something on the way may have changed it"
    )


def _fetch(url: str, part: BufferedRandom, size: int, progress: Progress) -> None:
    """Append to the partial file until it has its size."""
    failures, furthest = 0, _length(part)
    progress(furthest, size)
    while (start := _length(part)) < size:
        try:
            _append(url, part, start, size, progress)
        except _Broken as error:
            failures = 0 if _length(part) > furthest else failures
            furthest = max(furthest, _length(part))
            if failures == len(PAUSES):
                raise DataError(
                    f"{url}: {error}, even after {failures} more tries, with "
                    f"{_length(part)} of {size} bytes here; check the network or the "
                    "mirror, and call again to resume the download"
                ) from error
            time.sleep(PAUSES[failures])
            failures += 1


def _append(url: str, part: BufferedRandom, start: int, size: int, progress: Progress) -> None:
    """Append what one connection sends from byte `start` on, and never more than is wanted."""
    with _opened(url, start) as response:
        if response.status != 206:
            start = 0  # the server sends the whole file
        elif not _continues(response.headers.get("Content-Range"), start, size):
            part.truncate(0)  # the next try asks for the whole file
            raise _Broken("the server sent a different part than was asked for")
        if response.length not in (None, size - start):
            raise DataError(
                f"{url}: {response.length} bytes are offered where {size - start} are wanted; it "
                "is a different file: check the mirror, or whether a page asks you to log in"
            )
        part.seek(start)
        while start < size and (piece := _read(response, min(PIECE, size - start))):
            start += part.write(piece)
            progress(start, size)
    part.flush()
    if start < size:
        raise _Broken("the connection ended early")


def _continues(content_range: str | None, start: int, size: int) -> bool:
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", content_range or "")
    return match is not None and int(match[1]) == start and match[2] in ("*", str(size))


def _opened(url: str, start: int) -> Any:
    """The response to a request; _Broken if another attempt may succeed."""
    headers = {"User-Agent": "fnet"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.build_opener(_HttpsOnly).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500 or error.code in BUSY:
            raise _Broken(f"the server answers {_status(error.code)}") from error
        raise DataError(
            f"{url}: the server answers {_status(error.code)}; check the address"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DataError(
                f"{url}: its certificate cannot be trusted ({reason.verify_message}); if it "
                "belongs to your own network, set SSL_CERT_FILE to its authority"
            ) from error
        raise _Broken(f"no answer ({reason})") from error
    except ValueError as error:
        raise DataError(f"{url}: it is not an address ({error})") from error


def _status(code: int) -> str:
    return f"{code} ({http.client.responses.get(code, 'an unknown status')})"


def _read(response: Any, most: int) -> bytes:
    try:
        piece: bytes = response.read1(most)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke ({error})") from error
    return piece


def _length(file: BufferedRandom) -> int:
    return file.seek(0, os.SEEK_END)


def _check_https(url: str, given: str) -> None:
    if not url.lower().startswith("https://"):
        raise DataError(f"{given}: only https is supported; give an https address")
