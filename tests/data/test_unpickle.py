import contextlib
import io
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest

from fnet.data import cifar10, read_pickle
from fnet.errors import DataError
from tests.torture import corpus


class Runs:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, np.load, np.ndarray])
def test_spec_7_15_a_hostile_pickle_is_refused_and_not_run(tmp_path, function, protocol):
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w')"
    argument = f"touch {ran}" if function is os.system else code
    arguments = ((2,),) if function is np.ndarray else (argument,)
    (tmp_path / "a.p").write_bytes(pickle.dumps({"images": Runs(function, *arguments)}, protocol))
    with pytest.raises(DataError, match="do not trust it") as caught:
        cifar10(tmp_path)
    assert not ran.exists()
    if function is not np.ndarray:
        assert f"{function.__name__}, which is refused" in str(caught.value)


def array_pickle(code=b"u1", order=b"|", raw=b"\1\2", before=b""):
    """The bytes that Python 2 wrote for {"data": an array of two}."""
    return (
        b"\x80\x02}U\x04data" + before + b"cnumpy.core.multiarray\n_reconstruct\n"
        b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\n"
        + b"U" + bytes([len(code)]) + code + b"K\x00K\x01\x87R(K\x03"
        + b"U" + bytes([len(order)]) + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T" + struct.pack("<i", len(raw)) + raw + b"tbs."
    )  # fmt: skip


def test_a_pickle_of_python_2(tmp_path):
    path = tmp_path / "a.p"
    path.write_bytes(array_pickle())
    assert read_pickle(path)["data"].tolist() == [1, 2]
    path.write_bytes(array_pickle(b"i2", b">", b"\0\1\1\0"))
    assert read_pickle(path)["data"].tolist() == [1, 256]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (array_pickle(b"O8", raw=bytes(16)), "dtype 'O8'"),
        (array_pickle(b"u1", order=b"O,"), "byte order 'O,'"),
        (array_pickle(raw=b"\1"), "damaged"),
        (array_pickle(before=b"Pname\n0"), "persistent object"),
        (array_pickle(before=b"cnumpy.core.multiarray\n_reconstruct\n}U\1aK\1sb0"), "has none"),
        (array_pickle()[:-1], "damaged"),
        (array_pickle()[:40], "damaged"),
        (array_pickle() + b".", "1 bytes follow its end"),
        (array_pickle() + array_pickle(), "bytes follow its end"),
        (array_pickle(before=b"(cos\nsystem\no0"), "asks for os.system"),
        (array_pickle(before=b"\x82\x01"), "asks for an extension"),
        (b"\x80\x02}q\0U\1ah\0s.", "has one dict in two places"),
        (b"\x80\x02}K\1\x85Ns.", "has a key that is a tuple"),
        (array_pickle(before=b"K\1\x85U\1x\x93"), "a name that is no text"),
        (corpus.entry(corpus.array(shape=b"(" + b"K\1" * 65 + b"t")), "an array of 65 axes"),
        (b"\x80\x02}U\1a](" + b"K\1" * 2**22 + b"es.", "takes more than"),
        (b"\x80\x02}U\1aN" + b"\x85" * 20 + b"s.", "deeper than 8"),
        (b"\x80\x02}U\1aL18446744073709551616L\ns.", "more than 64 bits"),
        (b"\x80\x02]U\1aa.", "holds a list; a dictionary is needed"),
        (b"", "damaged"),
        (b"hello", "damaged"),
    ],
)
def test_spec_7_15_pickles_that_are_damaged_or_hostile(tmp_path, data, message):
    path = tmp_path / "a.p"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_pickle(path)
    assert str(path) in str(caught.value)


