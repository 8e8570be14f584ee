"""Messages between processes: one JSON object per line, over TCP.

JSON alone: what strangers may send to an open port is never unpickled.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from fnet.errors import ConfigurationError

LONGEST = 2**20  # bytes of a line
PAUSE = 0.1  # seconds between attempts to connect


class Line:
    """A connection to another process."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.reader = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message; OSError where the other process is gone."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            self.socket.sendall(data)

    def receive(self) -> dict[str, Any]:
        """The next message; EOFError where there is none, ValueError where it is no message."""
        line = self.reader.readline(LONGEST)
        if not line:
            raise EOFError
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("not a message")
        return message

    def close(self) -> None:
        """End the connection, also for a thread that reads from it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.close()
        self.socket.close()


class Server:
    """Calls `meet` with each connection to a listening socket, in a thread of its own."""

    def __init__(self, listener: socket.socket, meet: Callable[[Line], None]) -> None:
        self._listener, self._meet = listener, meet
        self.port: int = listener.getsockname()[1]
        started(self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # once it is closed
            while True:
                started(self._meet, Line(self._listener.accept()[0]))

    def close(self) -> None:
        """Accept no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def started(work: Callable[..., None], *args: Any) -> None:
    """Begin this work in a thread, which does not keep the process alive."""
    threading.Thread(target=work, args=args, daemon=True).start()


def address_of(coordinator: str) -> tuple[str, int]:
    """The host and the port of HOST:PORT.

    >>> address_of("10.0.0.1:5000"), address_of("[::1]:5000")
    (('10.0.0.1', 5000), ('::1', 5000))
    """
    host, colon, port = coordinator.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16):
        raise ConfigurationError(
            f"coordinator is {coordinator!r}; it must be HOST:PORT, where process 0 runs and a "
            "port that is free there: 10.0.0.1:5000"
        )
    return host.strip("[]"), int(port)


def listening(host: str, port: int) -> socket.socket:
    """A socket that accepts connections: from this machine alone where `host` is loopback.

    Otherwise from any, since a machine may know its own name as another address than others do.
    """
    local = host == "localhost" or host.startswith("127.") or host == "::1"
    dual = not local and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or host == "::1" else socket.AF_INET
    where = ("::1" if host == "::1" else "127.0.0.1") if local else ""
    try:
        return socket.create_server((where, port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise ConfigurationError(
            f"coordinator {host}:{port}: process 0 cannot listen there "
            f"({error.strerror or error}); name a port that is free"
        ) from None


def dialled(address: tuple[str, int], seconds: float) -> socket.socket:
    """A connection to this address, tried for so many seconds; OSError where there is none."""
    end = time.monotonic() + seconds
    while True:
        try:
            connection = socket.create_connection(address, max(PAUSE, end - time.monotonic()))
            connection.settimeout(None)
            return connection
        except OSError:
            if time.monotonic() + PAUSE > end:
                raise
        time.sleep(PAUSE)


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
