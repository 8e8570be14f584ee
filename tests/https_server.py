"""A local https server that fails as networks and servers do, one fault a request."""

import contextlib
import functools
import http.server
import os
import re
import socket
import ssl
import struct
import threading
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import trustme


class Fault(NamedTuple):
    """What the server does to a request; `at` is where in the bytes that it sends."""

    kind: str
    at: int = 0


FINE = Fault("fine")
PASSING = (  # faults of which a download recovers
    "cut short",
    "reset",
    "stalled",
    "no answer",
    "no http",
    "500",
    "503",
    "429",
    "no ranges",
    "wrong range",
    "no range told",
    "elsewhere",
    "drip",
    "no length",
)
LASTING = ("corrupt", "404", "403", "to http", "shorter file", "longer file", "in circles")


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def do_GET(self):
        server = self.server
        self.close_connection = True
        server.asked.append(self.headers.get("Range"))
        with server.lock:
            fault = server.faults.pop(0) if server.faults else FINE
        content = server.content
        kind, at = fault
        if kind.isdecimal():
            return self.send_error(int(kind))
        if kind == "no answer":
            return None
        if kind == "no http":
            return self.wfile.write(b"220 welcome to another protocol\r\n\r\n")
        if kind == "to http":
            return self._lead(f"http://localhost:{server.server_port}/file")
        if kind == "elsewhere":
            return self._lead(f"{server.url}/elsewhere")
        if kind == "in circles":
            server.faults.insert(0, fault)
            return self._lead(f"{server.url}/file")
        if kind == "corrupt":
            content = bytearray(content)
            content[at % len(content)] ^= 0x40
        if kind == "shorter file":
            content = content[:-1]
        if kind == "longer file":
            content = content + b"more"
        return self._send(content, kind, at)

    def _lead(self, url):
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content, kind, at):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked and kind != "no ranges" else 0
        if asked and start >= len(content):
            return self.send_error(416)
        self.send_response(206 if asked and kind != "no ranges" else 200)
        if asked and kind != "no ranges":
            start = at % len(content) if kind == "wrong range" else start
            if kind != "no range told":
                span = f"bytes {start}-{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", span)
        body = bytes(content[start:])
        if kind == "no length":
            body += b"and more than was promised"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return self._write(body, kind, at)

    def _write(self, body, kind, at):
        body, rest = (
            (body, b"") if kind not in ("cut short", "reset", "stalled") else _cut(body, at)
        )
        slowly = kind == "drip" or self.server.slow
        step = max(len(body) // 20, 1) if slowly else 1 << 16
        for place in range(0, len(body), step):
            self.wfile.write(body[place : place + step])
            if slowly:
                self.server.ended.wait(self.server.slow or 0.002)
        if kind == "stalled":
            self.server.ended.wait(5)
            self.wfile.write(rest)  # to a client that had the patience
        if kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.socket.close(self.connection)  # the bytes that are under way are lost too


def _cut(body, at):
    at %= max(len(body), 1)
    return body[:at], body[at:]


class Server(http.server.ThreadingHTTPServer):
    """Serves one content at every path; `faults` befall the next requests, in their order."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self, content: bytes, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.context, self.slow = content, context, 0.0
        self.faults: list[Fault] = []
        self.asked: list[str | None] = []  # the Range of each request
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.url = f"https://localhost:{self.server_port}"

    def finish_request(self, request, client_address):
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request, client_address):
        pass  # a client that goes away is what the tests are about


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@contextlib.contextmanager
def serving(content: bytes, folder: Path, trusted: bool = True):
    """The server, and a process whose SSL_CERT_FILE, a file in `folder`, has its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost").configure_cert(context)
    known = Path(folder) / "authority.pem"
    (authority() if trusted else trustme.CA()).cert_pem.write_to_path(known)
    changes = {"SSL_CERT_FILE": str(known), "no_proxy": "localhost"}
    with Server(content, context) as server, mock.patch.dict(os.environ, changes):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
