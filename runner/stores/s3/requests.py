"""Requests from elsewhere (`cancel`): small objects below `requests/`, oldest first by name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from runner.stores.s3.objects import Listed, Objects

LOOK_EVERY = 5.0
"""Seconds between two looks: a run without an end must not ask S3 five times a second."""
_FOLDER = "requests/"


class Requests:
    """`since`: what came before (seconds since the epoch, by the store's clock) does not count any more."""

    def __init__(
        self,
        objects: Objects,
        *,
        every: float = LOOK_EVERY,
        since: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._every = every
        self._since = since
        self._clock = clock
        self._due = 0.0
        self._given: list[str] = []

    def found(self) -> list[dict[str, Any]]:
        """Those that came, oldest first; those given before are removed. Looks every few seconds at most."""
        now = self._clock()
        if now < self._due:
            return []
        self._due = now + self._every
        for name in self._given:
            self._objects.delete(name)
        self._given = []
        found, names = [], []
        for listed in self._objects.names(_FOLDER):
            body = self._body(listed)
            names.append(listed.name)
            if body is not None:
                name = listed.name.removeprefix(_FOLDER).removesuffix(".json")
                found.append({**body, "request": name})
        self._given = names  # only now: had one of them not been to be read, none would have been given
        return found

    def _body(self, listed: Listed) -> dict[str, Any] | None:
        """None for what does not count."""
        one = self._objects.get(listed.name) if listed.modified >= self._since else None
        return _record(one.body) if one is not None else None


def put_request(objects: Objects, body: Mapping[str, Any], name: str = "") -> str:
    """Lay down a request for whoever runs this run; its name. One that is there stays as it is."""
    name = name or f"{time.time_ns()}-{secrets.token_hex(4)}"
    objects.create(f"{_FOLDER}{name}.json", json.dumps(dict(body)).encode())
    return name


def _record(body: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
