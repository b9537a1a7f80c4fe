"""A live run as plain lines with times: for CI, files, and wherever there is no terminal.

One call shows one batch of events that were folded already. When hundreds of jobs start or end in one
batch they share a line; a failure keeps a line of its own for as long as that can be read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from runner import events as e
from runner.model import Outcome
from runner.report import clean
from runner.report.wording import (
    NOT_GOOD,
    OUTCOME,
    attempts_of,
    counted,
    ending,
    how,
    seconds_of,
    soon,
    tally,
    why_skipped,
)
from runner.state import RunState
from runner.units import format_duration

GROUP = 20
"""More lines of one kind in one batch than this are grouped."""
_NAMED = 3
Words = Mapping[tuple[str, int], str]
Line = tuple[str, str, str]
"""Kind (lines of one kind can be grouped), job id, text after the time."""


def lines(
    state: RunState,
    batch: Sequence[e.Event],
    tails: Mapping[str, Sequence[str]],
    token: str = "",
    words: Words | None = None,
) -> list[str]:
    """`tails` has the last log lines of jobs that failed, `words` the last one of attempts (job, number) that
    another follows. `token`: a word that nobody can guess, where GitHub Actions reads the output: what a job
    printed is then no command to it.
    """
    said = words or {}
    made = [(event.at, line) for event in batch if (line := _line(state, event, said)) is not None]
    counts: dict[str, int] = {}
    for _, (kind, _, _) in made:
        counts[kind] = counts.get(kind, 0) + 1
    seen: dict[str, list[str]] = {}
    shown: list[str] = []
    for at, (kind, job_id, text) in made:
        group = seen.setdefault(kind, [])
        group.append(job_id)
        own_line = counts[kind] <= GROUP or not job_id or (kind == "failed" and len(group) <= GROUP)
        if own_line:
            shown.append(f"{clock(at)} {text}")
            shown += failure_lines(tails.get(job_id, ()), token) if kind == "failed" else []
        elif len(group) == counts[kind]:
            shown.append(f"{clock(at)} {_grouped(kind, group)}")
    return shown


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(at))


def failure_lines(tail: Sequence[str], token: str = "") -> list[str]:
    """A failed job's last lines, set off from ours."""
    if not tail:
        return []
    body = [f"    | {row}" for row in tail]
    return [f"::stop-commands::{token}", *body, f"::{token}::"] if token else body


def _grouped(kind: str, job_ids: Sequence[str]) -> str:
    listed = job_ids[GROUP:] if kind == "failed" else job_ids
    named = f"{', '.join(listed[:_NAMED])}, … {listed[-1]}" if len(listed) > _NAMED + 1 else ", ".join(listed)
    more = "more job" if kind == "failed" else "job"
    return f"{counted(len(listed), more)} {kind}: {named}"


def _line(state: RunState, event: e.Event, words: Words) -> Line | None:
    if isinstance(event, e.JobEvent):
        return _job_line(state, event, words)
    text = next(iter(_run_line(state, event)), "")
    return ("run", "", text) if text else None


def _run_line(state: RunState, event: e.Event) -> Iterator[str]:
    match event:
        case e.RunStarted():
            total = counted(len(state.jobs), "job")
            yield f"{state.run_id} started: {total}, at most {event.max_parallel} at a time (times are UTC)"
        case e.RunResumed():
            yield f"{state.run_id} goes on: {tally(state)} (times are UTC)"
        case e.JobsReset():
            yield f"{counted(len(event.job_ids), 'job')} will run again"
        case e.CancelRequested():
            by = f" by {clean.line(event.by, 60)}" if event.by else ""
            yield f"cancel of {', '.join(event.job_ids) or 'the run'} requested{by}"
        case e.QueueTimedOut():
            yield "the time for cleaning up is over" if event.cleanup else "the queue's time is over"


def _job_line(state: RunState, event: e.JobEvent, words: Words) -> Line | None:
    job = state.jobs[event.job_id]
    job_id = event.job_id
    match event:
        case e.AttemptStarted():
            again = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            return "started", job_id, f"{job_id} started{again}"
        case e.JobRetrying():
            ended = next((a.finished for a in job.attempts if a.number == event.attempt), None)
            last = words.get((job_id, event.attempt), "")
            said = f": {_harmless(last)}" if last else ""
            return (
                "retrying",
                job_id,
                f"{job_id} did not succeed ({how(ended)}{said}); again {soon(event.delay)}",
            )
        case e.JobFinished():
            return _finished(state, event)
        case e.JobSkipped():
            return "skipped", job_id, f"{job_id} skipped: {why_skipped(job)}"
        case e.ResultsStored() if event.missing:
            return "missing", job_id, f"{job_id}: no file matches {clean.line(', '.join(event.missing), 200)}"
    return None


def _harmless(text: str) -> str:
    """GitHub Actions obeys a `##[command]` wherever in a line it stands."""
    return text.replace("##[", "## [")


def _finished(state: RunState, event: e.JobFinished) -> Line:
    job = state.jobs[event.job_id]
    outcome = job.outcome or Outcome.LOST
    took = format_duration(seconds_of(job))
    attempt = attempts_of(job)
    extra = f", {attempt}" if attempt else ""
    if outcome in NOT_GOOD:
        allowed = ", which is allowed" if job.job.allow_failure else ""
        return "failed", event.job_id, f"{event.job_id} {ending(job)}{allowed}{extra}"
    return OUTCOME[outcome], event.job_id, f"{event.job_id} {OUTCOME[outcome]} after {took}{extra}"
