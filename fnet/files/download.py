"""A pinned file from the network: whole and the one that was meant, or not there at all."""

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

TIMEOUT = 30.0  # seconds without a byte, after which a connection is given up
PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each new try; a try that brings bytes starts over
PIECE = 1 << 18
BUSY = (408, 429)  # of the 4xx, those that pass by themselves

Progress = Callable[[int, int], None]  # bytes so far, of how many


class _Broken(Exception):
    """What ended this try, and need not end the next."""


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
    """The file of `size` bytes and this SHA-256, from `url` unless it already lies at `path`.

    It is written to `path` + ".part", which a later call goes on with, and gets its name once its
    digest is right and it is on the disk: whatever happens, `path` is the whole file or is not
    there. A connection that breaks or stalls, and a server that fails, are tried again from where
    they stopped, with growing pauses. Proxies are those of `https_proxy` and `no_proxy`;
    certificates are checked against the system's, or those of SSL_CERT_FILE. `progress` is called
    with the bytes so far and `size`, first where the download begins.

    Raises DataError where the file cannot be had, is another one, cannot be written, or is being
    downloaded by another process; for an address that is not https, or leads to one that is not.
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
            f"{path}: it cannot be written ({error.strerror or error}); free the disk, and the "
            "download goes on where it stopped, or choose another folder"
        ) from error
    return path


def verified(path: Path, sha256: str, size: int) -> Path:
    """The path, if the file there is this one; DataError where it is another."""
    found = path.stat().st_size
    if found != size:
        raise DataError(f"{path}: it has {found} bytes, not {size}; delete it, and get it anew")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise DataError(
            f"{path}: its SHA-256 is {digest}, not {sha256}; delete it, and get it anew"
        )
    return path


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[BufferedRandom]:
    """The partial file, for this process alone; the system frees it when the process ends."""
    while True:
        with open(path, "r+b", opener=_made) as file:
            _lock(file, path)
            if _is_at(path, file):  # else it got its name, or was deleted, before the lock was ours
                yield file
                return


def _made(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT, 0o666)


def _is_at(path: Path, file: BufferedRandom) -> bool:
    return path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno()))


def _lock(file: BufferedRandom, path: Path) -> None:
    if sys.platform == "win32":  # there two processes write the same bytes to the same places
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(
            f"{path}: another process is downloading it; wait until that has ended"
        ) from None


def _complete(url: str, part: BufferedRandom, sha256: str, size: int, progress: Progress) -> None:
    """Bring the partial file to its size, and see that it is the right one."""
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
        begun = 0  # what an earlier process left was wrong: once more, from the first byte
    Path(part.name).unlink()
    raise DataError(
        f"{url}: the SHA-256 of what came is {digest}, and must be {sha256}; it is deleted. Try "
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
                    f"{url}: {error}, also after {failures} more tries, with "
                    f"{_length(part)} of {size} bytes here; look to the network or the "
                    "mirror, and call again: the download goes on where it stopped"
                ) from error
            time.sleep(PAUSES[failures])
            failures += 1


def _append(url: str, part: BufferedRandom, start: int, size: int, progress: Progress) -> None:
    """One connection: what it gives from byte `start` on, and never more than is wanted."""
    with _opened(url, start) as response:
        if response.status != 206:
            start = 0  # the server gives the whole of it
        elif not _continues(response.headers.get("Content-Range"), start, size):
            part.truncate(0)  # and the next try asks for the whole
            raise _Broken("the server gave another part than it was asked for")
        if response.length not in (None, size - start):
            raise DataError(
                f"{url}: {response.length} bytes are offered where {size - start} are wanted; it "
                "is another file: look to the mirror, or to a page that asks to log in"
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
    """The answer to a request; _Broken where it may be another one the next time."""
    headers = {"User-Agent": "fnet"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = urllib.request.Request(url, headers=headers)
        return urllib.request.build_opener(_HttpsOnly).open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500 or error.code in BUSY:
            raise _Broken(f"the server answers {_words(error.code)}") from error
        raise DataError(
            f"{url}: the server answers {_words(error.code)}; look to the address"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DataError(
                f"{url}: its certificate is not to be trusted ({reason.verify_message}); if it is "
                "that of your own network, name its authority by SSL_CERT_FILE"
            ) from error
        raise _Broken(f"no answer ({reason})") from error
    except ValueError as error:
        raise DataError(f"{url}: it is no address ({error})") from error


def _words(code: int) -> str:
    return f"{code} ({http.client.responses.get(code, 'which is no known status')})"


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
        raise DataError(f"{given}: only https is downloaded from; give an address that is")
