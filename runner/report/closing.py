"""The last words of a run on the terminal: how it ended, what failed, where to look, what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from runner.report.machine_costs import came, closing_line
from runner.report.roots import Root, roots
from runner.report.wording import attempts_of, counted, ending, verdict
from runner.state import RunPhase, RunState

_FAILURES = 10


def closing(state: RunState, now: float, *, ref: str, report: str = "", died: bool = False) -> list[str]:
    """`ref` is how a command names this run, `report` where its report was written ("" for nowhere).

    `died`: nobody runs this run any more, though its log does not say so.
    """
    return list(_rows(state, now, ref, report, died=died))


def _rows(state: RunState, now: float, ref: str, report: str, *, died: bool) -> Iterator[str]:
    yield verdict(state, now, died=died)
    failed = roots(state).failed
    for root in failed[:_FAILURES]:
        yield f"  {_failure(root)}"
        if root.job.attempts:
            yield f"    runner logs {ref} {root.job.job.job_id}"
    if len(failed) > _FAILURES:
        yield f"  and {counted(len(failed) - _FAILURES, 'more job')}: runner status {ref}"
    if died or state.phase is RunPhase.INTERRUPTED:
        yield f"  go on: runner resume {ref}"
        if not state.cancels:  # a second cancel would end the cleanup instead of running it
            yield f"  or end it with its cleanup: runner cancel {ref}"
    elif failed and state.phase is RunPhase.FINISHED:
        yield f"  again, only what failed and what depends on it: runner retry {ref}"
    machines = closing_line(state, now)
    if machines:
        yield f"  machine: {machines}" if len(came(state)) <= 1 else f"  {machines}"
    if report:
        yield f"  report: {report}"


def _failure(root: Root) -> str:
    attempt = attempts_of(root.job)
    hanging = f"; {counted(len(root.skipped), 'job')} skipped because of it" if root.skipped else ""
    extra = f", {attempt}" if attempt else ""
    return f"{root.job.job.job_id} {ending(root.job)}{extra}{hanging}"
