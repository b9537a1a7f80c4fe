"""Where machines come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a machine boots from. `disk` is the least that its root disk needs, in GiB."""

    id: str
    root_device: str
    disk: int
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRequest:
    """One machine, complete: whoever has this can ask for it again, to the byte.

    `token`: at most 64 characters of ASCII; asked twice with one token, the cloud gives the same machine.
    `disk` in GiB. "" for `subnet`: the cloud's own choice. No field may hold a secret: this is stored, and
    the machine's user data can be read by everybody who may describe it.
    """

    token: str
    image: str
    root_device: str
    type: str
    disk: int
    spot: bool = False
    subnet: str = ""
    security_group: str = ""
    instance_profile: str = ""
    user_data: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A machine as the cloud tells of it; `launched` in seconds since the epoch, by the cloud's clock.

    `state`: `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`. `ended`, the cause:
    `spot`, `capacity`, `shutdown` (from within), `terminated` (by somebody), `trouble` (the cloud's) or "";
    `reason` says it in a sentence.
    """

    id: str
    state: str
    type: str = ""
    spot: bool = False
    zone: str = ""
    launched: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)
    ended: str = ""
    reason: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether it is over for good, or soon will be."""
        return self.state in {"shutting-down", "terminated"}


class Offer(Protocol):
    """What may be launched. All methods of this and the next port raise CloudError."""

    def image(self, name: str) -> Image:
        """By its id, or by the place where its id is published. Raises CloudRefusedError if there is none."""

    def security_group(self, given: str) -> str:
        """The id of the group `given`, or of one of ours, that lets nobody in. Raises CloudRefusedError."""

    def check(self, request: LaunchRequest) -> None:
        """Whether we may launch this, without doing it. Raises CloudRefusedError."""


class Machines(Protocol):
    """What was launched. That of the last minute may be missing from `find` and `describe`."""

    def launch(self, request: LaunchRequest) -> Instance:
        """One machine. Asked again with the same request, the same machine, at least for a day.

        Once that machine has ended, the same request is refused. Raises CapacityError, CloudRefusedError and
        CloudBusyError where nothing was launched, and CloudUnsureError where that cannot be known: then the
        same request is to be asked again, and no other.
        """

    def find(self, tags: Mapping[str, str]) -> Sequence[Instance]:
        """All that carry these tags, oldest first; those that ended stay in it for a while."""

    def describe(self, instance_ids: Sequence[str]) -> Sequence[Instance]:
        """These, without those that the cloud does not know (any more)."""

    def terminate(self, instance_ids: Sequence[str], tags: Mapping[str, str]) -> Sequence[str]:
        """End those that carry the tags, and no others; their ids. One that has ended is no trouble."""

    def console(self, instance_id: str) -> str:
        """What it wrote to its console, as far as the cloud has it: minutes late, and "" before."""


class Cloud(Offer, Machines, Protocol):
    """Where machines come from."""
