"""How a run, a job and an attempt stand, in words. Every reporter for people says it the same way."""

from __future__ import annotations

from runner.events import AttemptFinished
from runner.model import FAILED_FOR_GOOD, Outcome
from runner.report import clean
from runner.state import JobState, Phase, RunPhase, RunState
from runner.units import format_duration

OUTCOME: dict[Outcome, str] = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.OUT_OF_MEMORY: "ran out of memory",
    Outcome.CANCELLED: "cancelled",
    Outcome.LOST: "lost",
    Outcome.SKIPPED: "skipped",
    Outcome.REUSED: "reused",
}
PHASE: dict[Phase, str] = {
    Phase.WAITING: "waiting",
    Phase.RUNNING: "running",
    Phase.ENDED: "ending",
    Phase.BACKING_OFF: "backing off",
    Phase.FINISHED: "finished",
    Phase.SKIPPED: "skipped",
}
RUN_PHASE: dict[RunPhase, str] = {
    RunPhase.REQUESTED: "not started",
    RunPhase.LIVE: "running",
    RunPhase.INTERRUPTED: "interrupted",
    RunPhase.FINISHED: "finished",
}
CUT_OFF = "cut off"
"""The word for an attempt that ended with its runner."""
_NAMED = 20
NOT_GOOD = frozenset({*FAILED_FOR_GOOD, Outcome.CANCELLED})
"""Outcomes of a job that a reader looks for first."""


