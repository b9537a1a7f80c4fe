"""What launchers tell each other, and the agents: who asked for which machine, and which machine has the run.

Names are those below the run's own place: `launch/GEN-K.json`, `agent/GEN`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from runner.errors import LogError
from runner.ports import LaunchRequest

_LOG_STEP = 1000
_LONGEST_ID = 60
_CLAIM = "bytes=0-1023"
"""Of a claim: jobs that have their machine's role write there what they want."""


class Entry(Protocol):
    """`modified`: seconds since the epoch, by the ledger's own clock."""

    @property
    def body(self) -> bytes: ...

    @property
    def modified(self) -> float: ...


class Ledger(Protocol):
    """Pages that are written once. A bucket of `runner.stores.s3` is one; all methods raise StoreError."""

    def get(self, name: str, span: str = "", /) -> Entry | None:
        """`span`: only these bytes of it (`bytes=FROM-TO`)."""

    def create(self, name: str, body: bytes) -> bool:
        """Write it unless it is there; False where it is. Never overwrites."""

    def now(self) -> float:
        """The ledger's clock, as of its last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The `number`-th launch of a generation, complete. `because`: what definitely became of the one before.

    That a record exists says that none with a lower number may be asked for any more.
    """

    generation: int
    number: int
    request: LaunchRequest
    because: str = ""
    modified: float = 0.0


def record_name(generation: int, number: int) -> str:
    return f"launch/{generation}-{number}.json"


def log_generation(generation: int) -> int:
    """By which number a machine's generation writes the log (`stores.s3.Writer`).

    The numbers between are for whoever ends the log of a machine that is gone: one more than the newest seen.
    """
    return _LOG_STEP * generation


def claim_name(generation: int) -> str:
    return f"agent/{generation}"


def encode(record: Record) -> bytes:
    form = asdict(record)
    del form["modified"]
    return json.dumps(form, sort_keys=True, indent=1).encode()


def decode(entry: Entry, name: str) -> Record:
    """Raises LogError."""
    try:
        form = json.loads(entry.body)
        request = LaunchRequest(**form.pop("request"))
        return Record(**form, request=request, modified=entry.modified)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LogError(
            f"{name} is not a record of a launch",
            hint="it was changed by something other than runner, or written by a newer one; use that",
        ) from error


def records(ledger: Ledger, generation: int) -> tuple[Record, ...]:
    """All of a generation, in order. Numbers have no gaps: each is written only after the one before."""
    found: list[Record] = []
    while True:
        name = record_name(generation, len(found) + 1)
        entry = ledger.get(name)
        if entry is None:
            return tuple(found)
        found.append(decode(entry, name))


def claimed_by(ledger: Ledger, generation: int) -> str:
    """The id of the machine that has this generation of the run; "" where none has it yet.

    Machines write there. A claim that cannot be read is nobody's: none can have the generation, so all that
    were asked for end, and the next generation begins.
    """
    entry = ledger.get(claim_name(generation), _CLAIM)
    if entry is None:
        return ""
    try:
        claimed = json.loads(entry.body)["instance_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return claimed if isinstance(claimed, str) and len(claimed) <= _LONGEST_ID else ""


def holder(instance_id: str) -> dict[str, Any]:
    """Who claims, for `S3Store.lease`: the same bytes each time, so an agent that starts again has it."""
    return {"instance_id": instance_id}
