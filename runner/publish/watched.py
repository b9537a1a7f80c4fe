"""A run that is to be followed, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runner.model import Outcome
from runner.publish.claiming import Claims
from runner.publish.target import Target
from runner.runs.source import Where
from runner.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A run that may not exist yet.

    `alive`: whether somebody runs it, or soon will; nobody does where its log has come to its end. `waiting`:
    what it waits for while nobody runs it yet, in words (`machine i-0abc is booting, 40 s`); what follows the
    first comma may change with each call. Of a run that is not on this machine both are asked in a thread of
    their own, `alive` each 30 seconds and when the log says that the run is over; they may raise RunnerError
    where they cannot tell.

    `claims`: those of the run, where several may follow it at the same time.

    `expected` and `before`: seconds that an earlier run took, and each of its jobs, where that is known.
    """

    where: Where
    target: Target
    alive: Callable[[], bool]
    waiting: Callable[[], str] = lambda: ""
    claims: Claims | None = None
    expected: float | None = None
    before: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a run. `outcome` is None where it has not finished (interrupted, died, never begun).

    `published`: all of it is on the forge. `handed_over`: it is not, and the time was up: another follower
    goes on from what is there. `state` is what was read last.
    """

    run_id: str
    outcome: Outcome | None
    published: bool
    handed_over: bool = False
    state: RunState | None = field(default=None, repr=False)
