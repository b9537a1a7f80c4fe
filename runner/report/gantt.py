"""When each attempt ran, as a Mermaid Gantt chart.

A task's name must not be a word of the language (`section`, `title`, `click`…) and must not have its signs,
so each begins with a check or a cross, which also says without colour how the attempt ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from runner.model import Outcome
from runner.report.timing import slowest_path, span
from runner.report.wording import NOT_GOOD
from runner.state import AttemptState, JobState, RunState

BARS = 30
"""A chart with more is higher than a screen."""
_MEANINGFUL = re.compile(r"[^A-Za-z0-9._-]")


def gantt(state: RunState, bars: int = BARS) -> str:
    """The chart, with a newline at the end; "" where no attempt is over. Times are UTC."""
    rows = [row for job in _shown(state, bars) for row in _job(job)][:bars]
    if not rows:
        return ""
    head = [
        "gantt",
        "  dateFormat YYYY-MM-DD HH:mm:ss.SSS",
        "  axisFormat %H:%M:%S",
        "  section Attempts in UTC",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _shown(state: RunState, bars: int) -> list[JobState]:
    """What explains the time of a large run: its slowest path, then failures, then its longest jobs."""
    made = [job for job in state.jobs.values() if job.last_ended is not None]
    if len(made) > bars:
        path = {job.job.job_id for job in slowest_path(state)}
        made.sort(key=lambda j: (j.job.job_id not in path, j.outcome not in NOT_GOOD, -span(j)))
        made = made[:bars]
    return sorted(made, key=lambda job: job.attempts[0].started_at)


def _job(job: JobState) -> Iterator[str]:
    name = _MEANINGFUL.sub("-", job.job.job_id)[:80]
    for attempt in job.attempts:
        if attempt.finished is not None:
            number = f" attempt {attempt.number}" if len(job.attempts) > 1 else ""
            yield _bar(f"{name}{number}", attempt)


def _bar(name: str, attempt: AttemptState) -> str:
    ended = attempt.finished
    good = ended is not None and ended.outcome == Outcome.SUCCEEDED
    ended_at = ended.at if ended is not None else attempt.started_at
    lasted = max(1, round(1000 * (ended_at - attempt.started_at)))
    sign, tag = ("✓", "done") if good else ("✗", "crit")
    return f"  {sign} {name} :{tag}, {_moment(attempt.started_at)}, {lasted}ms"


def _moment(at: float) -> str:
    whole, milli = divmod(round(at * 1000), 1000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(whole))}.{milli:03d}"
