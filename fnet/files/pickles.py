"""The machine that a pickle is a program for, with nothing in it that could run anything else.

It has numbers, text, bytes, lists, tuples and dictionaries, and calls the functions it is given,
by their names; the instructions for classes, objects and extensions are not there.
"""

import codecs
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fnet.errors import DataError

STEPS, SHARE = 2**20, 8  # instructions that are run: so many, and one for each 8 bytes of a file
LINE = 256  # characters of a number or a name that stands on a line

Call = Callable[..., Any]
Names = Mapping[tuple[str, str], Call]  # module and name, and what is called in its place


def run(content: bytes, names: Names, build: Callable[[Any, Any], Any]) -> Any:
    """What the pickle stands for; `build(value, state)` gives a value the state it was pickled in.

    Raises DataError for an instruction or a name that is refused, and any ValueError, IndexError,
    KeyError or TypeError where the pickle is damaged. A list, tuple, dictionary or array is in one
    place only: so none is within itself, and what comes out has about the size of what goes in.
    """
    machine = _Machine(content, names, build)
    most = STEPS + len(content) // SHARE
    for _ in range(most):
        code = machine.take(1)
        if code == b".":
            return machine.result()
        step = INSTRUCTIONS.get(code)
        if step is None:
            what = REFUSED.get(code, f"the instruction {code!r}")
            raise DataError(f"it asks for {what}, which is refused")
        step(machine)
    raise DataError(f"it takes more than {most:,} instructions")


