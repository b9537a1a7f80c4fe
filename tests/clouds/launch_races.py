"""Launchers that race for one generation, call by call, in every order.

A launcher is run again from its start for each call, with the replies it had so far, as in
`tests.stores.strict_objects`. The k-th launch has the machine `i-k`, since one token gives one machine.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from runner.errors import CapacityError, CloudUnsureError, RunnerError
from runner.launching.launch import launch
from runner.launching.ledger import claim_name, decode, record_name
from runner.launching.naming import LAUNCH, tags_of
from runner.ports import Instance, LaunchRequest
from runner.stores.s3 import Found
from tests.clouds.claiming import claim
from tests.clouds.making import ATTEMPTS, PURPOSE, requests

Reply: TypeAlias = bytes | bool | int | str | frozenset[int] | None
Call: TypeAlias = tuple[str, str, bytes]
"""What, its name or number, and its body."""


def machine(number: int) -> Instance:
    return Instance(id=f"i-{number}", state="running", launched=float(number), tags=tags_of(PURPOSE, number))


class _Pause(BaseException):
    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


class _Replayed:
    """Ledger and cloud in one: answers what it was told to; the first call beyond pauses its launcher."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = iter(replies)

    def _next(self, what: str, name: str, body: bytes = b"") -> Any:
        for reply in self._replies:
            return reply
        raise _Pause((what, name, body))

    def get(self, name: str, span: str = "") -> Found | None:
        body = self._next("get", name)
        return None if body is None else Found(body=body)

    def create(self, name: str, body: bytes) -> bool:
        return bool(self._next("create", name, body))

    def now(self) -> float:
        return 0.0

    def find(self, tags: Mapping[str, str]) -> list[Instance]:
        return [machine(number) for number in sorted(self._next("find", ""))]

    def launch(self, request: LaunchRequest) -> Instance:
        reply = self._next("launch", request.tags[LAUNCH], repr(request).encode())
        if reply == "capacity":
            raise CapacityError("no such machine is free")
        if reply == "unsure":
            raise CloudUnsureError("no answer")
        return machine(reply)


@functools.cache
def _requests(launcher: str) -> list[LaunchRequest]:
    return requests(ATTEMPTS[1:], user_data=launcher)


@functools.lru_cache(maxsize=200_000)
def run(launcher: str, replies: tuple[Reply, ...]) -> Call | str:
    """What a launcher calls next, or how it ended: the machine's id, or the error's name.

    Each has user data of its own, as launchers of two versions would.
    """
    world: Any = _Replayed(replies)
    try:
        made = launch(PURPOSE, _requests(launcher), world, world, sleep=lambda _: None)
    except _Pause as pause:
        return pause.call
    except RunnerError as error:
        return type(error).__name__
    return made.instance_id


@dataclass(frozen=True)
class World:
    """A moment. `short`: launches for which there is no machine; `wavers`: or perhaps there is, next time.

    `faults`: how many replies may still be lost; `stale`: how many looks may still miss everything. `agents`:
    whether machines come up and claim the run meanwhile.
    """

    launchers: tuple[str, ...]
    replies: tuple[tuple[Reply, ...], ...]
    short: frozenset[int] = frozenset()
    wavers: bool = False
    faults: int = 0
    stale: int = 0
    agents: bool = False
    held: tuple[tuple[str, bytes], ...] = ()
    machines: frozenset[int] = frozenset()

    def moves(self) -> Iterator[World]:
        """Every moment that can be next: a launcher is answered, or a machine's agent claims the run."""
        for at, name in enumerate(self.launchers):
            call = run(name, self.replies[at])
            if not isinstance(call, str):
                yield from self._answers(at, *call)
        if self.agents and claim_name(1) not in dict(self.held):
            yield from map(self.claimed, self.machines)

    def _answers(self, at: int, what: str, name: str, body: bytes) -> Iterator[World]:
        there = dict(self.held).get(name)
        if what == "get":
            yield self._replied(at, there)
        elif what == "create":
            yield (self if there is not None else self._stored(name, body))._replied(at, there is None)
        elif what == "find":
            yield self._replied(at, self.machines)
            if self.machines and self.stale:
                yield replace(self, stale=self.stale - 1)._replied(at, frozenset())
        else:
            yield from self._launches(at, int(name), body)

    def _launches(self, at: int, number: int, asked: bytes) -> Iterator[World]:
        recorded = decode(Found(body=dict(self.held)[record_name(1, number)]), "the record")
        assert asked == repr(recorded.request).encode(), "a launch was asked for that is not in the ledger"
        if number in self.machines:
            yield self._replied(at, number)
            return
        if number in self.short:
            yield self._replied(at, "capacity")
        if number not in self.short or self.wavers:
            made = replace(self, machines=self.machines | {number})
            yield made._replied(at, number)
            if self.faults:
                yield replace(made, faults=self.faults - 1)._replied(at, "unsure")
        if self.faults:
            yield replace(self, faults=self.faults - 1)._replied(at, "unsure")

    def claimed(self, number: int) -> World:
        held = {name: Found(body=body) for name, body in self.held}
        ledger = _Held(held)
        claim(ledger, 1, f"i-{number}")
        return replace(self, held=tuple(sorted((name, found.body) for name, found in held.items())))

    def _stored(self, name: str, body: bytes) -> World:
        return replace(self, held=tuple(sorted((*self.held, (name, body)))))

    def _replied(self, at: int, reply: Reply) -> World:
        replies = (*self.replies[:at], (*self.replies[at], reply), *self.replies[at + 1 :])
        return replace(self, replies=replies)

    def ends(self) -> list[str]:
        """How each launcher ended; "" for one that has not."""
        ends = [run(name, replies) for name, replies in zip(self.launchers, self.replies, strict=True)]
        return [end if isinstance(end, str) else "" for end in ends]


class _Held:
    def __init__(self, held: dict[str, Found]) -> None:
        self._held = held

    def get(self, name: str, span: str = "") -> Found | None:
        return self._held.get(name)

    def create(self, name: str, body: bytes) -> bool:
        return self._held.setdefault(name, found := Found(body=body)) is found

    def now(self) -> float:
        return 0.0


def explore(start: World) -> list[World]:
    """Every moment that a race can come to, each once."""
    seen, waiting = {start}, [start]
    while waiting:
        for world in waiting.pop().moves():
            if world not in seen:
                seen.add(world)
                waiting.append(world)
    return list(seen)


def race(launchers: int = 2, **circumstances: Any) -> World:
    names = tuple(f"#!/bin/sh\n# launcher {number}\n" for number in range(launchers))
    return World(launchers=names, replies=((),) * launchers, **circumstances)
