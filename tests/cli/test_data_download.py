"""`fnet data download`: a small set in place of CIFAR-10, from a local server."""

import re

import pytest

from fnet.cli import data as command
from fnet.cli import main
from fnet.data import sets
from fnet.files import download
from tests.https_server import Fault, serving
from tests.torture.downloads import FILES, PACKED, PINNED


@pytest.fixture
def server(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(sets, "CIFAR10", (PINNED, PINNED._replace(name="other.tar.gz")))
    monkeypatch.setattr(download, "PAUSES", (0.0,))
    with serving(PACKED, tmp_path_factory.mktemp("authority")) as server:
        monkeypatch.setenv("FNET_MIRROR", f"{server.url}/mirror/")
        yield server


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*words):
        status = main(["data", "download", "cifar10", *words])
        return status, *capsys.readouterr()

    return call


def check(folder):
    assert {path.name: path.read_bytes() for path in (folder / "batches").iterdir()} == FILES


def test_a_set_comes_once_and_is_found_then(server, call, tmp_path):
    report = "verified   shelf: CIFAR-10, as published\nnext       fnet train --data shelf\n"
    assert call("shelf") == (0, "download   1 MB\n" + report, "")
    check(tmp_path / "shelf")
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == ["batches"]
    assert call("shelf") == (0, report, "")
    assert server.asked == [None]


def test_the_cache_is_where_it_goes(server, call, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    status, out, _ = call()
    assert status == 0
    assert out.endswith(f"fnet train --data {tmp_path}/cache/fnet/cifar10\n")
    check(tmp_path / "cache/fnet/cifar10")


@pytest.mark.parametrize("name", ["set.tar.gz", "other.tar.gz"])
def test_an_archive_that_lies_there_needs_no_network_and_stays(server, call, tmp_path, name):
    (tmp_path / name).write_bytes(PACKED)
    assert call(".")[0] == 0
    check(tmp_path)
    assert (tmp_path / name).read_bytes() == PACKED
    assert server.asked == []


def test_an_archive_that_is_another(server, call, tmp_path):
    (tmp_path / "set.tar.gz").write_bytes(PACKED[:-1] + b"?")
    status, out, err = call(".")
    assert (status, out) == (2, "")
    assert re.fullmatch(r"fnet: set\.tar\.gz: its SHA-256 is .*, not .*; delete it.*\n", err)
    assert server.asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["set.tar.gz"]


def test_a_download_that_ends_early_goes_on(server, call, tmp_path):
    server.faults = [Fault("cut short", 30_000), Fault("404")]
    status, out, err = call("shelf")
    assert (status, out) == (2, "download   1 MB\n")
    assert re.fullmatch(rf"fnet: {server.url}/mirror/set\.tar\.gz: .*404 \(Not Found\).*\n", err)
    assert not (tmp_path / "shelf/batches").exists()
    assert call("shelf")[0] == 0
    check(tmp_path / "shelf")
    assert server.asked == [None, "bytes=30000-", "bytes=30000-"]


def test_a_corrupted_set_is_not_unpacked(server, call, tmp_path):
    server.faults = [Fault("corrupt", 30_000)]
    status, _, err = call("shelf")
    assert status == 2
    assert f"instead of {PINNED.sha256}" in err
    assert list((tmp_path / "shelf").iterdir()) == []


def test_the_bar_of_who_watches(server, call, monkeypatch):
    monkeypatch.setattr(command, "interactive", lambda: True)
    status, out, _ = call("shelf")
    assert status == 0
    assert re.search(r"\n\S+ 60\d\.\d/60\d\.\d kB 0:00:00", out), out


def test_a_mirror_must_be_https(call, monkeypatch, tmp_path):
    monkeypatch.setenv("FNET_MIRROR", "http://localhost/mirror")
    status, _, err = call("shelf")
    assert status == 2
    assert "http://localhost/mirror/cifar-10-binary.tar.gz: only https" in err


@pytest.mark.parametrize("words", [["file"], ["file/below"]])
def test_a_folder_that_cannot_be(server, call, tmp_path, words):
    (tmp_path / "file").write_text("")
    status, out, err = call(*words)
    assert (status, out) == (2, "")
    assert "cannot be written" in err
    assert len(err.splitlines()) == 1


def test_the_pins_are_those_of_the_published_archives():
    """As on https://www.cs.toronto.edu/~kriz/cifar.html and in other libraries' loaders."""
    binary, python = sets.CIFAR10
    assert (binary.name, binary.size) == ("cifar-10-binary.tar.gz", 170_052_171)
    assert binary.sha256.startswith("c4a38c50a1bc5f3a1c5537f2155ab9d6")
    assert (python.name, python.size) == ("cifar-10-python.tar.gz", 170_498_071)
    assert python.sha256.startswith("6d958be074577803d12ecdefd02955f3")
    assert len(binary.files) == len(python.files) == 7


def test_help_tells_of_archives_mirrors_and_proxies(capsys):
    with pytest.raises(SystemExit):
        main(["data", "download", "--help"])
    out = capsys.readouterr().out
    assert all(word in out for word in ("FNET_MIRROR", "https_proxy", "USB", "SSL_CERT_FILE"))