class _Machine:
    def __init__(self, content: bytes, names: Names, build: Callable[[Any, Any], Any]) -> None:
        self.content, self.names, self.build_value = content, names, build
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def take(self, size: int) -> bytes:
        """The next bytes; nothing is allocated for more of them than there are."""
        end = self.place + size
        if size < 0 or end > len(self.content):
            raise ValueError("it ends too early")
        piece = self.content[self.place : end]
        self.place = end
        return piece

    def number(self, layout: str) -> int:
        (value,) = struct.unpack(layout, self.take(struct.calcsize(layout)))
        return int(value)

    def line(self, most: int = LINE) -> bytes:
        end = self.content.index(b"\n", self.place, self.place + most)
        line = self.take(end - self.place)
        self.place += 1
        return line

    def long_line(self) -> bytes:
        return self.line(len(self.content))

    def result(self) -> Any:
        (value,) = self.stack
        if self.marks:
            raise ValueError("a mark is left")
        if self.place != len(self.content):
            raise DataError(f"{len(self.content) - self.place} bytes follow its end")
        return value

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def items(self) -> list[Any]:
        """What was pushed since the last mark."""
        mark = self.marks.pop()
        found = self.stack[mark:]
        del self.stack[mark:]
        return found

    def last(self, count: int) -> tuple[Any, ...]:
        found = tuple(self.stack[len(self.stack) - count :])
        if len(found) < count:
            raise ValueError("it takes what is not there")
        del self.stack[len(self.stack) - count :]
        return found

    def integer(self, value: int) -> None:
        if not -(2**63) <= value < 2**64:
            raise DataError("it holds an integer of more than 64 bits")
        self.push(value)

    def decimal(self, line: bytes) -> None:
        if not re.fullmatch(rb"-?\d{1,20}", line):
            raise ValueError(f"{line!r} is no integer")
        self.integer(int(line))

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def get(self, place: int) -> None:
        value = self.memo[place]
        if isinstance(value, list | tuple | dict | np.ndarray):
            raise DataError(f"it has one {type(value).__name__} in two places")
        self.push(value)

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError("it adds items to what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise TypeError("it adds pairs to what is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in (str, bytes, int):
                raise DataError(f"it has a key that is a {type(key).__name__}")
            self.stack[-1][key] = value

    def name(self, module: str, name: str) -> None:
        if (module, name) not in self.names:
            raise DataError(f"it asks for {module!s:.99}.{name!s:.99}, which is refused")
        self.push(self.names[module, name])

    def call(self) -> None:
        function, arguments = self.last(2)
        if not callable(function) or type(arguments) is not tuple:
            raise TypeError("it calls what is no function")
        self.push(function(*arguments))

    def build(self) -> None:
        value, state = self.last(2)
        self.push(self.build_value(value, state))


def _text_of_python_2(machine: _Machine) -> bytes:
    line = machine.long_line()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise ValueError("a string without quotes")
    return codecs.escape_decode(line[1:-1])[0]


def _integer_line(machine: _Machine) -> None:
    line = machine.line()
    if line in (b"00", b"01"):
        machine.push(line == b"01")
    else:
        machine.decimal(line)


def _signed(machine: _Machine, layout: str) -> None:
    machine.integer(int.from_bytes(machine.take(machine.number(layout)), "little", signed=True))


def _pairs(machine: _Machine) -> None:
    items = machine.items()
    machine.push({})
    machine.update(items)


def _check_protocol(machine: _Machine) -> None:
    if (protocol := machine.number("B")) > 5:
        raise DataError(f"it is of protocol {protocol}, and 5 is the last that is known")


def _check_frame(machine: _Machine) -> None:
    if machine.number("<Q") > len(machine.content) - machine.place:
        raise ValueError("it ends too early")


def _text(machine: _Machine, layout: str) -> None:
    machine.push(machine.take(machine.number(layout)).decode("utf-8", "surrogatepass"))


def _bytes(machine: _Machine, layout: str) -> None:
    machine.push(machine.take(machine.number(layout)))


INSTRUCTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _check_protocol,
    b"\x95": _check_frame,
    b"(": lambda m: m.marks.append(len(m.stack)),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _integer_line,
    b"L": lambda m: m.decimal(m.line().removesuffix(b"L")),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: _signed(m, "B"),
    b"\x8b": lambda m: _signed(m, "<i"),
    b"F": lambda m: m.push(float(m.line())),
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"S": lambda m: m.push(_text_of_python_2(m)),
    b"T": lambda m: _bytes(m, "<i"),
    b"U": lambda m: _bytes(m, "B"),
    b"B": lambda m: _bytes(m, "<I"),
    b"C": lambda m: _bytes(m, "B"),
    b"\x8e": lambda m: _bytes(m, "<Q"),
    b"\x96": lambda m: _bytes(m, "<Q"),
    b"V": lambda m: m.push(m.long_line().decode("raw-unicode-escape")),
    b"X": lambda m: _text(m, "<I"),
    b"\x8c": lambda m: _text(m, "B"),
    b"\x8d": lambda m: _text(m, "<Q"),
    b")": lambda m: m.push(()),
    b"\x85": lambda m: m.push(m.last(1)),
    b"\x86": lambda m: m.push(m.last(2)),
    b"\x87": lambda m: m.push(m.last(3)),
    b"t": lambda m: m.push(tuple(m.items())),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.items()),
    b"a": lambda m: m.extend(list(m.last(1))),
    b"e": lambda m: m.extend(m.items()),
    b"}": lambda m: m.push({}),
    b"d": _pairs,
    b"s": lambda m: m.update(list(m.last(2))),
    b"u": lambda m: m.update(m.items()),
    b"p": lambda m: m.put(int(m.line())),
    b"q": lambda m: m.put(m.number("B")),
    b"r": lambda m: m.put(m.number("<I")),
    b"\x94": lambda m: m.put(len(m.memo)),
    b"g": lambda m: m.get(int(m.line())),
    b"h": lambda m: m.get(m.number("B")),
    b"j": lambda m: m.get(m.number("<I")),
    b"c": lambda m: m.name(m.line().decode(), m.line().decode()),
    b"\x93": lambda m: m.name(*m.last(2)),
    b"R": _Machine.call,
    b"b": _Machine.build,
}
REFUSED = {
    **dict.fromkeys((b"P", b"Q"), "a persistent object"),
    **dict.fromkeys((b"i", b"o", b"\x81", b"\x92"), "an object of a class"),
    **dict.fromkeys((b"\x82", b"\x83", b"\x84"), "an extension"),
    **dict.fromkeys((b"\x97", b"\x98"), "a buffer that is elsewhere"),
}
