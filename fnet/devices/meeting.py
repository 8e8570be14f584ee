"""How processes that train together find each other: all come to process 0."""

import contextlib
import time
from typing import Any

from fnet.devices.lines import Line, Server, dialled, listening
from fnet.devices.tunnels import forward
from fnet.errors import ConfigurationError, WorkerError

NAME = "processes that train together"  # by which process 0 greets
GREETING = 10.0  # seconds in which it does


def all_others(
    address: tuple[str, int], count: int, jax_port: int, seconds: float
) -> tuple[Server, dict[int, Line]]:
    """What process 0 listens with, and its connections to all others, when all have come.

    Later, connections of JAX go on to `jax_port`. Raises ConfigurationError where one of another
    number comes, and WorkerError where one does not come.
    """
    lines: dict[int, Line] = {}
    refusals: list[str] = []

    def meet(line: Line) -> None:
        hello = _hello(line)
        number = hello.get("process")
        if hello.get("to") == "jax":
            forward(line, jax_port, seconds)
        elif number is None:
            line.close()
        elif hello.get("processes") != count:
            words = f"of {hello.get('processes')} processes, and process 0 is one of {count}"
            refuse(line, f"process {number} is one {words}")
        elif number in lines or number not in range(1, count):
            refuse(line, f"there are two processes {number}, one of them the first that came")
        else:
            lines[number] = line

    def refuse(line: Line, words: str) -> None:
        refusals.append(f"{words}; give each a number of its own, and all the same `processes`")
        with contextlib.suppress(OSError):
            line.send(refused=refusals[-1])
        line.close()

    server = Server(listening(*address), meet)
    end = time.monotonic() + seconds
    while len(lines) < count - 1 and not refusals and time.monotonic() < end:
        time.sleep(0.01)
    if len(lines) < count - 1:
        server.close()
        for line in lines.values():
            line.close()
        if refusals:
            raise ConfigurationError(refusals[0])
        missing = [str(number) for number in range(1, count) if number not in lines]
        raise WorkerError(
            f"process {', '.join(missing)} of {count} did not come to {address[0]}:{address[1]} "
            f"within {seconds:g} s; start it, with this coordinator, and see that its machine "
            "reaches this one"
        )
    for line in lines.values():
        line.send(all=count)
    return server, lines


def _hello(line: Line) -> dict[str, Any]:
    """What another process says first; nothing, where it is none of fnet's."""
    try:
        line.socket.settimeout(GREETING)
        line.send(fnet=NAME)
        hello = line.receive()
        line.socket.settimeout(None)
        return hello
    except (EOFError, OSError, ValueError):
        return {}


def first(address: tuple[str, int], index: int, count: int, seconds: float) -> Line:
    """The connection to process 0, when all have come."""
    where, end = f"{address[0]}:{address[1]}", time.monotonic() + seconds
    line = _greeted(address, seconds)
    line.send(process=index, processes=count)
    line.socket.settimeout(max(GREETING, end - time.monotonic()) + GREETING)
    try:
        answer = line.receive()
    except (EOFError, OSError, ValueError):
        line.close()
        raise WorkerError(
            f"process 0, at {where}, ended or said nothing for {seconds:g} s before all processes "
            "had come; see its own error"
        ) from None
    if "refused" in answer:
        line.close()
        raise ConfigurationError(answer["refused"])
    line.socket.settimeout(None)
    return line


def tunnelled(address: tuple[str, int], seconds: float) -> Line:
    """A connection to JAX's service, by way of process 0."""
    line = _greeted(address, seconds)
    line.send(to="jax")
    return line


def _greeted(address: tuple[str, int], seconds: float) -> Line:
    where = f"{address[0]}:{address[1]}"
    try:
        line = Line(dialled(address, seconds))
    except OSError as error:
        raise WorkerError(
            f"nobody answers at {where} ({error.strerror or error}; tried for {seconds:g} s); "
            "start process 0 there, or correct the coordinator"
        ) from None
    try:
        line.socket.settimeout(GREETING)
        if line.receive().get("fnet") == NAME:
            line.socket.settimeout(None)
            return line
    except (EOFError, OSError, ValueError):
        pass
    line.close()
    raise ConfigurationError(
        f"what answers at {where} is not process 0 of fnet; correct the coordinator"
    )