def counted(number: int, word: str) -> str:
    """`1 job`, `1,200 jobs`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def job_word(job: JobState) -> str:
    """`running`, `failed`, `skipped`…: one word or two for where a job is."""
    if job.outcome is not None:
        return OUTCOME[job.outcome]
    if job.phase is Phase.ENDED and job.last_ended is not None and job.last_ended.interrupted:
        return CUT_OFF
    return PHASE[job.phase]


def is_over(state: RunState, *, died: bool = False) -> bool:
    """Nobody works on the run (any more): what its log leaves running was cut off."""
    return died or state.phase in {RunPhase.INTERRUPTED, RunPhase.FINISHED}


def word_in(state: RunState, job: JobState, *, died: bool = False) -> str:
    """`job_word`, but nothing is running in a run that is over."""
    if is_over(state, died=died) and job.phase in {Phase.RUNNING, Phase.ENDED}:
        return CUT_OFF
    return job_word(job)


def run_word(state: RunState) -> str:
    return OUTCOME[state.outcome] if state.outcome is not None else RUN_PHASE[state.phase]


def run_said(state: RunState) -> str:
    """The same after "the run": `succeeded`, `was cancelled`, `is being cancelled`."""
    if state.phase is RunPhase.LIVE and state.cancels:
        return "is being cancelled"
    word = run_word(state)
    return f"was {word}" if state.outcome in {Outcome.CANCELLED, Outcome.LOST} else word


def known_jobs(state: RunState) -> str:
    """For somebody who named another one."""
    names = list(state.jobs)
    return f"its jobs: {', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"


def soon(seconds: float) -> str:
    """When something follows: `in 4s`, `at once`."""
    return f"in {format_duration(seconds)}" if seconds >= 0.05 else "at once"


def seconds_of(job: JobState) -> float:
    """What the newest attempt that is over took."""
    ended = job.last_ended
    return ended.seconds if ended is not None else 0.0


def how(ended: AttemptFinished | None) -> str:
    """How an attempt ended, and why: `exit code 3`, `killed by SIGSEGV`, `timed out after 30s`."""
    if ended is None:
        return "no attempt was made"
    reason = clean.line(ended.reason, 300)
    if ended.cannot_start:
        return f"could not start{_after(reason)}"
    if ended.interrupted:
        return f"{CUT_OFF} with its runner"
    outcome = Outcome(ended.outcome) if ended.outcome in set(Outcome) else Outcome.LOST
    if outcome is Outcome.TIMED_OUT:
        return f"timed out after {format_duration(ended.seconds)}{_after(reason)}"
    if outcome in {Outcome.FAILED, Outcome.SUCCEEDED}:
        return f"{_exit(ended) or OUTCOME[outcome]}{_after(reason)}"
    extra = reason or _exit(ended)
    return f"{OUTCOME[outcome]}{_after(extra)}"


def _exit(ended: AttemptFinished) -> str:
    if ended.signal:
        return f"killed by {ended.signal}"
    return f"exit code {ended.exit_code}" if ended.exit_code is not None else ""


def _after(reason: str) -> str:
    return f": {reason}" if reason else ""


def why_ended(job: JobState) -> str:
    """Why a finished job has its outcome: its own reason first, else how its newest attempt ended."""
    reason = clean.line(job.reason, 300)
    if job.last_ended is None:
        return reason or "no attempt was made"
    told = how(job.last_ended)
    return f"{told}; {reason}" if reason and reason not in told else told


def ending(job: JobState) -> str:
    """How a finished job ended, as one phrase: `failed: exit code 3`, `timed out after 30s`."""
    word, why = job_word(job), why_ended(job)
    return why if why.startswith(word) else f"{word}: {why}"


def detail(job: JobState) -> str:
    """The same without its word, for beside it."""
    return ending(job).removeprefix(job_word(job)).lstrip(": ")


def why_skipped(job: JobState) -> str:
    """`because of build`, `its condition is false: …`: what `because` says, for people."""
    sentences = {
        "job": "because of {}",
        "stop": "the queue stops after a failure: {}",
        "when": "its condition is false: {}",
        "cancel": "the run was cancelled",
        "timeout": "the queue's time was over",
        "handler": "not needed: nothing it handles failed",
    }
    for key, value in job.because.items():
        if key in sentences:
            return sentences[key].format(clean.line(str(value), 120))
    return "for a reason that this version does not know"


def attempts_of(job: JobState) -> str:
    """`attempt 2` where there was more than one, else nothing."""
    return f"attempt {job.attempt}" if job.attempt > 1 else ""


def tally(state: RunState, *, died: bool = False) -> str:
    """`3 succeeded, 1 failed, 2 skipped, 4 running, 10 waiting`; what is zero is left out.

    `died`: nobody runs this run any more, though its log does not say so.
    """
    parts = [
        (state.outcomes.get(outcome, 0), word)
        for outcome, word in OUTCOME.items()
        if outcome is not Outcome.SKIPPED
    ]
    active = state.counts[Phase.RUNNING] + state.counts[Phase.ENDED]
    parts += [
        (state.outcomes.get(Outcome.SKIPPED, 0), "skipped"),
        (active, CUT_OFF if is_over(state, died=died) else "running"),
        (state.counts[Phase.BACKING_OFF], "backing off"),
        (state.counts[Phase.WAITING], "waiting"),
    ]
    return ", ".join(f"{number:,} {word}" for number, word in parts if number) or "no jobs"


def took(state: RunState, now: float) -> str:
    """How long a runner worked on it, until its end or `now`; and from its first start, where that is
    another matter: minutes more.

    Between machines, and before it is resumed or retried, nobody works on a run.
    """
    until = state.finished_at or (now if state.phase is RunPhase.LIVE else state.last_at)
    active, whole = state.elapsed(until), until - state.started_at if state.started_at else 0.0
    words = format_duration(active)
    return f"{words} at work, {format_duration(whole)} in all" if whole > 1.1 * active + 60.0 else words


def verdict(state: RunState, now: float, *, died: bool = False) -> str:
    """One line: the run, how it stands, since when, and how its jobs are."""
    spent = took(state, now)
    why = f" ({clean.line(state.interrupted, 120)})" if state.phase is RunPhase.INTERRUPTED else ""
    by = f" by {clean.line(state.cancelled_by, 60)}" if state.cancels and state.cancelled_by else ""
    if died:
        return f"{state.run_id} lost its runner after {spent}: {tally(state, died=True)}"
    if state.phase is RunPhase.REQUESTED:
        return f"{state.run_id} {run_word(state)}: {tally(state)}"
    said = run_said(state)
    who = by if said.endswith("cancelled") else ""
    return f"{state.run_id} {said}{who}{why} after {spent}: {tally(state)}"
