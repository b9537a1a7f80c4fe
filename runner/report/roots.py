"""What went wrong first: failed jobs as roots, and everything that was skipped because of each."""

from __future__ import annotations

from dataclasses import dataclass

from runner.report.wording import NOT_GOOD
from runner.state import JobState, Phase, RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A job that did not succeed, and the ids of the jobs that were skipped because of it, in file order."""

    job: JobState
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """`failed` make the run fail, `allowed` failed and may, `by_themselves` were skipped without a root."""

    failed: tuple[Root, ...]
    allowed: tuple[Root, ...]
    by_themselves: tuple[JobState, ...]


def roots(state: RunState) -> Roots:
    """Linear in the number of jobs: each way back to a root is walked once."""
    found: dict[str, list[str]] = {}
    alone: list[JobState] = []
    known: dict[str, str] = {}
    for job_id, job in state.jobs.items():
        if job.outcome in NOT_GOOD:
            found.setdefault(job_id, [])
        elif job.phase is Phase.SKIPPED:
            root = _root_of(state, job_id, known)
            if root:
                found.setdefault(root, []).append(job_id)
            else:
                alone.append(job)
    made = [
        Root(job=state.jobs[job_id], skipped=tuple(found[job_id])) for job_id in state.jobs if job_id in found
    ]
    return Roots(
        failed=tuple(r for r in made if not r.job.job.allow_failure),
        allowed=tuple(r for r in made if r.job.job.allow_failure),
        by_themselves=tuple(alone),
    )


def _root_of(state: RunState, job_id: str, known: dict[str, str]) -> str:
    """The job that a skipped one goes back to; "" where it has none (`when`, cancel, timeout)."""
    way: list[str] = []
    current = job_id
    while current not in known:
        way.append(current)
        known[current] = ""  # a log that goes in a circle must not hold us
        job = state.jobs[current]
        cause = job.because.get("job") or job.because.get("stop") or ""
        if cause not in state.jobs:
            break
        if state.jobs[cause].phase is not Phase.SKIPPED:
            known[current] = cause
            break
        current = cause
    answer = known[current]
    known.update(dict.fromkeys(way, answer))
    return answer
