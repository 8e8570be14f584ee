"""A pickle is a program. This runs programs that make plain values, and cannot run any other.

`pickletools` of the standard library reads the instructions and their arguments. Those carried out
here make numbers, text, bytes, lists, tuples and dictionaries, and call the functions given, by
name; those for classes, objects and extensions are refused.

`pickle.Unpickler` with a `find_class` that returns the same functions would run nothing hostile
either, but it checks names and nothing else. Of the hostile pickles in tests/torture/corpus.py it
reads several that are merely too large ("an integer of 1 MB", "one array 100,000 times", "empty
dictionaries, two million"), which a look at the result could refuse afterwards. For two others
that is too late: "a key that is a tuple", because hashing a tuple nested deeply enough overflows
the stack and kills the process; and "a memo far longer than the file", because the memo is an array
as long as the largest index in the file says. (The corpus holds both in a size that harms nobody.)
"""

import codecs
import io
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fnet.errors import DataError

STEPS, SHARE = 2**20, 8  # instructions: at most so many, and one more for every 8 bytes
PROTOCOL = 5  # the latest

Call = Callable[..., Any]
Names = Mapping[tuple[str, str], Call]  # module and name, and what is called in its place


def run(content: bytes, names: Names, build: Callable[[Any, Any], Any]) -> Any:
    """The value that a pickle makes; `build(value, state)` restores the state of a value.

    Raises DataError for an instruction or a name that is refused, and any ValueError, IndexError,
    KeyError or TypeError where the pickle is damaged. A list, tuple, dictionary or array occurs
    once: so none contains itself, and the value takes about as much memory as the pickle.
    """
    file, machine = io.BytesIO(content), _Machine(names, build)
    most = STEPS + len(content) // SHARE
    for _ in range(most):
        code = file.read(1)
        if not code:
            raise ValueError("it ends too early")
        name, read = OPCODES.get(code, (repr(code), None))
        if name == "STOP":
            if left := len(content) - file.tell():
                raise DataError(f"{left} bytes follow its end")
            return machine.result()
        step = INSTRUCTIONS.get(name)
        if step is None:
            raise DataError(
                f"it asks for {REFUSED.get(name, f'the instruction {name}')}, which is refused"
            )
        step(machine, read(file) if read else None)
    raise DataError(f"it takes more than {most:,} instructions")


class _Machine:
    def __init__(self, names: Names, build: Callable[[Any, Any], Any]) -> None:
        self.names, self.build_value = names, build
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def result(self) -> Any:
        (value,) = self.stack
        if self.marks:
            raise ValueError("a mark is left")
        return value

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def items(self) -> list[Any]:
        """What was pushed since the last mark."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def last(self, count: int) -> tuple[Any, ...]:
        values = tuple(self.stack[len(self.stack) - count :])
        if len(values) < count:
            raise ValueError("it takes a value that is not there")
        del self.stack[len(self.stack) - count :]
        return values

    def integer(self, value: int) -> None:
        if not -(2**63) <= value < 2**64:
            raise DataError("it holds an integer of more than 64 bits")
        self.push(value)

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def get(self, place: int) -> None:
        value = self.memo[place]
        if isinstance(value, list | tuple | dict | np.ndarray):
            raise DataError(f"it has one {type(value).__name__} in two places")
        self.push(value)

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("it adds items to a value that is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise TypeError("it adds pairs to a value that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, bytes, int):  # before it is hashed
                raise DataError(f"it has a key that is a {type(key).__name__}")
            self.stack[-1][key] = value

    def pairs(self) -> None:
        items = self.items()
        self.push({})
        self.update(items)

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:  # before they are hashed
            raise DataError("it asks for a name that is no text, which is refused")
        if (module, name) not in self.names:
            raise DataError(f"it asks for {module:.99}.{name:.99}, which is refused")
        self.push(self.names[module, name])

    def call(self) -> None:
        function, arguments = self.last(2)
        if not callable(function) or type(arguments) is not tuple:
            raise TypeError("it calls a value that is no function")
        self.push(function(*arguments))

    def build(self) -> None:
        value, state = self.last(2)
        self.push(self.build_value(value, state))


def _check_protocol(machine: _Machine, protocol: int) -> None:
    if protocol > PROTOCOL:
        raise DataError(f"it is of protocol {protocol}, and {PROTOCOL} is the latest known")


def _escaped(file: io.BytesIO) -> bytes:
    """Text of Python 2, which may be any bytes. (Before Python 3.12.8, pickletools has ASCII.)"""
    return codecs.escape_decode(pickletools.read_stringnl(file, decode=False))[0]


# By the byte that stands for it: an instruction's name, and what reads its argument.
OPCODES: dict[bytes, tuple[str, Callable[[io.BytesIO], Any] | None]] = {
    opcode.code.encode("latin-1"): (opcode.name, opcode.arg.reader if opcode.arg else None)
    for opcode in pickletools.opcodes
}
OPCODES[b"S"] = ("STRING", _escaped)

_INTEGERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4")
_FLOATS = ("FLOAT", "BINFLOAT")
_TEXTS = ("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
_BYTES = ("STRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8")

INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _check_protocol,
    "FRAME": lambda m, size: None,
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    **dict.fromkeys(_INTEGERS, _Machine.integer),
    **dict.fromkeys(_FLOATS + _TEXTS + _BYTES, _Machine.push),
    "BYTEARRAY8": lambda m, content: m.push(bytes(content)),
    "BINSTRING": lambda m, text: m.push(text.encode("latin-1")),
    "SHORT_BINSTRING": lambda m, text: m.push(text.encode("latin-1")),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE1": lambda m, _: m.push(m.last(1)),
    "TUPLE2": lambda m, _: m.push(m.last(2)),
    "TUPLE3": lambda m, _: m.push(m.last(3)),
    "TUPLE": lambda m, _: m.push(tuple(m.items())),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "LIST": lambda m, _: m.push(m.items()),
    "APPEND": lambda m, _: m.extend(list(m.last(1))),
    "APPENDS": lambda m, _: m.extend(m.items()),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "DICT": lambda m, _: m.pairs(),
    "SETITEM": lambda m, _: m.update(list(m.last(2))),
    "SETITEMS": lambda m, _: m.update(m.items()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": lambda m, _: m.put(len(m.memo)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": lambda m, names: m.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda m, _: m.name(*m.last(2)),
    "REDUCE": lambda m, _: m.call(),
    "BUILD": lambda m, _: m.build(),
}
REFUSED = {
    **dict.fromkeys(("PERSID", "BINPERSID"), "a persistent object"),
    **dict.fromkeys(("INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"), "an object of a class"),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), "an extension"),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), "a buffer that is elsewhere"),
}
