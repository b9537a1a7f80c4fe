"""The live view of a run on a terminal: one frame of a folded state, as lines that fit.

A queue that fits is shown whole, in the order of its file. Of a larger one: what failed, what runs, what
waits to be tried again, and the counts; never more lines than there are. A frame looks at every job once
and draws only what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from runner.model import Outcome
from runner.report.wording import (
    CUT_OFF,
    NOT_GOOD,
    attempts_of,
    detail,
    run_word,
    seconds_of,
    soon,
    tally,
    why_skipped,
    word_in,
)
from runner.state import JobState, Phase, RunPhase, RunState
from runner.units import format_duration

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINNER_ASCII = "-\\|/"
_ACTIVE = (Phase.RUNNING, Phase.ENDED, Phase.BACKING_OFF)
_BAR = 28
_JOB_BAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a frame is drawn: the terminal's size, plain letters for terminals without others.

    `before` has seconds by job id from an earlier run, `left` the estimate of the whole, where there is
    one; `notice` is a sentence to be shown below. `died`: nobody runs this run any more.
    """

    width: int
    height: int
    ascii: bool = False
    before: Mapping[str, float] = field(default_factory=dict)
    left: float | None = None
    notice: str = ""
    died: bool = False


def frame(state: RunState, now: float, look: Look) -> Text:
    """The run's line with its bar, then one line a job; at most `look.height` lines of `look.width`."""
    rows = [_head(state, now, look)]
    chosen = _chosen(state, max(1, look.height - 2 - bool(look.notice)))
    width = min(40, max((len(job.job.job_id) for job in chosen), default=0))
    rows += [_row(state, job, now, look, width) for job in chosen]
    if len(chosen) < len(state.jobs):
        rows.append(Text(f"  {tally(state, died=look.died)}", style="dim"))
    if look.notice:
        rows.append(Text(f"  {look.notice}", style="yellow"))
    for row in rows:
        row.truncate(look.width, overflow="ellipsis")
    return Text("\n").join(rows)


def _chosen(state: RunState, room: int) -> list[JobState]:
    """All jobs where they fit; else failures (at most a third), then what is active, in that order."""
    if len(state.jobs) <= room:
        return list(state.jobs.values())
    active = [job for job in state.jobs.values() if job.phase in _ACTIVE]
    failed = [job for job in state.jobs.values() if job.outcome in NOT_GOOD and not job.job.allow_failure]
    kept = max(room // 3, room - len(active))
    return [*failed[-kept:], *active][:room] if kept > 0 else active[:room]


def _head(state: RunState, now: float, look: Look) -> Text:
    total, done = len(state.jobs), len(state.jobs) - state.open_jobs
    elapsed = format_duration(state.elapsed(now)) if state.started_at else "0s"
    word = "lost its runner" if look.died else run_word(state)
    row = Text.assemble((state.run_id, "bold"))
    row.append(f" {word} ", style=_OUTCOME_STYLE.get(state.outcome, "cyan") if state.outcome else "cyan")
    row.append_text(_bar(done / total if total else 1.0, _BAR if look.width >= 100 else 12, look))
    row.append(f" {done:,}/{total:,}")
    if state.failures:
        row.append(f" · {state.failures:,} failed", style="red")
    row.append(f" · {elapsed}")
    if look.left is not None and state.open_jobs and state.phase is RunPhase.LIVE:
        row.append(f" · about {format_duration(look.left)} left", style="dim")
    return row


def _bar(share: float, width: int, look: Look) -> Text:
    filled = max(0, min(width, round(share * width)))
    full, empty = ("#", "-") if look.ascii else ("━", "─")
    return Text.assemble((full * filled, "green"), (empty * (width - filled), "grey37"))


_OUTCOME_STYLE: dict[Outcome, str] = {
    Outcome.SUCCEEDED: "green",
    Outcome.FAILED: "bold red",
    Outcome.TIMED_OUT: "bold red",
    Outcome.OUT_OF_MEMORY: "bold red",
    Outcome.LOST: "bold red",
    Outcome.CANCELLED: "magenta",
    Outcome.SKIPPED: "dim",
    Outcome.REUSED: "green",
}
_OUTCOME_MARK: dict[Outcome, tuple[str, str]] = {
    Outcome.SUCCEEDED: ("✓", "+"),
    Outcome.SKIPPED: ("⊘", "s"),
    Outcome.CANCELLED: ("■", "c"),
    Outcome.REUSED: ("✓", "+"),
}


def _mark(job: JobState, word: str, now: float, look: Look) -> tuple[str, str]:
    """The sign at the beginning of a job's line, and its style."""
    if job.outcome is not None:
        signs = _OUTCOME_MARK.get(job.outcome, ("✗", "x"))
        style = "yellow" if job.outcome in NOT_GOOD and job.job.allow_failure else _OUTCOME_STYLE[job.outcome]
        return signs[look.ascii], style
    if word == CUT_OFF:
        return _OUTCOME_MARK[Outcome.CANCELLED][look.ascii], "magenta"
    if job.phase in (Phase.RUNNING, Phase.ENDED):
        turning = _SPINNER_ASCII if look.ascii else _SPINNER
        return turning[int(now * 4) % len(turning)], "cyan"
    if job.phase is Phase.BACKING_OFF:
        return ("~" if look.ascii else "↻"), "yellow"
    return ("." if look.ascii else "·"), "dim"


def _row(state: RunState, job: JobState, now: float, look: Look, width: int) -> Text:
    word = word_in(state, job, died=look.died)
    sign, style = _mark(job, word, now, look)
    name = job.job.job_id
    shown = name if len(name) <= width else name[: width - 1] + ("~" if look.ascii else "…")
    row = Text.assemble(" ", (sign, style), f" {shown:<{width}}  ", (f"{word:<11}", style))
    took, note = _progress(job, now)
    row.append(f" {took:>7}  ")
    estimate = look.before.get(name)
    if job.phase is Phase.RUNNING and job.last is not None and estimate:
        row.append_text(_bar((now - job.last.started_at) / estimate, _JOB_BAR, look))
        row.append("  ")
    row.append(note, style="dim" if job.outcome not in NOT_GOOD else style)
    return row


def _progress(job: JobState, now: float) -> tuple[str, str]:
    """How long the newest attempt takes or took, and what else is to be said."""
    attempt = attempts_of(job)
    if job.phase is Phase.RUNNING and job.last is not None:
        return format_duration(max(0.0, now - job.last.started_at)), attempt
    if job.phase is Phase.BACKING_OFF:
        return "", f"attempt {job.attempt + 1} {soon(job.due_at - now)}"
    if job.phase is Phase.SKIPPED:
        return "", why_skipped(job)
    if job.phase is Phase.WAITING:
        return "", ""
    took = format_duration(seconds_of(job)) if job.last_ended is not None else ""
    parts: Sequence[str] = (detail(job), attempt) if job.outcome in NOT_GOOD else (attempt,)
    return took, ", ".join(part for part in parts if part)
