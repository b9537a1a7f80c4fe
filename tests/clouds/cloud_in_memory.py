"""A cloud in memory, with all that is hard about a real one: the embedded implementation of the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.errors import CapacityError, CloudEndedError, CloudRefusedError, CloudUnsureError
from runner.launching.naming import is_of
from runner.ports import Image, Instance, LaunchRequest


@dataclass
class MemoryCloud:
    """`short_of`, `lag`, `lost` as in `tests.aws_strict.Region`."""

    short_of: Callable[[str, bool, str], bool] = lambda _type, _spot, _subnet: False
    lag: int = 0
    lost: int = 0
    images: Mapping[str, Image] = field(default_factory=dict)
    held: dict[str, Instance] = field(default_factory=dict)
    tokens: dict[str, tuple[LaunchRequest, str]] = field(default_factory=dict)
    visible_from: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    time: float = 0.0

    def image(self, name: str) -> Image:
        if name not in self.images:
            raise CloudRefusedError(f"there is no image {name}", hint="name another")
        return self.images[name]

    def security_group(self, given: str) -> str:
        return given or "sg-closed"

    def check(self, request: LaunchRequest) -> None:
        if len(request.user_data.encode()) > 16_384:
            raise CloudRefusedError("the user data is too large", hint="make it smaller")

    def launch(self, request: LaunchRequest) -> Instance:
        self.check(request)
        if request.token in self.tokens:
            before, known = self.tokens[request.token]
            if before != request:
                raise CloudUnsureError("the token was used for another request", hint="look first")
            if self.held[known].is_gone:
                raise CloudEndedError("the machine of this request has ended", hint="take a new generation")
            return self.held[known]
        if self.short_of(request.type, request.spot, request.subnet):
            raise CapacityError(f"no {request.type} is free in {request.subnet}", hint="try others")
        self.time += 1
        made = Instance(
            id=f"i-{len(self.held) + 1}",
            state="pending",
            type=request.type,
            spot=request.spot,
            launched=self.time,
            tags=dict(request.tags),
        )
        self.held[made.id] = made
        self.tokens[request.token] = (request, made.id)
        self.visible_from[made.id] = self.looks + self.lag + 1
        if self.lost:
            self.lost -= 1
            raise CloudUnsureError("EC2 does not answer", hint="look first")
        return made

    def find(self, tags: Mapping[str, str]) -> Sequence[Instance]:
        return [one for one in self._seen() if is_of(one, tags)]

    def describe(self, instance_ids: Sequence[str]) -> Sequence[Instance]:
        return [one for one in self._seen() if one.id in instance_ids]

    def _seen(self) -> list[Instance]:
        self.looks += 1
        seen = [one for one in self.held.values() if self.looks >= self.visible_from[one.id]]
        return sorted(seen, key=lambda one: (one.launched, one.id))

    def terminate(self, instance_ids: Sequence[str], tags: Mapping[str, str]) -> Sequence[str]:
        ended = [one.id for one in self.describe(instance_ids) if is_of(one, tags)]
        for instance_id in ended:
            self.end(instance_id, "terminated")
        return ended

    def console(self, instance_id: str) -> str:
        return "" if instance_id in self.held else "no such machine"

    def end(self, instance_id: str, ended: str, reason: str = "it ended") -> None:
        gone = replace(self.held[instance_id], state="terminated", ended=ended, reason=reason)
        self.held[instance_id] = gone

    def living(self) -> list[Instance]:
        return [one for one in self.held.values() if not one.is_gone]
