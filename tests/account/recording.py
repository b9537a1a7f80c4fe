"""A way to AWS that remembers what was asked, by whom; for the program and all the processes it starts."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.wire import Answer, Request, forward

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

    def answer(self, request: Request) -> Answer:
        with self.lock:
            refused = self.fault(request.method, request.target)
        answer = _REFUSAL if refused else forward(request, self.endpoint)
        seen = Seen(
            method=request.method,
            path=unquote(request.path),
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.body,
            status=answer.status,
        )
        with self.lock:
            self.seen.append(seen)
        return answer


_REFUSAL = Answer(
    403,
    b"<Error><Code>InvalidRequest</Code><Message>m</Message></Error>",
    {"Content-Type": "text/xml"},
)
