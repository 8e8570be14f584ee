"""Pickles made to harm, byte by byte: each asks for a call, or for more memory than there is."""

import pickle
import struct
from collections.abc import Iterator

import numpy as np

TOUCH = "touch RAN"  # what makes the file that tells that something ran
CODE = "open('RAN', 'w').close()"

CALLS = [  # a module, a name in it, and arguments
    *((module, "system", (TOUCH,)) for module in ("os", "posix", "nt")),
    ("builtins", "eval", (CODE,)),
    ("builtins", "exec", (CODE,)),
    ("__builtin__", "eval", (CODE,)),
    ("__builtin__", "exec", (CODE,)),
    ("builtins", "compile", (CODE, "x", "exec")),
    ("builtins", "__import__", ("os",)),
    ("__builtin__", "__import__", ("os",)),
    ("builtins", "getattr", ("x", "__class__")),
    ("builtins", "globals", ()),
    ("builtins", "map", (1, 2)),
    ("builtins", "open", ("RAN", "w")),
    ("builtins", "type", ("x", (), {})),
    ("builtins", "object", ()),
    ("builtins", "bytearray", (1 << 40,)),
    ("__builtin__", "apply", (1, ())),
    ("os", "popen", (TOUCH,)),
    ("os", "execv", ("/bin/sh", ("sh", "-c", TOUCH))),
    ("os", "remove", ("set.p",)),
    ("posix", "unlink", ("set.p",)),
    ("subprocess", "Popen", (("touch", "RAN"),)),
    ("subprocess", "check_output", (("touch", "RAN"),)),
    ("pty", "spawn", (("touch", "RAN"),)),
    ("commands", "getoutput", (TOUCH,)),
    ("operator", "methodcaller", ("system", TOUCH)),
    ("operator", "attrgetter", ("system",)),
    ("operator", "itemgetter", (0,)),
    ("functools", "partial", ("x", TOUCH)),
    ("functools", "reduce", ("x", ())),
    ("itertools", "starmap", ("x", ())),
    ("_codecs", "decode", (b"x", "rot13")),
    ("_codecs", "lookup", ("rot13",)),
    ("codecs", "encode", ("x", "latin1")),
    ("codecs", "open", ("RAN", "w")),
    ("types", "CodeType", (0,)),
    ("types", "FunctionType", (0,)),
    ("marshal", "loads", (b"N",)),
    ("pickle", "loads", (b"N.",)),
    ("_pickle", "Unpickler", (b"N.",)),
    ("importlib", "import_module", ("antigravity",)),
    ("runpy", "run_path", ("set.p",)),
    ("shutil", "rmtree", (".",)),
    ("shutil", "copyfile", ("set.p", "RAN")),
    ("pathlib", "Path", ("RAN",)),
    ("tempfile", "mkstemp", ()),
    ("ctypes", "CDLL", ("libc.so.6",)),
    ("socket", "create_connection", (("127.0.0.1", 9),)),
    ("urllib.request", "urlopen", ("http://127.0.0.1:9",)),
    ("webbrowser", "open", ("http://127.0.0.1:9",)),
    ("timeit", "timeit", (CODE,)),
    ("pdb", "run", (CODE,)),
    ("cProfile", "run", (CODE,)),
    ("code", "InteractiveInterpreter", ()),
    ("logging.config", "listen", ()),
    ("copyreg", "_reconstructor", ("x", "y", None)),
    ("copy_reg", "_reconstructor", ("x", "y", None)),
    ("copyreg", "add_extension", ("os", "system", 77)),
    ("collections", "OrderedDict", ()),
    ("datetime", "datetime", (2000, 1, 1)),
    ("numpy", "load", ("set.p",)),
    ("numpy", "save", ("RAN", 1)),
    ("numpy", "fromfile", ("set.p",)),
    ("numpy", "memmap", ("RAN", "u1", "w+")),
    ("numpy", "frompyfunc", ("x", 1, 1)),
    ("numpy", "vectorize", ("x",)),
    ("numpy", "dtype.type", ("x",)),
    ("numpy", "ndarray.tofile", ("RAN",)),
    ("numpy", "ndarray", ((1 << 40,),)),
    ("numpy.core.multiarray", "fromfile", ("set.p",)),
    ("numpy.core.multiarray", "_reconstruct.__globals__", ()),
    ("numpy.core.numeric", "fromfunction", ("x",)),
    ("numpy.core.records", "fromfile", ("set.p",)),
    ("numpy._core", "multiarray", ()),
    ("numpy.f2py.crackfortran", "myeval", (CODE,)),
    ("numpy.testing._private.utils", "runstring", (CODE, {})),
    ("numpy.testing", "measure", (CODE,)),
    ("numpy.distutils.exec_command", "exec_command", (TOUCH,)),
    ("numpy.ma.core", "_mareconstruct", ("x",)),
    ("torch.storage", "_load_from_bytes", (b"N.",)),
    ("jax._src.array", "_reconstruct_array", ("x",)),
    ("fnet.files.unpickle", "read_pickle", ("set.p",)),
    ("tests.torture.pickles", "canary", ()),
    ("__main__", "canary", ()),
]  # fmt: skip

