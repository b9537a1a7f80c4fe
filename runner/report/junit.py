"""A run as JUnit XML: one suite, one case a job. Valid XML whatever a job wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from runner.events import format_time
from runner.model import Outcome
from runner.report import clean
from runner.report.evidence import Evidence
from runner.report.wording import ending, job_word, why_ended, why_skipped
from runner.state import JobState, Phase, RunState

_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ERRORS = frozenset({Outcome.LOST, Outcome.CANCELLED})
"""The job did not fail by itself: JUnit calls that an error."""
_FAILURES = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY})


def text(state: RunState, evidence: Evidence, now: float) -> str:
    """One testsuite. Jobs that may fail and did count as skipped, since they do not fail the run."""
    cases = [_case(state.queue.queue_id, job, evidence) for job in state.jobs.values()]
    counts = {
        "tests": len(state.jobs),
        "failures": sum("<failure " in case for case in cases),
        "errors": sum("<error " in case for case in cases),
        "skipped": sum("<skipped " in case for case in cases),
        "time": f"{state.elapsed(now):.3f}",
    }
    name = {"name": state.queue.queue_id}
    extra = {"timestamp": format_time(state.started_at)[:19], "id": state.run_id} if state.started_at else {}
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {_attributes({**name, **counts})}>\n"
        f"  <testsuite {_attributes({**name, **counts, **extra})}>\n"
        + "".join(cases)
        + "  </testsuite>\n</testsuites>\n"
    )


def legal(value: str) -> str:
    """Without the characters that XML 1.0 cannot hold, escaped or not."""
    return _ILLEGAL.sub("", value)


def _attributes(values: dict[str, object]) -> str:
    return " ".join(f"{key}={quoteattr(legal(str(value)))}" for key, value in values.items())


def _case(queue_id: str, job: JobState, evidence: Evidence) -> str:
    took = sum(a.finished.seconds for a in job.attempts if a.finished is not None)
    head = _attributes({"name": job.job.job_id, "classname": queue_id, "time": f"{took:.3f}"})
    body = _body(job)
    tail = evidence.tails.get(job.job.job_id, ())
    if tail and body:
        told = len(tail) - evidence.errors.get(job.job.job_id, 0)
        body += _stream("system-out", tail[:told]) + _stream("system-err", tail[told:])
    return f"    <testcase {head}>\n{body}    </testcase>\n" if body else f"    <testcase {head}/>\n"


def _stream(name: str, rows: Sequence[str]) -> str:
    return f"      <{name}>{escape(legal(clean.block(rows)))}</{name}>\n" if rows else ""


def _body(job: JobState) -> str:
    if job.outcome in _FAILURES and not job.job.allow_failure:
        return _element("failure", why_ended(job), job)
    if job.outcome in _ERRORS and not job.job.allow_failure:
        return _element("error", ending(job), job)
    if job.outcome in _FAILURES | _ERRORS:
        return _element("skipped", f"allowed to fail; {ending(job)}", job)
    if job.phase is Phase.SKIPPED:
        return _element("skipped", why_skipped(job), job)
    if job.outcome is None:
        return _element("skipped", f"not over: {job_word(job)}", job)
    return ""


def _element(kind: str, message: str, job: JobState) -> str:
    return f"      <{kind} {_attributes({'message': message, 'type': job.outcome or 'open'})}/>\n"
