"""The last words of a run whose machine is gone: what ran is lost, the rest never ran."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import replace

from runner import events as e
from runner.bundle.unheard import Unheard
from runner.canonical.machine import ttl_of
from runner.events import encode_lines
from runner.launching.ledger import log_generation
from runner.machines.standing import Facts
from runner.model import Machine, Outcome
from runner.state import JobState, Phase, RunPhase, RunState
from runner.stores.s3 import Bucket, Reader, Writer


def last_words(
    state: RunState, instance_id: str, why: str, now: float, unheard: Sequence[Unheard] = ()
) -> list[e.Event]:
    """Pure. A run that is over gets none."""
    if state.phase is RunPhase.FINISHED:
        return []
    words = [word for one in unheard for word in one.words()]
    if instance_id not in {one.instance_id for one in unheard}:
        words.append(e.InstanceLost(at=now, instance_id=instance_id, reason=why))
    for job in state.jobs.values():
        words += _of_job(job, why, now)
    return [*words, e.RunFinished(at=now, outcome=Outcome.LOST)]


def unheard(facts: Facts, machine: Machine, region: str, now: float, why: str = "") -> tuple[Unheard, ...]:
    """The run's machines of which its log does not tell, oldest first. Pure.

    Those of the newest generation are gone by `now`, at the latest when their time to live was over, for the
    reason `why`. One that ended since there was none to be had never worked, and costs nothing.
    """
    order = facts.order
    found = list(order.unheard if order is not None else ())
    for one in facts.machines:
        if one.launched and one.ended != "capacity":
            made = Unheard(
                instance_id=one.id,
                generation=facts.generation,
                type=one.type,
                region=region,
                zone=one.zone,
                spot=one.spot,
                price=order.prices.get(one.type, 0.0) if order is not None else 0.0,
                launched_at=one.launched,
                ended_at=max(one.launched, min(now, one.launched + ttl_of(machine))),
                reason=why,
            )
            found.append(made)
    told = {one.instance_id for one in facts.state.machines}
    return tuple(one for one in found if one.instance_id not in told)


def _of_job(job: JobState, why: str, now: float) -> Iterator[e.Event]:
    job_id = job.job.job_id
    if job.phase is Phase.RUNNING and job.last is not None:
        yield e.AttemptFinished(
            at=now, job_id=job_id, attempt=job.last.number, outcome=Outcome.LOST, reason=why, interrupted=True
        )
        yield e.JobFinished(at=now, job_id=job_id, outcome=Outcome.LOST, reason=why)
    elif job.phase is Phase.ENDED and job.last is not None and job.last.finished is not None:
        outcome = job.last.finished.outcome
        yield e.JobFinished(at=now, job_id=job_id, outcome=outcome, reason=job.last.finished.reason)
    elif job.phase in (Phase.WAITING, Phase.BACKING_OFF):
        yield e.JobFinished(at=now, job_id=job_id, outcome=Outcome.LOST, reason=f"it never ran: {why}")


def never_began(
    state: RunState, request: e.CancelRequested, now: float, unheard: Sequence[Unheard] = ()
) -> list[e.Event]:
    """Of a run that was cancelled before any of its jobs began. Pure."""
    if state.phase is RunPhase.FINISHED:
        return []
    launched = [word for one in unheard for word in one.words()]
    words = [
        e.JobFinished(at=now, job_id=job_id, outcome=Outcome.CANCELLED, reason="cancelled before it began")
        for job_id, job in state.jobs.items()
        if job.phase is Phase.WAITING
    ]
    return [*launched, replace(request, at=now), *words, e.RunFinished(at=now, outcome=Outcome.CANCELLED)]


def end(
    run: Bucket,
    state: RunState,
    generation: int,
    *,
    instance_id: str = "",
    why: str = "",
    request: e.CancelRequested | None = None,
    unheard: Sequence[Unheard] = (),
) -> None:
    """Write them, as one that shuts out the generation's machine. Safe to repeat, and twice at once.

    `request`: it is not lost, but was cancelled before it began. `unheard`: machines that the log lacks.

    `state` is that of the whole log. Raises FencedError where somebody else writes by now, StoreError.
    """
    reader = Reader(run)
    if reader.fresh().count(b"\n") != state.seq or reader.generation >= log_generation(generation + 1):
        return  # it went on, maybe on another machine, which must not be shut out
    number = max(reader.generation, log_generation(generation)) + 1
    writer = Writer(run, generation=number, name=f"mender-{secrets.token_hex(4)}")
    log = writer.fence()
    if log.count(b"\n") != state.seq:
        return  # it went on: look again
    now = max(run.now(), state.last_at)
    if request is not None:
        words = never_began(state, request, now, unheard)
    else:
        words = last_words(state, instance_id, why, now, unheard)
    lines = encode_lines(words, state.run_id, state.seq + 1)
    writer.write(lines)
    writer.finish(log + lines)
