"""Which machines of a repository should not be alive. Pure.

The third guard against an orphan: the first is the machine's own timer, the second its agent's end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.launching.naming import GENERATION, RUN, TTL, is_of, number_of, repository_tags
from runner.ports import Instance
from runner.units import format_duration

YOUNG = 15 * 60.0
"""Seconds. What is younger may not be in the ledger yet, and its agent had no time to claim its run."""
_GRACE = 5 * 60.0
"""Seconds beyond its ttl: its own timer comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """`generation`: the newest that was opened; `holder`: the machine that claimed it, "" if none has."""

    is_over: bool
    generation: int = 0
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A machine to be ended, and why, for people."""

    instance: Instance
    why: str


def orphans(
    instances: Sequence[Instance], runs: Mapping[str, RunFacts], *, repository: str, now: float
) -> list[Orphan]:
    """`runs` must have every run that there is: one that is missing counts as unknown, and its machine ends.

    `now` in seconds since the epoch. Machines of other repositories are never among them.
    """
    ours = repository_tags(repository)
    old = [one for one in instances if is_of(one, ours) and not one.is_gone and now - one.launched >= YOUNG]
    reasons = [(one, _why(one, runs.get(one.tags.get(RUN, "")), now)) for one in old]
    return [Orphan(instance=one, why=why) for one, why in reasons if why]


def _why(instance: Instance, run: RunFacts | None, now: float) -> str:
    ttl, generation = number_of(instance, TTL), number_of(instance, GENERATION)
    if ttl and now - instance.launched > ttl + _GRACE:
        return f"it is past its {format_duration(ttl)} (`ttl`)"
    if run is None:
        return f"its run, {instance.tags.get(RUN) or 'without a name'}, is unknown"
    if run.is_over:
        return "its run is over"
    if generation < run.generation:
        return f"generation {run.generation} of its run goes on elsewhere"
    if run.holder and generation == run.generation and run.holder != instance.id:
        return f"{run.holder} has its run"
    return ""
