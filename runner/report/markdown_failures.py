"""The part of the report that says what went wrong: each root failure, its last lines, what hung on it."""

from __future__ import annotations

from collections.abc import Iterator

from runner.report.escaping import code, fence
from runner.report.evidence import Evidence
from runner.report.roots import Root, Roots
from runner.report.wording import attempts_of, counted, detail, job_word, why_skipped
from runner.state import RunState

SHOWN = 20
"""Failures that are shown with their last lines; the others are listed."""
_NAMES = 10


def failures(state: RunState, found: Roots, evidence: Evidence) -> str:
    """Failed jobs first, then those that may fail; "" where nothing is to be said."""
    parts = list(_parts(state, found, evidence))
    return "\n\n".join(parts)


def _parts(state: RunState, found: Roots, evidence: Evidence) -> Iterator[str]:
    if found.failed:
        yield "## What went wrong"
        for root in found.failed[:SHOWN]:
            yield _failure(state, root, evidence)
        if len(found.failed) > SHOWN:
            yield _more(found.failed[SHOWN:])
        yield f"Run what failed again, and what hangs on it: {code(f'runner retry {state.run_id}')}"
    if found.allowed:
        rows = [f"- {code(r.job.job.job_id)} {_said(r)}" for r in found.allowed[:SHOWN]]
        if len(found.allowed) > SHOWN:
            rows.append(f"- and {counted(len(found.allowed) - SHOWN, 'more job')}")
        yield "## Failures that are allowed\n\n" + "\n".join(rows)
    if found.by_themselves:
        alone = found.by_themselves
        rows = [f"- {code(job.job.job_id)}: {code(why_skipped(job))}" for job in alone[:SHOWN]]
        if len(alone) > SHOWN:
            rows.append(f"- and {counted(len(alone) - SHOWN, 'more job')}")
        yield "## Skipped for themselves\n\n" + "\n".join(rows)


def _said(root: Root) -> str:
    attempt = attempts_of(root.job)
    told = ", ".join(part for part in (code(detail(root.job)), attempt) if part)
    return f"{job_word(root.job)} ({told})" if told else job_word(root.job)


def _failure(state: RunState, root: Root, evidence: Evidence) -> str:
    job_id = root.job.job.job_id
    rows = [f"### {code(job_id)} {_said(root)}"]
    tail = evidence.tails.get(job_id, ())
    if tail:
        rows += ["", f"Its last {counted(len(tail), 'line')}:", "", fence("\n".join(tail))]
    if root.job.attempts:
        rows += ["", f"All of it: {code(f'runner logs {state.run_id} {job_id}')}"]
    if root.skipped:
        rows += ["", f"{counted(len(root.skipped), 'job')} skipped because of it: {_named(root.skipped)}"]
    return "\n".join(rows)


def _named(job_ids: tuple[str, ...]) -> str:
    listed = ", ".join(code(job_id) for job_id in job_ids[:_NAMES])
    rest = len(job_ids) - _NAMES
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def _more(others: tuple[Root, ...]) -> str:
    names = _named(tuple(root.job.job.job_id for root in others))
    return f"And {counted(len(others), 'more job')} did not succeed: {names}"
