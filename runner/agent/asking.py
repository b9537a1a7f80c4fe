"""Requests from elsewhere (`cancel`), brought to the run that goes on here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from runner import events as e
from runner.agent.outlet import Outlet
from runner.stores import directory as stores

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PATIENCE = 30.0
"""Seconds after which a request that the log does not speak of is none that the scheduler takes, once there
is one."""


class Asking:
    """The bucket's requests become local ones. To ask again removes those given before: so not before the
    log elsewhere has them, or this machine's end would be the request's."""

    def __init__(self, directory: Path, outlet: Outlet, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._outlet = outlet
        self._clock = clock
        self._given: set[str] = set()
        self._until = 0.0
        self._has_scheduler = False

    def look(self) -> None:
        """Raises StoreError."""
        now = self._clock()
        if self._given and (now < self._until or not self._has_scheduler):
            return
        self._given.clear()
        for found in self._outlet.requests():
            name = str(found.get("request", ""))
            if _NAME.fullmatch(name):
                stores.request(self._directory, found, name)
                self._given.add(name)
                self._until = now + _PATIENCE

    def told(self, event: e.Event | None) -> None:
        """This has arrived elsewhere."""
        if isinstance(event, e.RunStarted | e.RunResumed):
            self._has_scheduler, self._until = True, self._clock() + _PATIENCE
        if isinstance(event, e.CancelRequested):
            self._given.discard(event.request)
