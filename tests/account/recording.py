"""A way to AWS that remembers what was asked, by whom; for the program and all the processes it starts."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

_SIGNED = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Seen:
    """One request as it was sent. `key`: the id of the credential that signed it, "" where none did.

    `headers` in small letters. `status`: of the answer.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def key(self) -> str:
        return self._signed(1)

    @property
    def region(self) -> str:
        return self._signed(2)

    @property
    def service(self) -> str:
        return self._signed(3)

    def _signed(self, group: int) -> str:
        found = _SIGNED.search(self.headers.get("authorization", ""))
        return found[group] if found else ""


@dataclass
class Recorder:
    """In front of `endpoint`. `fault(method, target)`: whether a request is refused instead of passed on."""

    endpoint: str
    fault: Callable[[str, str], bool] = lambda _method, _target: False
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handler(self) -> type[BaseHTTPRequestHandler]:
        recorder = self
        to = urlsplit(self.endpoint)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # a machine that was killed hangs up
                    self.close_connection = True
                    return
                with recorder.lock:
                    refused = recorder.fault(self.command, self.path)
                status, headers, answer = _REFUSAL if refused else self._ask(body)
                target = urlsplit(self.path)
                seen = Seen(
                    method=self.command,
                    path=unquote(target.path),
                    query=dict(parse_qsl(target.query, keep_blank_values=True)),
                    headers={name.lower(): value for name, value in self.headers.items()},
                    body=body,
                    status=status,
                )
                with recorder.lock:
                    recorder.seen.append(seen)
                self._answer(status, headers, answer)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass

            def _ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
                connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
                with contextlib.closing(connection):
                    kept = {
                        name: value
                        for name, value in self.headers.items()
                        if name.lower() not in ("expect", "transfer-encoding")
                    }
                    connection.request(self.command, self.path, body=body, headers=kept)
                    answer = connection.getresponse()
                    return answer.status, dict(answer.getheaders()), answer.read()

            def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                is_head = self.command == "HEAD"
                length = headers.get("Content-Length", "0") if is_head else str(len(body))
                self.send_header("Content-Length", length)
                self.end_headers()
                if not is_head:
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler


_REFUSAL = (
    403,
    {"Content-Type": "text/xml"},
    b"<Error><Code>InvalidRequest</Code><Message>m</Message></Error>",
)
