"""The way of JAX's own messages between processes: through the connection that fnet watches.

Where process 0 dies, JAX ends the others in C++ within a millisecond (abort, and a trace of its
stack), before anything in Python could say why. A tunnel stays open on this side, so that fnet has
the word. It also needs no second port, and JAX's service, which would listen on every interface,
listens on this machine alone.
"""

import contextlib
import socket
from collections.abc import Callable

from fnet.devices.lines import Line, Server, dialled, started

PIECE = 2**16  # bytes


def tunnel(connect: Callable[[], Line]) -> Server:
    """A port of this machine; each connection to it goes on through one that `connect` makes."""

    def meet(here: Line) -> None:
        there = connect()
        started(_pump, here, there)
        _pump(there, here, False)  # stays open at its end: JAX takes that for silence

    return Server(socket.create_server(("127.0.0.1", 0)), meet)


def forward(line: Line, port: int, seconds: float) -> None:
    """Connect what comes by `line` with a service of this machine, which may yet have to begin."""
    with contextlib.suppress(OSError):
        service = Line(dialled(("127.0.0.1", port), seconds))
        started(_pump, service, line)
        _pump(line, service)


def _pump(source: Line, sink: Line, closes: bool = True) -> None:
    """Hand on whatever comes; at its end `sink` is closed too, or stays as it is."""
    with contextlib.suppress(OSError, ValueError):
        while data := source.reader.read1(PIECE):
            sink.socket.sendall(data)
    if closes:
        sink.close()