def test_every_truncation_is_an_error(tmp_path):
    data = array_pickle()
    path = tmp_path / "a.p"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(DataError):
            read_pickle(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.arange(6, dtype=">i4").reshape(2, 3).T,
        np.array(["cat", "airplane"]),
        np.int64(-3),
        np.zeros((0, 3)),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(1, 2, 0),  # as images often are
        np.array(["é, ü", ""]),
        [np.zeros((2, 2)), np.ones((2, 2))],
        2**63,
        -(2**63),
        1e300,
        float("inf"),
        b"",
        {"a": [1, (2.5, None, True)]},
    ],
)
def test_plain_values_come_back(tmp_path, value, protocol):
    path = tmp_path / "a.p"
    path.write_bytes(pickle.dumps({"value": value}, protocol))
    back = read_pickle(path)["value"]
    np.testing.assert_array_equal(back, value)
    assert type(back) is type(value)
    assert getattr(back, "dtype", None) == getattr(value, "dtype", None)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_pickle(tmp_path / "none.p")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_values_of_python_are_what_pickle_reads(tmp_path, protocol):
    value = {"a": [1, -(2**31), 2**40, 255, 2**16], "b": ("é", "x" * 300, None, True, False, 0.5)}
    value |= {f"key {k}": k for k in range(300)}  # more than the short opcodes can number
    value["c"], value["d"] = {"x": 1, "y": [[1, 2], [3, 4]]}, b"\0\xff" * 200
    (tmp_path / "a.p").write_bytes(pickle.dumps(value, protocol))
    assert read_pickle(tmp_path / "a.p") == value


def test_text_of_python_2_in_protocol_0(tmp_path):
    (tmp_path / "a.p").write_bytes(b"(dp0\nS'a\\x00b\\n'\np1\n(lp2\nI01\naI-5\naL7L\naF1.5\nas.")
    assert read_pickle(tmp_path / "a.p") == {"a\0b\n": [True, -5, 7, 1.5]}


def test_bytes_of_python_2_in_protocol_0(tmp_path):
    (tmp_path / "a.p").write_bytes(b"(dp0\nS'a'\nS'\xe9\\xff'\ns.")
    assert read_pickle(tmp_path / "a.p") == {"a": b"\xe9\xff"}


def test_a_memo_takes_no_more_memory_than_its_values(tmp_path):
    far = struct.pack("<I", 10**6)  # in the memo of pickle.Unpickler, an index of 16 MB
    (tmp_path / "a.p").write_bytes(b"\x80\x02}U\1aK\1r" + far + b"sU\1bj" + far + b"s.")
    tracemalloc.start()
    try:
        assert read_pickle(tmp_path / "a.p") == {"a": 1, "b": 1}
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_refused_pickle_says_how_to_convert_it(tmp_path):
    (tmp_path / "a.p").write_bytes(pickle.dumps({"images": Runs(os.getcwd)}))
    with pytest.raises(DataError, match=r"write np\.savez\('set\.npz', images=.*--data set\.npz"):
        read_pickle(tmp_path / "a.p")


class Trusting(pickle.Unpickler):
    """The kind of reader that the corpus attacks."""

    def persistent_load(self, pid):
        return pid


@pytest.mark.parametrize("route", dict(corpus.routes(*corpus.CANARIES[0])))
def test_the_hostile_pickles_would_run_if_they_were_unpickled(tmp_path, monkeypatch, route):
    content = dict(corpus.routes(*corpus.CANARIES[0]))[route]
    monkeypatch.chdir(tmp_path)
    file = io.BytesIO(content)
    with contextlib.suppress(Exception):
        while file.tell() < len(content):
            Trusting(file).load()
    assert (tmp_path / "RAN").exists() != (route in STOPPED)


# Routes that Python stops as well, or that need another class to do harm.
STOPPED = {
    "NEWOBJ",
    "NEWOBJ_EX",
    "BUILD of it",
    "BUILD of __setstate__",
    "BUILD of a dtype's __setstate__",
    "not called",
    "as the array's class",
    "by a persistent name",
    "through an allowed class",
}


def test_the_corpus_is_large():
    assert len(corpus.corpus()) >= 200
