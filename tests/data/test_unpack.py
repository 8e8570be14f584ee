import io
import os
import stat
import tarfile

import pytest

from fnet.errors import DataError
from fnet.files.unpack import unpack
from tests.torture import archives

FILES = {"set/one.bin": bytes(range(256)) * 3000, "set/two.txt": b"airplane\ncat\n"}
MEMBERS = {"set/one.bin": 768_000, "set/two.txt": 100}


def tar(path, form, files=FILES):
    with tarfile.open(path, "w:gz", format=form) as archive:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in {**files, "set/readme.html": b"<html>"}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1.5  # a fraction, for which pax adds a header
            archive.addfile(info, io.BytesIO(content))
    return path


FORMS = {"gnu": tarfile.GNU_FORMAT, "ustar": tarfile.USTAR_FORMAT, "pax": tarfile.PAX_FORMAT}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("made", [False, True])
def test_the_files_that_are_expected_and_no_others(tmp_path, form, made):
    folder = tmp_path / "deep" / "set"
    if made:
        folder.mkdir(parents=True)
    unpack(tar(tmp_path / "a", FORMS[form]), folder, MEMBERS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "one.bin": FILES["set/one.bin"],
        "two.txt": FILES["set/two.txt"],
    }
    assert [path.name for path in folder.parent.iterdir()] == ["set"]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o111 == 0 for path in folder.iterdir())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({**MEMBERS, "set/three": 1}, "it has no set/three; get it again"),
        ({**MEMBERS, "set/two.txt": 12}, r"'set/two\.txt' has more than 12 bytes"),
        ({**MEMBERS, "set": 12}, "'set' is not a regular file"),
    ],
)
def test_what_is_not_as_expected(tmp_path, form, members, message):
    path = tar(tmp_path / "a", FORMS[form])
    with pytest.raises(DataError, match=message) as caught:
        unpack(path, tmp_path / "set", members)
    assert str(caught.value).startswith(f"{path}: ")
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_damage_is_reported(tmp_path):
    path = tar(tmp_path / "a", tarfile.GNU_FORMAT)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"a: it is damaged, or not a \.tar\.gz \(.*\); get it again"
    ):
        unpack(path, tmp_path / "set", MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_a_folder_that_is_not_empty_stays_as_it_is(tmp_path):
    path = tar(tmp_path / "a", tarfile.GNU_FORMAT)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("mine")
    for folder in (tmp_path / "set", path):
        with pytest.raises(DataError, match="already exists; choose a folder"):
            unpack(path, folder, MEMBERS)
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["a", "mine", "set"]


def test_no_archive_and_no_room(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"none: cannot be unpacked to .*No such file"):
        unpack(tmp_path / "none", tmp_path / "set", MEMBERS)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    path = tar(tmp_path / "a", tarfile.GNU_FORMAT)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot be unpacked to .*No space left"):
        unpack(path, tmp_path / "set", MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_what_a_killed_process_of_this_number_left_is_in_nobodys_way(tmp_path):
    left = tmp_path / f".set.{os.getpid()}.tmp"
    left.mkdir()
    (left / "one.bin").write_bytes(b"half")
    unpack(tar(tmp_path / "a", tarfile.GNU_FORMAT), tmp_path / "set", MEMBERS)
    assert sorted(os.listdir(tmp_path)) == ["a", "set"]  # noqa: PTH208


CRAFTED = {
    "a link before its file": r"'set/one\.bin' is not a regular file; do not trust it",
    "a hard link before its file": "is not a regular file",
    "a file of kind b'3'": "is not a regular file",
    "a file of kind b'S'": "is not a regular file",
    "a file of kind b'Z'": "is not a regular file",
    "a file twice": r"'set/one\.bin' is there twice",
    "a size of 8 GiB": "claims to have 8,589,934,591 bytes",
    "a size in base 256": "claims to have 8,589,934,592 bytes",
    "a size below zero": "claims to have -1 bytes",
    "a header that names": r"it has no set/one\.bin",
    "a wrong sum": r"it is damaged, or not a \.tar\.gz",
    "half of it": "it is damaged",
    "bytes that nobody asked for": "claims to have 67,108,864 bytes",
    "a header of far too many": "far more than it should",
    "an end of far too many": "far more than it should",
    "a wrong CRC-32": r"it is damaged, or not a \.tar\.gz \(CRC check failed",
    "a stream with something behind it": "it is damaged",
    "text": r"not a \.tar\.gz",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_why_an_archive_is_refused(tmp_path, name, monkeypatch):
    monkeypatch.setattr(
        archives, "BIG", 64 * 2**20
    )  # less than torture takes, as it lies in memory
    made = dict(archives.tars())
    (tmp_path / "a").write_bytes(made[name]())
    with pytest.raises(DataError, match=CRAFTED[name]):
        unpack(tmp_path / "a", tmp_path / "set", archives.MEMBERS)
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_no_name_of_an_archive_reaches_the_disk(tmp_path):
    made = dict(archives.tars())
    for number, name in enumerate(name for name in made if name.startswith("the name ")):
        (tmp_path / "a").write_bytes(made[name]())
        unpack(tmp_path / "a", tmp_path / "deep" / f"set {number}", archives.MEMBERS)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "a", "one.bin", "two.txt", "none"
    }  # fmt: skip