CANARIES = [("tests.torture.pickles", "canary", ()), ("posix", "system", (TOUCH,))]


def value(content: object, protocol: int = 2) -> bytes:
    """The instructions that push a plain value."""
    return pickle.dumps(content, protocol).removeprefix(b"\x80\x02").removesuffix(b".")


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def entry(content: bytes) -> bytes:
    """A pickle of {"images": what the content pushes}."""
    return b"\x80\x04}" + short("images") + content + b"s."


def routes(module: str, attribute: str, arguments: tuple) -> Iterator[tuple[str, bytes]]:
    """Every way through which a pickle may come to a call, or past a check of one."""
    function, given = name(module, attribute), value(arguments)
    each = b"".join(value(argument) for argument in arguments)
    called = function + given + b"R"
    empty = name("numpy.core.multiarray", "_reconstruct") + name("numpy", "ndarray")
    empty += b"K\0\x85C\1b\x87R"
    dtype = name("numpy", "dtype") + value(("u1", False, True)) + b"R"
    yield "REDUCE", entry(called)
    yield "REDUCE, alone", b"\x80\x02" + called + b"."
    yield "REDUCE, protocol 0", b"(dS'images'\n" + called + b"s."
    yield "STACK_GLOBAL", entry(short(module) + short(attribute) + b"\x93" + given + b"R")
    known = short(module) + b"\x94" + short(attribute) + b"\x94" + b"00h\0h\1\x93" + given + b"R"
    yield "STACK_GLOBAL, names of the memo", entry(known)
    long = b"X" + struct.pack("<I", len(module)) + module.encode()
    yield "STACK_GLOBAL, long names", entry(long + short(attribute) + b"\x93" + given + b"R")
    old = b"U" + bytes([len(module)]) + module.encode()
    old += b"U" + bytes([len(attribute)]) + attribute.encode()
    yield "STACK_GLOBAL, names of bytes", entry(old + b"\x93" + given + b"R")
    yield "INST", entry(b"(" + each + f"i{module}\n{attribute}\n".encode())
    yield "OBJ", entry(b"(" + function + each + b"o")
    yield "NEWOBJ", entry(function + given + b"\x81")
    yield "NEWOBJ_EX", entry(function + given + b"}\x92")
    yield "BUILD of it", entry(function + given + b"b")
    yield "BUILD of an array by it", entry(empty + called + b"b")
    setting = b"}" + short("__setstate__") + function + b"sb" + value(TOUCH) + b"b"
    yield "BUILD of __setstate__", entry(empty + setting)
    yield "BUILD of a dtype's __setstate__", entry(dtype + setting)
    yield "BUILD of slots", entry(empty + b"N}" + short("array") + called + b"s\x86b")
    yield "in a list", entry(b"](" + called + b"e")
    yield "in a tuple", entry(called + b"\x85")
    yield "in a dictionary", entry(b"}K\1" + called + b"s")
    yield "as a key", b"\x80\x02}" + called + b"K\1s."
    yield "popped", entry(called + b"0N")
    yield "popped with a mark", entry(b"(" + called + b"1N")
    yield "doubled", entry(function + b"2" + given + b"R")
    yield "not called", entry(function)
    yield "as an argument", entry(name("numpy", "dtype") + called + b"\x85R")
    yield (
        "as the array's class",
        entry(name("numpy.core.multiarray", "_reconstruct") + function + b"K\0\x85C\1b\x87R"),
    )
    yield "as its bytes", entry(empty + b"(K\1K\1\x85" + dtype + b"\x89" + called + b"tb")
    yield "as its dtype", entry(empty + b"(K\1K\1\x85" + called + b"\x89C\1xtb")
    yield "as its shape", entry(empty + b"(K\1" + called + dtype + b"\x89C\1xtb")
    yield (
        "as text to encode",
        entry(name("_codecs", "encode") + called + short("latin1") + b"\x86R"),
    )
    yield "as an encoding", entry(name("_codecs", "encode") + short("x") + called + b"\x86R")
    yield (
        "in the memo, for a name that is allowed",
        entry(name("numpy", "dtype") + b"\x94" + function + b"q\x00" + b"h\0" + given + b"R"),
    )
    yield "by a persistent name", entry(f"P{module}.{attribute}\n".encode())
    yield "by a persistent value", entry(called + b"Q")
    yield "in a second pickle", entry(b"N") + b"\x80\x02" + called + b"."
    yield "in a pickle that follows", entry(b"N") + entry(called)
    inner = b"\x80\x02" + called + b"."
    yield "in a pickle in a pickle", entry(name("pickle", "loads") + value((inner,)) + b"R")
    yield "behind a frame", entry(b"\x95" + struct.pack("<Q", len(called)) + called)
    yield "behind a second protocol", entry(b"\x80\x00" + called)
    dotted = short("numpy") + short(f"ndarray.{attribute}") + b"\x93"
    yield "through an allowed class", entry(dotted + given + b"R")


