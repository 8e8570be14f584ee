import io
import json
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from fnet.errors import DataError
from fnet.files.npz import read_npz, write_npz

ARRAYS = {
    "images": np.arange(105, dtype=np.uint8).reshape(3, 5, 7),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "labels": np.array([1, 0, 2], ">i8"),
    "classes": np.array(["cat", "é, ü"]),
    "one": np.float32(3),
    "none": np.zeros((0, 4), bool),
    "complex": np.array([1 + 2j]),
    "bytes": np.array([b"ab", b"c"]),
}
SAVES = {"fnet": write_npz, "savez": np.savez, "savez_compressed": np.savez_compressed}


def packed(arrays=ARRAYS, save="fnet"):
    file = io.BytesIO()
    if save == "fnet":
        write_npz(file, {name: np.asarray(array) for name, array in arrays.items()})
    else:
        SAVES[save](file, **arrays)
    return file.getvalue()


def read(content, *args, **options):
    return read_npz(io.BytesIO(content), *args, **options)


def archive(*members, method=zipfile.ZIP_STORED):
    """A zip file of names and contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method, compresslevel=1) as written:  # three are large
        for name, content in members:
            written.writestr(name, content)
    return file.getvalue()


def npy(header, content=b"", version=1):
    layout = "<H" if version == 1 else "<I"
    text = header.encode() if isinstance(header, str) else header
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(layout, len(text)) + text + content


def header(shape="(2,)", descr="'|u1'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


@pytest.mark.parametrize("save", SAVES)
def test_arrays_come_back_with_memory_of_their_own(save):
    found = read(packed(save=save))
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].flags.writeable
    assert found["turned"].flags.f_contiguous


@pytest.mark.parametrize("save", SAVES)
def test_only_names_that_are_asked_for_and_there(save):
    found = read(packed(save=save), ("labels", "others"))
    assert list(found) == ["labels"]


def test_numpy_reads_what_is_written_and_the_bytes_are_the_same_each_time():
    with np.load(io.BytesIO(packed())) as found:
        assert found.files == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array)
    assert packed() == packed()


def test_a_file_that_was_streamed_is_read_too():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise OSError

    for save in (np.savez, np.savez_compressed):
        file = Pipe()
        save(file, **ARRAYS)
        np.testing.assert_array_equal(read(file.getvalue())["images"], ARRAYS["images"])


def test_no_bit_of_a_file_with_a_digest_changes_unseen():
    content = packed({"a": np.arange(3.0), "b": np.array(["x"])})
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            with pytest.raises(DataError):
                read(bytes(changed), digest=True)


def test_no_length_of_a_file_but_its_own_is_read():
    for save in SAVES:
        content = packed({"a": np.arange(3.0)}, save)
        for size in range(len(content)):
            with pytest.raises(DataError):
                read(content[:size])
        with pytest.raises(DataError):
            read(content + b"\0")


@pytest.mark.parametrize("save", ["savez", "savez_compressed"])
def test_no_bit_of_an_array_of_numpy_changes_unseen(save):
    arrays = {"images": ARRAYS["images"], "classes": ARRAYS["classes"]}
    content, unseen = packed(arrays, save), 0
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            try:
                found = read(bytes(changed), ("images", "classes"))
            except DataError:
                continue
            unseen += 1  # a date, a version
            assert found.keys() == arrays.keys(), (place, bit)
            for name, array in arrays.items():
                assert found[name].dtype == array.dtype
                np.testing.assert_array_equal(found[name], array, f"{place}, {bit}")
    assert unseen < 4 * len(content)  # half of it


def test_a_damaged_array_is_named():
    content = bytearray(packed({"a": np.arange(3.0), "weights": np.arange(1000.0)}))
    content[content.find(np.arange(500.0, 510).tobytes())] ^= 1
    with pytest.raises(DataError, match=r"the array weights is damaged \(Bad CRC-32"):
        read(bytes(content))


def test_a_digest_can_be_demanded():
    assert read(packed(), digest=True).keys() == ARRAYS.keys()
    with pytest.raises(DataError, match="does not end with a digest"):
        read(packed(save="savez"), digest=True)


def flagged(content, flag):
    """The archive of one member with a flag set in both of its headers."""
    content = bytearray(content)
    content[6] |= flag
    content[content.index(b"PK\1\2") + 8] |= flag
    return bytes(content)


OBJECTS = npy(header("(1,)", "'|O'"), b"cos\nsystem\n(S'true'\ntR.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(("a.npy", OBJECTS)), "array a: it is of dtype object"),
        (archive(("a.npy", npy(header("(1,)", "[('x', '<i4')]"), bytes(4)))), "plain"),
        (archive(("a.npy", npy(header("(1,)", "'<M8[s]'"), bytes(8)))), "datetime64"),
        (archive(("a.npy", npy(header("(1000000000,)", "'<U0'")))), "dtype <U0"),
        (archive(("a.npy", npy(header("(3,)"), b"12"))), r"declares \(3,\) uint8, and 2 bytes"),
        (archive(("a.npy", npy(header("(1,)"), b"12"))), r"declares \(1,\) uint8, and 2 bytes"),
        (archive(("a.npy", npy(header("(1099511627776,)")))), "and 0 bytes are stored"),
        (archive(("a.npy", npy(header("(-1, -2)"), b"12"))), "array a is damaged"),
        (archive(("a.npy", npy(header("(-1,)"), b"12"))), r"declares \(-1,\)"),
        (archive(("a.npy", npy(header("(-1, 0)")))), "array a is damaged"),
        (archive(("a.npy", npy(header("(1,)*70"), b"1"))), "array a is damaged"),
        (archive(("a.npy", npy(header("(" + "1," * 70 + ")"), b"1"))), "array a is damaged"),
        (archive(("a.npy", npy(header("(True, 2)"), b"12"))), "array a is damaged"),
        (archive(("a.npy", npy(header(descr="__import__('os')"), b"12"))), "array a is damaged"),
        (archive(("a.npy", npy("-" * 9000 + "1"))), "array a is damaged"),
        (archive(("a.npy", npy("(" * 9000))), "array a is damaged"),
        (archive(("a.npy", npy(" " * 10**6 + header(), b"12", 2))), "header takes 1,000,0"),
        (archive(("a.npy", npy(header(), b"12", 3))), r"version is \(3, 0\)"),
        (archive(("a.npy", npy(header("(1,)", "'<U1'"), b"\0\0\x11\0"))), "not Unicode"),
        (archive(("a.npy", npy(header("(1,)", "'>U1'"), b"\0\0\xd8\0"))), "not Unicode"),
        (archive(("a.npy", b"")), "array a is damaged"),
        (archive(("a.npy", b"\x93NUMPY\1\0")), "array a"),
        (archive(("a.txt", b"hello")), "'a.txt' is not an array"),
        (archive(("a.npy", npy(header(), b"12")), method=zipfile.ZIP_BZIP2), "nor deflated"),
        (archive(("a.npy", npy(header("(300000000,)"), bytes(3 * 10**8))), method=8), "savez"),
        (flagged(archive(("a.npy", npy(header(), b"12"))), 1), "'a.npy' is encrypted"),
        (flagged(archive(("a.npy", npy(header(), b"12"))), 0x20), "array a is damaged"),
        (b"", "not a zip archive"),
        (b"PK\5\6" + bytes(17), "not a zip archive"),
        (b"PK\5\6" + bytes(17) + b"\1", "too many"),
        (b"\x93NUMPY hello", "not a zip archive"),
    ],
)
def test_what_is_refused(content, message):
    with pytest.raises(DataError, match=message):
        read(content)


def test_an_archive_of_none():
    assert read(packed({})) == {}


def test_members_of_one_name_hidden_ones_and_those_that_lie_over_each_other():
    first = archive(("a.npy", npy(header(), b"12")))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive(("a.npy", npy(header(), b"12")), ("a.npy", npy(header(), b"34")))
    with pytest.raises(DataError, match="two members of the same name"):
        read(twice)
    place = first.index(b"PK\1\2")
    entry, end = first[place:-22], first[-22:]
    other = entry.replace(b"a.npy", b"b.npy")
    overlapping = first[:place] + entry + other + counted(end, 2, 2 * len(entry))
    with pytest.raises(DataError, match="not where or what"):
        read(overlapping)
    with pytest.raises(DataError, match="members is lost"):
        read(first[:place] + counted(end, 0, 0, place))
    with pytest.raises(DataError, match="lists 1 members but declares 2"):
        read(first[:place] + entry + counted(end, 2, len(entry)))
    with pytest.raises(DataError, match="too many"):
        read(b"hidden" + first)
    renamed = bytearray(first)
    renamed[place + 46] = ord("b")
    with pytest.raises(DataError, match="not where or what"):
        read(bytes(renamed))


def counted(end, count, length, start=None):
    (begin,) = struct.unpack_from("<I", end, 16)
    place = begin if start is None else start
    return end[:8] + struct.pack("<HHIIH", count, count, length, place, 0)


PROBE = """
import json, re, sys
from pathlib import Path
from fnet.files.npz import read_npz
from fnet.errors import DataError
def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
with open(sys.argv[1], "rb") as file:
    before = peak()
    try:
        total = sum(array.nbytes for array in read_npz(file).values())
    except DataError:
        total = 0
print(json.dumps([peak() - before, total]))
"""


def growth(path):
    """How many bytes the memory of a process grew by as it read a file, and what it read."""
    out = subprocess.run(
        [sys.executable, "-c", PROBE, path], capture_output=True, text=True, check=True
    )
    return json.loads(out.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is asked of Linux")
@pytest.mark.parametrize("save", SAVES)
def test_memory_is_that_of_the_arrays(tmp_path, save):
    images = np.random.default_rng(0).integers(0, 256, (64, 2**20), np.uint8)
    (tmp_path / "a.npz").write_bytes(packed({"images": images}, save))
    peak, total = growth(tmp_path / "a.npz")
    assert total == images.nbytes
    assert peak <= 1.5 * total


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is asked of Linux")
@pytest.mark.parametrize(
    "content",
    [
        archive(("a.npy", npy(header("(4294967296,)"), bytes(2**26))), method=8),
        archive(("a.npy", npy(b" " * 2**26, version=2)), method=8),
        archive(*((f"{k}.npy", b"") for k in range(10**5))),
    ],
    ids=["declares more", "header", "members"],
)
def test_what_declares_too_much_takes_no_memory(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    peak, total = growth(tmp_path / "a.npz")
    assert total == 0
    assert peak < 8 * 2**20
