"""How a run on a machine stands, from all that can be seen of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from runner.bundle.order import MachineOrder
from runner.launching.steps import REPLAYABLE
from runner.ports import Instance
from runner.state import RunPhase, RunState
from runner.units import format_duration

SILENT = 180.0
"""Seconds without a word, of an agent that gives a sign of life each minute."""
FORGOTTEN = 600.0
"""Seconds without a word, of one whose machine the cloud does not know."""
BOOTING = 15 * 60.0
"""Seconds that a machine has for its first word."""


class Standing(Enum):
    HELD = auto()  # no machine was ordered: it waits for another run, or its launcher died
    UNASKED = auto()  # a machine was ordered, and as far as anybody can see there is none
    STARTING = auto()
    WORKING = auto()
    SILENT = auto()  # its machine lives, and says nothing any more
    GONE = auto()  # its machine ended before the run
    UNBOOTED = auto()  # its machine never said a word, and will not
    INTERRUPTED = auto()  # it stopped by itself, and says why: somebody may go on with it
    UNREADABLE = auto()  # its machine is gone, and its log says what no runner writes
    OVER = auto()


GOES_ON = frozenset({Standing.HELD, Standing.UNASKED, Standing.STARTING, Standing.WORKING})
ENDED = frozenset({Standing.OVER, Standing.INTERRUPTED, Standing.UNREADABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Ages in seconds, by the bucket's clock. `generation` 0: none was opened; `order` is that of the newest.

    `told_by`: the newest generation that has a line in the log, or has fenced it. `silent`: since its last
    word. `asked`: since the newest request of the generation, None without one. `holder` has claimed it.
    `machines` are those of the generation that the cloud knows. `lost_because`: the log's last word is that
    its machine was lost. `is_own`: that word, or that the run is over or interrupted, is of the newest
    generation, and not what an earlier machine left. `unreadable`: why its log is read no further than
    `state`.
    """

    state: RunState = field(repr=False)
    generation: int = 0
    order: MachineOrder | None = None
    told_by: int = 0
    silent: float = 0.0
    asked: float | None = None
    holder: str = ""
    machines: Sequence[Instance] = ()
    lost_because: str = ""
    is_own: bool = False
    unreadable: str = ""

    @property
    def machine(self) -> Instance | None:
        """The one that has the run, else one that may get it, else the last that might have."""
        named = [one for one in self.machines if one.id == self.holder]
        living = [one for one in self.machines if not one.is_gone]
        return next(iter([*named, *living, *reversed(self.machines)]), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`why` in words, where there is something to be said."""

    standing: Standing
    why: str = ""


def judge(facts: Facts) -> Verdict:
    if facts.unreadable and facts.generation:
        return _unreadable(facts)
    has_spoken = facts.told_by >= facts.generation > 0
    is_over = facts.state.phase is RunPhase.FINISHED
    is_final = facts.order is None or facts.order.action == "run" or (has_spoken and facts.is_own)
    if is_over and is_final:
        return Verdict(standing=Standing.OVER)
    if facts.generation == 0:
        return Verdict(standing=Standing.HELD)
    return _spoken(facts) if has_spoken else _unspoken(facts)


def _unreadable(facts: Facts) -> Verdict:
    """A newer runner may write what this one cannot read: its machine is left to its time to live."""
    is_awaited = not facts.machines and facts.asked is not None and facts.asked < FORGOTTEN
    if is_awaited or any(not one.is_gone for one in facts.machines):
        return Verdict(standing=Standing.WORKING)
    return Verdict(standing=Standing.UNREADABLE, why=facts.unreadable)


def _spoken(facts: Facts) -> Verdict:
    machine = facts.machine
    if facts.lost_because and facts.is_own:
        return Verdict(standing=Standing.GONE, why=facts.lost_because)
    if facts.state.phase is RunPhase.INTERRUPTED and facts.is_own:
        return Verdict(standing=Standing.INTERRUPTED, why=facts.state.interrupted)
    if machine is not None and machine.is_gone:
        return Verdict(standing=Standing.GONE, why=_ended(machine))
    if machine is None:
        named = facts.holder or "its machine"
        gone = Verdict(
            standing=Standing.GONE, why=f"{named} is gone, and the cloud does not know it any more"
        )
        return gone if facts.silent > FORGOTTEN else Verdict(standing=Standing.WORKING)
    if facts.silent > SILENT:
        why = f"{machine.id} has said nothing for {facts.silent / 60:.0f} minutes"
        return Verdict(standing=Standing.SILENT, why=why)
    return Verdict(standing=Standing.WORKING)


def _unspoken(facts: Facts) -> Verdict:
    machine = facts.machine
    if facts.asked is None:
        return Verdict(standing=Standing.UNASKED)
    if machine is None:
        return _unseen(facts, facts.asked)
    if machine.is_gone and machine.ended == "capacity":
        return Verdict(standing=Standing.UNASKED, why=machine.reason)
    if machine.is_gone:
        return Verdict(standing=Standing.UNBOOTED, why=_ended(machine))
    if facts.asked > BOOTING:
        why = f"{machine.id} has said nothing for {facts.asked / 60:.0f} minutes since it was asked for"
        return Verdict(standing=Standing.UNBOOTED, why=why)
    words = f"machine {machine.id} ({machine.type}) is booting, {format_duration(facts.asked)}"
    return Verdict(standing=Standing.STARTING, why=words)


def _unseen(facts: Facts, asked: float) -> Verdict:
    """To ask again is safe: the same request gives the same machine, also one that cannot be seen yet.

    But nobody asks for a machine where one has claimed the generation: that one is gone, or was never ours.
    """
    if facts.holder and asked > FORGOTTEN:
        why = f"machine {facts.holder} claimed the run and said nothing, and the cloud does not know it"
        return Verdict(standing=Standing.UNBOOTED, why=why)
    if asked > REPLAYABLE:
        return Verdict(standing=Standing.UNBOOTED, why="a machine was asked for, and none ever came")
    return Verdict(standing=Standing.UNASKED, why="a machine was asked for")


def _ended(machine: Instance) -> str:
    said = {
        "spot": "EC2 took its spot machine back",
        "shutdown": "it shut down by itself",
        "terminated": "somebody ended it",
        "trouble": "EC2 had trouble with it",
    }.get(machine.ended, "")
    words = "; ".join(word for word in (said, machine.reason) if word)
    return f"machine {machine.id} is gone" + (f": {words}" if words else "")
