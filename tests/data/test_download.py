import contextlib
import hashlib
import http.server
import os
import select
import socket
import threading

import numpy as np
import pytest

from fnet.errors import DataError
from fnet.files import download as module
from fnet.files.download import download
from tests.forked import FORKED
from tests.https_server import LASTING, PASSING, Fault, serving

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 1.0)
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0, 0.0))
    with serving(CONTENT, tmp_path_factory.mktemp("authority")) as server:
        yield server


@pytest.fixture
def get(server, tmp_path):
    def get(url=None, sha256=SHA256, size=300_000, **more):
        return download(url or f"{server.url}/file", tmp_path / "file", sha256, size, **more)

    return get


def check(folder):
    """The file is there, complete, and nothing beside it."""
    assert (folder / "file").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_a_file_comes_once(server, get, tmp_path):
    seen = []
    assert get(progress=lambda *counts: seen.append(counts)) == tmp_path / "file"
    check(tmp_path)
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    get()
    assert server.asked == [None]


@pytest.mark.parametrize("at", [0, 1, 150_000, 299_999])
@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_overcome(server, get, tmp_path, kind, at):
    server.faults = [Fault("cut short", 1000), Fault(kind, at)]
    get()
    check(tmp_path)
    assert server.asked[:2] == [None, "bytes=1000-"]
    if kind == "stalled":  # it would end by itself after a longer wait
        assert len(server.asked) == 3


@pytest.mark.parametrize("kind", LASTING)
@pytest.mark.parametrize("before", [[], [Fault("cut short", 1000)]])
def test_what_lasts_is_told(server, get, tmp_path, kind, before):
    server.faults = [*before, Fault(kind, 2000), Fault(kind, 2000)]
    with pytest.raises(DataError) as caught:
        get()
    words = {
        "corrupt": ["SHA-256", SHA256, "deleted"],
        "404": ["404 (Not Found)", "check the address"],
        "403": ["403 (Forbidden)"],
        "to http": ["only https", "http://localhost"],
        "shorter file": ["a different file", "299999"],
        "longer file": ["a different file", "300004"],
        "in circles": ["302"],
    }[kind]
    message = str(caught.value)
    assert all(word in message for word in [server.url, *words]), message
    assert "\n" not in message
    assert not (tmp_path / "file").exists()
    if kind in ("corrupt", "403", "404", "to http"):  # at once
        assert len(server.asked) == len(before) + 1
    server.faults = []
    get()
    check(tmp_path)


def test_a_server_that_stays_down_is_told_after_some_tries(server, get, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(module, "PAUSES", (1.0, 2.0, 4.0))
    monkeypatch.setattr(module.time, "sleep", pauses.append)
    server.faults = [Fault("cut short", 700), *[Fault("500")] * 9]
    with pytest.raises(DataError, match=r"500 \(Internal Server Error\), even after 3 more tries"):
        get()
    assert pauses == [1, 2, 4]
    assert server.asked == [None, *["bytes=700-"] * 3]
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:700]


def test_a_try_that_brings_bytes_starts_the_count_over(server, get, tmp_path):
    server.faults = [
        fault for at in range(1, 9) for fault in (Fault("cut short", at), Fault("500"))
    ]
    get()
    check(tmp_path)


def test_a_server_without_ranges_that_always_breaks_ends_too(server, get):
    server.faults = [Fault("cut short", 700), Fault("wrong range", 7)] * 20
    with pytest.raises(DataError, match="3 more tries"):
        get()


@pytest.mark.parametrize("left", [b"", CONTENT[:5], CONTENT[:-1], CONTENT])
def test_what_an_earlier_process_left_is_gone_on_with(server, get, tmp_path, left):
    (tmp_path / "file.part").write_bytes(left)
    get()
    check(tmp_path)
    asked = {0: [None], len(CONTENT): []}.get(len(left), [f"bytes={len(left)}-"])
    assert server.asked == asked


@pytest.mark.parametrize(
    "left", [b"wrong", bytes(300_000), CONTENT + b"more", CONTENT[:200_000] + bytes(50)]
)
def test_what_an_earlier_process_left_wrong_is_fetched_anew(get, tmp_path, left):
    (tmp_path / "file.part").write_bytes(left)
    get()
    check(tmp_path)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT[:-1] + b"?", CONTENT + b"?"])
