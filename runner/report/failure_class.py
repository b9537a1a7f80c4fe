"""Of what kind a failure is, and what a reader does about that kind."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model import Outcome
from runner.state import JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureClass:
    """`name` in a word or two, `advice` as one sentence of Markdown; both are our own words."""

    name: str
    advice: str


EXIT = FailureClass(name="exit code", advice="A retry runs the same command again.")
SIGNAL = FailureClass(name="signal", advice="Something ended it from outside, or it crashed.")
TIMEOUT = FailureClass(name="timeout", advice="Give it more time (`timeout`), or find out what it waits for.")
QUEUE_TIMEOUT = FailureClass(
    name="the queue's timeout", advice="The time of the whole queue was over: raise its `timeout`, or retry."
)
MEMORY = FailureClass(
    name="out of memory",
    advice="Let it use less, or give it more: `resources.memory`, or a larger `machine.type`.",
)
NO_START = FailureClass(
    name="cannot start", advice="Mend its `working_directory` or its command: a retry alone cannot help."
)
RESULT = FailureClass(
    name="results", advice="The command itself did not fail, its result files are missing or were not stored."
)
EXPRESSION = FailureClass(
    name="expression",
    advice="Nothing was started: mend its `when`, or what its command takes from other jobs.",
)
CANCELLED = FailureClass(name="cancelled", advice="Somebody asked for it; a retry starts it again.")
LOST = FailureClass(name="lost", advice="Its machine or its runner went away; a retry starts it again.")
NEVER_RAN = FailureClass(name="never ran", advice="Its run was lost before it began; a retry starts it.")
_BY_OUTCOME = {
    Outcome.OUT_OF_MEMORY: MEMORY,
    Outcome.CANCELLED: CANCELLED,
    Outcome.LOST: LOST,
}


def failure_class(job: JobState) -> FailureClass:
    """Of a job that did not succeed."""
    if job.outcome in _BY_OUTCOME:
        never = job.outcome is Outcome.LOST and not job.attempts
        return NEVER_RAN if never else _BY_OUTCOME[job.outcome]
    ended = job.last_ended
    if ended is None:
        return QUEUE_TIMEOUT if job.outcome is Outcome.TIMED_OUT else EXPRESSION
    if ended.cannot_start:
        return NO_START
    if job.outcome is Outcome.TIMED_OUT:
        own = job.job.timeout is not None and ended.seconds >= job.job.timeout
        return TIMEOUT if own else QUEUE_TIMEOUT
    if ended.outcome == Outcome.SUCCEEDED:
        return RESULT
    return SIGNAL if ended.signal else EXIT
