"""Where the time went: the slowest path, and what was expected against what it took."""

from __future__ import annotations

from collections.abc import Iterator

from runner import plan as plans
from runner.report.escaping import code
from runner.report.timing import slowest_path, span, start_of
from runner.state import RunState
from runner.units import format_duration

_PATH = 12
"""Jobs of the slowest path that are named; of a longer one the beginning and the end."""


def time_spent(state: RunState, now: float, *, expected: float | None = None) -> str:
    """A list, or "" where nothing was attempted. `expected`: seconds that earlier runs let us expect."""
    way = slowest_path(state)
    if not way:
        return ""
    took = state.elapsed(now)
    steps = [f"{code(job.job.job_id)} {format_duration(span(job))}" for job in way]
    if len(steps) > _PATH:
        half = _PATH // 2
        steps = [*steps[:half], f"… {len(steps) - 2 * half} more …", *steps[-half:]]
    rows = [f"- Slowest path: {' → '.join(steps)}", f"- {'; '.join(_compared(state, took, expected))}."]
    start = start_of(state)
    if start is not None:
        parts = ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in start.parts)
        rows.append(
            f"- Request to first job: {format_duration(start.total)}{f' ({parts})' if parts else ''}."
        )
    return "\n".join(rows)


def _compared(state: RunState, took: float, expected: float | None) -> Iterator[str]:
    bound = plans.analyse(state.queue, slots=state.max_parallel or None).bound.seconds
    if bound is None:
        yield "The plan had no bound on the time"
    else:
        yield f"By the plan at most {format_duration(bound)}"
    if expected:
        yield f"by earlier runs about {format_duration(expected)}"
    share = f" ({100 * took / bound:.0f} % of the bound)" if bound else ""
    yield f"it took {format_duration(took)}{share}"
