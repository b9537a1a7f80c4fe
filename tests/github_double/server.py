"""The double on a port of the loopback: `with serving(Double(clock)) as double:`, then ask `double.api`."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.github_double.double import Double


@contextlib.contextmanager
def serving(double: Double, *, prefix: str = "") -> Iterator[Double]:
    """`prefix`: `/api/v3`, as GitHub Enterprise Server has."""
    server = _Server(("127.0.0.1", 0), _Connection)
    server.double = double
    double.api = f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="github-double"
    )
    thread.start()
    try:
        yield double
    finally:
        double.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    double: Double
    daemon_threads = True  # a client that keeps its connection must not keep the test

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle is no mistake; anything else would be one of the double."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            self.double.violations.append(f"the double failed: {error!r}")


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: _Server

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        reply = self.server.double.serve(self.command, self.path, self.headers, raw)
        if reply is None:
            self.close_connection = True
            return
        packed = b"" if reply.body is None else _packed(reply.body)
        self.send_response(reply.status)
        if reply.body is not None:
            kind = "application/zip" if isinstance(reply.body, bytes) else "application/json; charset=utf-8"
            self.send_header("Content-Type", kind)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(packed)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(packed)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def log_message(self, *args: Any) -> None:
        """The calls are in `double.calls`."""


def _packed(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
