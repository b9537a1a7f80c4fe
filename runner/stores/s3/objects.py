"""The few things that the log, the claims and the leases ask of a bucket.

Small, so that it can be stood in for by something stricter than any emulator. Every method raises StoreError;
StoreBusyError where the same call may succeed later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`modified`: seconds since the epoch, by the store's clock. `etag` names this version of the object."""

    body: bytes
    modified: float = 0.0
    etag: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """`name` as the other methods take it; `size` in bytes."""

    name: str
    size: int
    modified: float = 0.0


class Readable(Protocol):
    """Objects by relative names. What was written is seen by every later read, as S3 promises."""

    def get(self, name: str) -> Found | None:
        """The whole object; None where there is none."""


class Objects(Readable, Protocol):
    """The same, to be written too."""

    def get(self, name: str, span: str = "") -> Found | None:
        """`span`: only these bytes of it (`bytes=FROM-TO`)."""

    def create(self, name: str, body: bytes) -> bool:
        """Write it unless it exists (`If-None-Match: *`); False where it does. Never overwrites."""

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str]) -> bool:
        """Write it if it is still the version `etag` ("": if it does not exist); False where it is not."""

    def delete(self, name: str) -> None:
        """What is not there is deleted already."""

    def names(self, prefix: str) -> Sequence[Listed]:
        """All whose name begins with `prefix`, sorted by name."""

    def now(self) -> float:
        """The store's own clock, as of its last answer: ages are differences between its times alone."""
