"""HTTP for tests, requests and answers as values; also on sockets that somebody else has opened."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class LostReplyError(Exception):
    """What was asked was done, and nobody hears of it: the connection ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """`target` as it was sent: path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """Of the query protocol: in the body, or in the address."""
        text = self.body.decode("utf-8", "replace") if self.method == "POST" else urlsplit(self.target).query
        return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """`is_cut`: half of the body comes through, then the connection ends."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False


Answering = Callable[[Request], Answer]
_OURS = {"content-length", "connection", "transfer-encoding", "date", "server"}


class _Server(ThreadingHTTPServer):
    """Closing it ends the connections that clients keep open, and waits for their threads."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, listening: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("", 0), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_address = listening.getsockname()
        self.connections: set[Any] = set()

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        self.connections.add(request)
        return request, address

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a machine that is killed hangs up
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()


class Service:
    """Answers on a listening socket until it is closed; the socket is its own then."""

    def __init__(self, listening: socket.socket, answering: Answering) -> None:
        self._server = _Server(listening, _handler(answering))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def serving(answering: Answering, host: str = "127.0.0.1") -> Iterator[str]:
    """The URL at which it answers."""
    service = Service(listening := socket.create_server((host, 0)), answering)
    try:
        yield f"http://{host}:{listening.getsockname()[1]}"
    finally:
        service.close()


def _handler(answering: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # whoever was killed hangs up
                self.close_connection = True
                return
            try:
                self._say(answering(Request(self.command, self.path, self.headers, body)))
            except LostReplyError:
                self.close_connection = True

        def _say(self, answer: Answer) -> None:
            self.send_response(answer.status)
            length = str(len(answer.body))
            if self.command == "HEAD":
                length = answer.headers.get("Content-Length", length)
            for name, value in answer.headers.items():
                if name.lower() not in _OURS:
                    self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if answer.is_cut else answer.body)
            self.close_connection |= answer.is_cut

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


def forward(request: Request, to: str) -> Answer:
    """The answer of the service at the URL `to`."""
    parts = urlsplit(to)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    dropped = {"content-length", "transfer-encoding", "expect", "connection"}
    headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
    with contextlib.closing(connection):
        connection.request(request.method, request.target, body=request.body, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), dict(answer.getheaders()))