def test_another_file_of_that_name_is_left_and_told(server, get, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match="delete it, and get it again") as caught:
        get()
    assert str(tmp_path / "file") in str(caught.value)
    assert (tmp_path / "file").read_bytes() == content
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://localhost/file", "file:///etc/passwd", "ftp://a/b", ""])
def test_only_https(tmp_path, url):
    with pytest.raises(DataError, match="only https"):
        download(url, tmp_path / "file", SHA256, 3)
    assert not list(tmp_path.iterdir())


def test_an_address_that_is_none(tmp_path):
    with pytest.raises(DataError, match="it is not an address"):
        download("https://[oh/file", tmp_path / "file", SHA256, 3)


def test_nobody_there(server, get):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(DataError, match=r"no answer .*refused.*3 more tries, with 0 of 300000"):
            get(f"https://localhost:{unused.getsockname()[1]}/file")


def test_a_certificate_of_nobody_known_is_told_at_once(tmp_path):
    with serving(CONTENT, tmp_path, trusted=False) as server:
        with pytest.raises(DataError, match=r"certificate cannot be trusted.*SSL_CERT_FILE"):
            download(f"{server.url}/file", tmp_path / "file", SHA256, len(CONTENT))
        assert server.asked == []


def test_a_certificate_of_another_name_is_told_at_once(server, get):
    with pytest.raises(DataError, match="certificate cannot be trusted"):
        get(f"https://127.0.0.1:{server.server_port}/file")


def test_a_full_disk_keeps_what_came(server, get, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "fsync", full)
        with pytest.raises(DataError, match=r"cannot be written \(No space left on device\)"):
            get()
    assert not (tmp_path / "file").exists()
    get()
    check(tmp_path)
    assert len(server.asked) == 1


def test_a_folder_in_its_place(get, tmp_path):
    (tmp_path / "file.part").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        get()


def _download(url, path, environment, answers):
    os.environ.update(environment)  # the fork server may be older than the variables
    try:
        answers.put(str(download(url, path, SHA256, len(CONTENT))))
    except DataError as error:
        answers.put(str(error))


def test_two_processes_at_once(server, tmp_path):
    """One downloads the file; the others report that it is in progress, or find it."""
    answers = FORKED.SimpleQueue()
    server.slow = 0.01
    words = (f"{server.url}/file", tmp_path / "file", dict(os.environ), answers)
    processes = [FORKED.Process(target=_download, args=words) for _ in range(3)]
    for process in processes:
        process.start()
    reports = sorted(answers.get() for _ in processes)
    for process in processes:
        process.join()
        process.close()
    answers.close()
    check(tmp_path)
    path = str(tmp_path / "file")
    assert path in reports
    assert all(report == path or "another process" in report for report in reports)


def test_a_part_that_gets_its_name_before_it_is_claimed(server, get, tmp_path, monkeypatch):
    """Another process finishes between our opening its partial file and our locking it."""
    real, part = module._lock, tmp_path / "file.part"

    def late(file, path):
        if not (tmp_path / "file").exists():
            part.write_bytes(CONTENT)
            part.rename(tmp_path / "file")
        real(file, path)

    monkeypatch.setattr(module, "_lock", late)
    get()
    check(tmp_path)
    assert server.asked == []


class _Proxy(http.server.BaseHTTPRequestHandler):
    """Connects a client to the host that it names."""

    def log_message(self, *words):
        pass

    def do_CONNECT(self):
        self.server.asked.append(self.path)
        host, port = self.path.split(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            pair = {self.connection: there, there: self.connection}
            while pair:
                for end in select.select(list(pair), [], [])[0]:
                    if not (data := end.recv(1 << 16)):
                        return
                    pair[end].sendall(data)


@contextlib.contextmanager
def proxy():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_proxy_of_the_environment(server, get, tmp_path, monkeypatch):
    with proxy() as between:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{between.server_port}")
        monkeypatch.delenv("no_proxy")
        assert not os.environ.get("NO_PROXY")
        get()
    check(tmp_path)
    assert between.asked == [f"localhost:{server.server_port}"]
