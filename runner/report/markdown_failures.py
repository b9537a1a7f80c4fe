"""The part of a report that says what went wrong: each root failure, its last lines, what depended on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runner.report.commands import SHELL, Commands
from runner.report.escaping import code, fence
from runner.report.evidence import Evidence
from runner.report.failure_class import EXIT, failure_class
from runner.report.links import Links
from runner.report.roots import Root, Roots
from runner.report.wording import counted, detail, job_word, why_skipped
from runner.state import RunState

SHOWN = 20
"""Failures that are shown with their last lines; the others are listed."""
_NAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How much is said, and how readers go on. `lines` of a log's end, `shown` failures in detail."""

    lines: int = 20
    shown: int = SHOWN
    commands: Commands = SHELL
    links: Links = field(default_factory=Links)


def failures(state: RunState, found: Roots, evidence: Evidence, style: Style | None = None) -> str:
    """What makes the run fail; "" where nothing does."""
    style = style or Style()
    if not found.failed:
        return ""
    single, alike = _apart(found.failed)
    parts = [_failure(state, root, evidence, style) for root in single[: style.shown]]
    if len(single) > style.shown:
        parts.append(_more(single[style.shown :]))
    parts += [_unbegun(group) for group in alike]
    command = style.commands.retry(state.run_id)
    parts.append(style.commands.asked_for("run what failed again, and what depends on it", command))
    return "\n\n".join(parts)


def allowed(found: Roots, shown: int = SHOWN) -> str:
    """Jobs that failed and may."""
    rows = [f"- {code(root.job.job.job_id)} {_said(root)}" for root in found.allowed[:shown]]
    return _listed(rows, len(found.allowed))


def skipped_alone(found: Roots) -> str:
    """Jobs that were skipped without anything having failed before them."""
    alone = found.by_themselves
    rows = [f"- {code(job.job.job_id)}: {code(why_skipped(job))}" for job in alone[:SHOWN]]
    return _listed(rows, len(alone))


def _listed(rows: Sequence[str], total: int) -> str:
    rest = total - len(rows)
    return "\n".join([*rows, f"- and {counted(rest, 'more job')}"] if rest else rows)


def _said(root: Root) -> str:
    told = ", ".join(part for part in (code(detail(root.job)), _attempt(root)) if part)
    return f"{job_word(root.job)} ({told})" if told else job_word(root.job)


def _attempt(root: Root) -> str:
    """`attempt 2 of 3`; after a retry by hand there may be more than were planned."""
    number, planned = root.job.attempt, 1 + root.job.job.retry.count
    return f"attempt {number} of {max(number, planned)}" if number else ""


def _failure(state: RunState, root: Root, evidence: Evidence, style: Style) -> str:
    tail = evidence.tails.get(root.job.job.job_id, ())[-style.lines :] if style.lines else ()
    rows = [
        f"### {code(root.job.job.job_id)} {_said(root)}",
        "",
        f"- {_class(root, told=bool(tail))}",
        *(f"- {row}" for row in _ways_on(state, root, style)),
    ]
    if tail:
        parts = _parts(len(tail), evidence.errors.get(root.job.job.job_id, 0))
        rows += ["", f"Its last {counted(len(tail), 'line')}{parts}:", "", fence("\n".join(tail))]
    return "\n".join(rows)


def _class(root: Root, *, told: bool) -> str:
    """`told`: its last lines are shown."""
    kind = failure_class(root.job)
    if kind != EXIT:
        return f"Class: {kind.name}. {kind.advice}"
    ended = root.job.last_ended
    known = f" {ended.exit_code}" if ended is not None and ended.exit_code is not None else ""
    return f"It ended with exit code{known}{'; its last lines say why' if told else ''}. {kind.advice}"


def _parts(lines: int, errors: int) -> str:
    """Where the lines of a tail come from, if not all from one place."""
    if not 0 < errors < lines:
        return ""
    return ", the last " + (f"{errors} of them" if errors > 1 else "one") + " from standard error"


def _ways_on(state: RunState, root: Root, style: Style) -> Iterator[str]:
    job_id = root.job.job.job_id
    if root.skipped:
        yield f"{counted(len(root.skipped), 'job')} skipped because of it: {_named(root.skipped)}"
    yield f"Again: {code(style.commands.retry(state.run_id, job_id))}"
    if root.job.attempts:
        found = style.links.log(job_id)
        yield f"More of its log: {found or code(style.commands.logs(state.run_id, job_id))}"


def _named(job_ids: tuple[str, ...]) -> str:
    listed = ", ".join(code(job_id) for job_id in job_ids[:_NAMES])
    rest = len(job_ids) - _NAMES
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def _apart(failed: Sequence[Root]) -> tuple[list[Root], list[list[Root]]]:
    """Those with a story of their own, and those that never began, by what they have in common.

    Where a machine never came, or a run was cancelled early, all jobs tell the same.
    """
    by_words: dict[str, list[Root]] = {}
    for root in failed:
        if not root.job.attempts and not root.skipped:
            by_words.setdefault(_said(root), []).append(root)
    alike = [group for group in by_words.values() if len(group) > 1]
    grouped = {root.job.job.job_id for group in alike for root in group}
    return [root for root in failed if root.job.job.job_id not in grouped], alike


def _unbegun(group: Sequence[Root]) -> str:
    names = _named(tuple(root.job.job.job_id for root in group))
    rows = [f"- {names}", f"- {_class(group[0], told=False)}"]
    return "\n".join([f"### {counted(len(group), 'job')} {_said(group[0])}", "", *rows])


def _more(others: Sequence[Root]) -> str:
    names = _named(tuple(root.job.job.job_id for root in others))
    return f"And {counted(len(others), 'more job')} did not succeed: {names}"
