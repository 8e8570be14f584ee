import io
import os
import stat
import tarfile
import zipfile

import pytest

from fnet.errors import DataError
from fnet.files.unpack import unpack
from tests.torture import archives

FILES = {"set/one.bin": bytes(range(256)) * 3000, "set/two.txt": b"airplane\ncat\n"}
MEMBERS = {"set/one.bin": 768_000, "set/two.txt": 100}


def tar(path, mode="w", form=tarfile.GNU_FORMAT, files=FILES):
    with tarfile.open(path, mode, format=form) as archive:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in {**files, "set/readme.html": b"<html>"}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1.5  # of which pax makes a header
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path, method, files=FILES):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("set")
        for name, content in {**files, "set/readme.html": b"<html>"}.items():
            archive.writestr(name, content)
    return path


MAKE = {
    "tar": lambda path: tar(path),
    "tar.gz": lambda path: tar(path, "w:gz"),
    "ustar": lambda path: tar(path, form=tarfile.USTAR_FORMAT),
    "pax": lambda path: tar(path, "w:gz", tarfile.PAX_FORMAT),
    "zip": lambda path: zipped(path, zipfile.ZIP_DEFLATED),
    "zip, stored": lambda path: zipped(path, zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("made", [False, True])
def test_the_files_that_are_expected_and_no_others(tmp_path, kind, made):
    folder = tmp_path / "deep" / "set"
    if made:
        folder.mkdir(parents=True)
    unpack(MAKE[kind](tmp_path / "a"), folder, MEMBERS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "one.bin": FILES["set/one.bin"],
        "two.txt": FILES["set/two.txt"],
    }
    assert [path.name for path in folder.parent.iterdir()] == ["set"]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o111 == 0 for path in folder.iterdir())


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({**MEMBERS, "set/three": 1}, "it has no set/three; get it anew"),
        ({**MEMBERS, "set/two.txt": 12}, r"'set/two\.txt' has more than 12 bytes"),
        ({**MEMBERS, "set": 12}, "'set' is a directory; a file is needed"),
    ],
)
def test_what_is_not_as_expected(tmp_path, kind, members, message):
    path = MAKE[kind](tmp_path / "a")
    with pytest.raises(DataError, match=message) as caught:
        unpack(path, tmp_path / "set", members)
    assert str(caught.value).startswith(f"{path}: ")
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


@pytest.mark.parametrize("kind", ["tar.gz", "zip", "zip, stored"])
def test_a_damaged_file_is_told(tmp_path, kind):
    path = MAKE[kind](tmp_path / "a")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a: it is damaged \(.*\); get it anew"):
        unpack(path, tmp_path / "set", MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path):
    path = MAKE["tar"](tmp_path / "a")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("mine")
    for folder in (tmp_path / "set", path):
        with pytest.raises(DataError, match="there already; choose a folder"):
            unpack(path, folder, MEMBERS)
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["a", "mine", "set"]


def test_no_archive_and_no_room(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"none: cannot be unpacked to .*No such file"):
        unpack(tmp_path / "none", tmp_path / "set", MEMBERS)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = MAKE["tar"](tmp_path / "a")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot be unpacked to .*No space left"):
        unpack(path, tmp_path / "set", MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_what_a_killed_process_of_this_number_left_is_in_nobodys_way(tmp_path):
    left = tmp_path / f".set.{os.getpid()}.tmp"
    left.mkdir()
    (left / "one.bin").write_bytes(b"half")
    unpack(MAKE["tar"](tmp_path / "a"), tmp_path / "set", MEMBERS)
    assert sorted(os.listdir(tmp_path)) == ["a", "set"]  # noqa: PTH208


CRAFTED = {
    "the name ../RAN": r"'\.\./RAN' leads out of it",
    "an absolute name": "leads out of it",
    "a link before its file": r"'set/one\.bin' is a symbolic link; do not trust it",
    "a hard link before its file": "is a hard link",
    "a member of kind b'3'": "is a device",
    "a member of kind b'6'": "is a pipe",
    "a member of kind b'S'": "is a sparse file",
    "a member of kind b'Z'": r"is a member of kind b'Z'",
    "a file twice": r"'set/one\.bin' is there twice",
    "a size of 8 GiB": "has more than 3,000 bytes|ends too early",
    "a size in base 256": "a number in it is none",
    "a wrong sum": "it is damaged, or no .tar",
    "something behind its end": "does not end where it says",
    "no end": "ends too early",
    "20,000 members": "more than 10,000 members",
    "a wrong CRC-32": r"it is damaged \(CRC check failed",
    "a stream with something behind it": "it is damaged",
    "text": "no .tar, .tar.gz or .zip",
    "zip: the name ../RAN": "leads out of it",
    "zip: mode 120000": "is a symbolic link",
    "zip: mode 20000": "is a device",
    "zip: an encrypted file": r"its member 'set/one\.bin' is encrypted",
    "zip: members over each other": "not where or what it should be",
    "zip: a file twice": "two members of one name",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_why_an_archive_is_refused(tmp_path, name):
    made = dict([*archives.tars(), *archives.zips()])
    (tmp_path / "a").write_bytes(made[name]())
    with pytest.raises(DataError, match=CRAFTED[name]):
        unpack(tmp_path / "a", tmp_path / "set", archives.MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


@pytest.mark.parametrize("name", ["bytes that nobody asked for", "a header of far too many"])
def test_a_bomb_is_refused_long_before_its_end(tmp_path, name, monkeypatch):
    monkeypatch.setattr(
        archives, "BIG", 64 * 2**20
    )  # less than torture takes: it is made in memory
    made = dict(archives.tars())
    (tmp_path / "a").write_bytes(made[name]())
    with pytest.raises(DataError, match="far more than it should"):
        unpack(tmp_path / "a", tmp_path / "set", archives.MEMBERS)