def extensions() -> Iterator[tuple[str, bytes]]:
    """Numbers of the extension registry, in which the process that reads has a canary."""
    yield "EXT1", entry(b"\x82\x4d)R")
    yield "EXT2", entry(b"\x83\x4d\x00)R")
    yield "EXT4", entry(b"\x84\x4d\0\0\0)R")


def array(
    dtype: bytes = b"u1", order: bytes = b"|", shape: bytes = b"K\1\x85", raw: bytes = b"x"
) -> bytes:
    """The instructions that push an array."""
    made = b"%s%sK\0\x85C\1b\x87R" % (
        name("numpy.core.multiarray", "_reconstruct"),
        name("numpy", "ndarray"),
    )
    kind = name("numpy", "dtype") + b"C" + bytes([len(dtype)]) + dtype + b"\x89\x88\x87R"
    kind += b"(K\3C" + bytes([len(order)]) + order + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\0tb"
    content = b"B" + struct.pack("<I", len(raw)) + raw
    return made + b"(K\1" + shape + kind + b"\x89" + content + b"tb"


def bombs() -> Iterator[tuple[str, bytes]]:
    """More memory, time or depth than the file has bytes for, and arrays that are none.

    What would kill another reader of pickles (a key nested more deeply, a larger index of the memo)
    stands here in a size that harms none, and that is refused for the same reason.
    """
    for code, layout in ((b"\x8e", "<Q"), (b"\x8d", "<Q"), (b"\x96", "<Q"), (b"\x95", "<Q"),
                         (b"B", "<I"), (b"X", "<I"), (b"T", "<i"), (b"\x8b", "<i")):  # fmt: skip
        for size in (2**31 - 1, 2**62, 2**64 - 1):
            if size < 256 ** struct.calcsize(layout) // (2 if layout.islower() else 1):
                told = f"{code!r} of {size} bytes"
                yield told, entry(code + struct.pack(layout, size) + b"x")
    yield "T of -1 bytes", entry(b"T\xff\xff\xff\xff")
    yield "LONG4 of -1 bytes", entry(b"\x8b\xff\xff\xff\xff")
    yield "an integer of 1 MB", entry(b"\x8b" + struct.pack("<i", 10**6) + b"\x7f" * 10**6)
    yield "an integer of 10,000 digits", entry(b"I" + b"9" * 10_000 + b"\n")
    far, other = struct.pack("<I", 10**6), struct.pack("<I", 10**6 - 1)
    yield "a memo far longer than the file", b"\x80\x02]r" + far + b"j" + other + b"."
    yield "a list in itself", entry(b"]q\0h\0a")
    yield "a dictionary in itself", b"\x80\x02}q\0U\1ah\0s."
    yield "a tuple in itself", entry(b"]q\0h\0\x85a")
    for begin, grown in ((b"](NNe", b"](%se"), (b"N\x85", b"(%st"), (b"}K\1Ns", b"}(K\1hAK\2hAu")):
        laughs = begin
        for place in range(40):
            laughs += b"q" + bytes([place])
            both = (b"h" + bytes([place])) * 10
            laughs += grown.replace(b"%s", both).replace(b"hA", b"h" + bytes([place]))
        yield f"a billion laughs, {begin!r}", entry(laughs)
    yield (
        "one array 100,000 times",
        entry(
            b"](" + array(raw=bytes(1000), shape=b"M\xe8\3\x85") + b"q\1" + b"h\1" * 10**5 + b"e"
        ),
    )
    one = array(raw=bytes(10**5), shape=b"J" + struct.pack("<i", 10**5) + b"\x85")
    shared = one.replace(bytes(10**5) + b"tb", bytes(10**5) + b"q\1tb")
    again = array(raw=b"", shape=b"J" + struct.pack("<i", 10**5) + b"\x85")
    again = again.replace(b"B\0\0\0\0", b"h\1")
    yield "one content in 10,000 arrays", entry(b"](" + shared + again * 10**4 + b"e")
    yield (
        "a long text beside many short ones",
        entry(b"](X" + struct.pack("<I", 10**5) + b"x" * 10**5 + b"N" * 10**5 + b"e"),
    )
    yield (
        "a text 100,000 times",
        entry(b"](X" + struct.pack("<I", 10**5) + b"x" * 10**5 + b"q\1" + b"h\1" * 10**5 + b"e"),
    )
    wide = array(dtype=b"U9999", order=b"<", shape=b"K\0\x85", raw=b"")
    yield "an array of wide text beside numbers", entry(b"](" + wide + b"K\1" * 10**5 + b"e")
    yield "lists, a million deep", entry(b"]" * 10**6 + b"a" * (10**6 - 1))
    yield "tuples, a million deep", entry(b"N" + b"\x85" * 10**6)
    yield "a key that is a tuple", b"\x80\x02}N" + b"\x85" * 10 + b"Ns."
    yield "a name that is a tuple", entry(b"N" + b"\x85" * 10 + short("dtype") + b"\x93")
    yield "dictionaries, 10,000 deep", entry(b"}K\1" * 10**4 + b"N" + b"s" * 10**4)
    yield "marks, two million", entry(b"(" * (2 * 10**6))
    yield "empty dictionaries, two million", entry(b"(" + b"}" * (2 * 10**6) + b"l")
    yield "a memo of two million", entry(b"N" + b"\x94" * (2 * 10**6))
    yield "an array of objects", entry(array(dtype=b"O8", raw=bytes(8)))
    yield "an array of records", entry(array(dtype=b"V8", raw=bytes(8)))
    yield "an array of dates", entry(value(np.zeros(1, "M8[s]")))
    yield "an array of dtype u3", entry(array(dtype=b"u3", raw=bytes(3)))
    yield "an array of a dtype with commas", entry(array(dtype=b"u1,O8", raw=bytes(9)))
    yield "an array of byte order O,", entry(array(order=b"O,"))
    yield "an array of no bytes", entry(array(raw=b""))
    yield "an array of more bytes", entry(array(raw=b"xy"))
    yield "an array of 2^40", entry(array(shape=b"\x8a\6\0\0\0\0\0\1\x85"))
    yield "an array of shape -1", entry(array(shape=b"J\xff\xff\xff\xff\x85"))
    yield "an array of shape -1, -1", entry(array(shape=b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86"))
    yield "an array of shape 1.0", entry(array(shape=b"G" + struct.pack(">d", 1) + b"\x85"))
    yield "an array of 100 axes", entry(array(shape=b"(" + b"K\1" * 100 + b"t"))
    yield "an array of 100,000 axes", entry(array(shape=b"(" + b"K\1" * 10**5 + b"t"))
    yield "text that is none", entry(array(dtype=b"U1", order=b"<", raw=b"\0\0\x11\0"))
    yield (
        "text that is half of a character",
        entry(array(dtype=b"U1", order=b"<", raw=b"\0\xd8\0\0")),
    )
    yield "an array without content", entry(array().split(b"(K\1")[0])
    yield "protocol 255", b"\x80\xff}."
    yield "a set", entry(b"\x8f")
    yield "a frozen set", entry(b"(\x91")
    yield "a buffer from outside", entry(b"\x97")
    yield "nothing", b""
    yield "a stop", b"."
    yield "two values", b"\x80\x02}}."
    yield "a list of pairs", b"\x80\x02]."


def corpus() -> dict[str, bytes]:
    """Every hostile pickle, by what it tries."""
    found = {f"{where}.{what}": entry(name(where, what) + value(given) + b"R")
             for where, what, given in CALLS}  # fmt: skip
    for canary in CANARIES:
        found |= {f"{canary[0]}, {route}": content for route, content in routes(*canary)}
    return found | dict(extensions()) | dict(bombs())
