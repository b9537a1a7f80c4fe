"""A plan as Markdown, for the pull request: verdict, digest, changes, jobs, graph, warnings, commands.

Whatever comes from the file stands in code spans and fences (see `escaping`). Of the environment only names
are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.model import Job
from runner.plan import FieldChange, Preview
from runner.plan.words import counted
from runner.problems import Problem
from runner.report import plan_words as words
from runner.report.escaping import code, fence
from runner.report.mermaid import flowchart

_CHART_BELOW = 25
"""Nodes from which on a chart is too small to read in a comment."""
_ROWS = 150
_LINES = 60
_COMMAND = 4000
_COMMANDS = "commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """`rank` is the order in which sections are left out when there is no room; 0 never is."""

    name: str
    rank: int
    text: str


def plan_markdown(preview: Preview, *, limit: int = 60_000) -> str:
    """The report, at most `limit` UTF-16 units long. Ends with a newline.

    What is left out first is the commands, then the chart, then the table of jobs; the report says so.
    """
    sections = [section for section in _sections(preview, limit) if section.text]
    left_out: list[str] = []
    while _size(_joined(sections, left_out)) > limit:
        droppable = [section for section in sections if section.rank]
        if not droppable:
            break
        first = min(droppable, key=lambda section: section.rank)
        sections.remove(first)
        left_out.append(first.name)
    return _joined(sections, left_out)


def _size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _joined(sections: Sequence[_Section], left_out: Sequence[str]) -> str:
    texts = [section.text for section in sections]
    if left_out:
        texts.append(f"_Left out, too long to show here: {', '.join(left_out)}._")
    return "\n\n".join(texts) + "\n"


def _sections(preview: Preview, limit: int) -> Iterator[_Section]:
    jobs = preview.plan.queue.jobs
    yield _Section(name="verdict", rank=0, text="\n".join(_verdict(preview)))
    yield _Section(name="changes", rank=5, text="\n".join(_changes(preview)))
    yield _Section(name="warnings", rank=4, text="\n".join(_warnings(preview)))
    yield _Section(name="jobs", rank=3, text="\n".join(_table(jobs)))
    if 1 < len(jobs) < _CHART_BELOW:
        yield _Section(name="graph", rank=2, text=fence(flowchart(preview.plan.queue), "mermaid"))
    yield _Section(name=_COMMANDS, rank=1, text="\n".join(_commands(jobs, limit)))


def _verdict(preview: Preview) -> Iterator[str]:
    plan, bound = preview.plan, preview.facts.bound
    title = "" if plan.queue.queue_name == plan.queue.queue_id else f": {code(plan.queue.queue_name)}"
    yield f"### Plan of {code(plan.queue.queue_id)}{title}"
    yield ""
    machine = code(words.machine(preview))
    yield f"**{words.size(preview)}, {words.at_most(bound)}**, on {machine}, from {code(plan.source)}"
    yield ""
    path = " → ".join(code(job_id) for job_id in words.critical_ids(preview))
    yield f"- Critical path: {path} ({words.critical_length(preview)})"
    yield f"- Bound on time: {words.at_most(bound)} ({words.bound_reason(bound, mark=code)})"
    yield f"- Digest: {code(plan.digest)}"


def _changes(preview: Preview) -> Iterator[str]:
    if preview.changes is None:
        return
    base = f" since {code(preview.base)}" if preview.base else ""
    yield f"**{words.since(preview.changes).capitalize()}{base}**"
    lines = list(words.change_lines(preview.changes))
    if lines:
        yield ""
    for change in lines[:_LINES]:
        yield from _change(change)
    if len(lines) > _LINES:
        yield f"- and {len(lines) - _LINES} more"


def _change(change: words.ChangeLine) -> Iterator[str]:
    subject = " → ".join(code(job_id) for job_id in change.job_ids)
    head = f"- {change.done} {subject}".rstrip()
    if change.field is None:
        yield head
    elif change.field.diff:
        yield f"{head}: {code(change.field.field)}"
        yield ""
        # Indented, so that the block belongs to its line of the list.
        yield from (f"  {line}" for line in fence(change.field.diff, "diff").split("\n"))
        yield ""
    else:
        yield f"{head}: {code(change.field.field)} {_values(change.field)}"


def _values(field: FieldChange) -> str:
    if field.hidden:
        return f"{words.hidden(field)} (values are not shown)"
    old, new = (code(value) if value else "nothing" for value in (field.old, field.new))
    return f"{old} → {new}"


def _warnings(preview: Preview) -> Iterator[str]:
    lines = [_problem(problem) for problem in preview.problems]
    lines += [f"- {code(warning, limit=500)}" for warning in words.warnings(preview)]
    if lines:
        yield f"**{counted(len(lines), 'warning')}**"
        yield ""
        yield from lines[:_LINES]
    if len(lines) > _LINES:
        yield f"- and {len(lines) - _LINES} more"


def _problem(problem: Problem) -> str:
    place = f"{code(str(problem.location))}: " if problem.location is not None else ""
    hint = f" ({code(problem.hint, limit=300)})" if problem.hint else ""
    return f"- {place}{code(problem.message, limit=500)}{hint}"


def _table(jobs: Sequence[Job]) -> Iterator[str]:
    yield "| job | after | timeout | attempts | notes |"
    yield "|---|---|---|---|---|"
    for job in jobs[:_ROWS]:
        cells = (
            code(job.job_id, cell=True),
            _after(job),
            words.timeout(job),
            words.attempts(job),
            _notes(job),
        )
        yield f"| {' | '.join(cells)} |"
    if len(jobs) > _ROWS:
        yield ""
        yield f"and {len(jobs) - _ROWS:,} more jobs"


def _after(job: Job, shown: int = 6) -> str:
    names = [code(parent, cell=True) for parent in job.depends_on[:shown]]
    if len(job.depends_on) > shown:
        names.append(f"and {len(job.depends_on) - shown} more")
    return ", ".join(names)


def _notes(job: Job) -> str:
    notes = [f"{ours} {code(theirs, limit=80, cell=True)}".strip() for ours, theirs in words.notes(job)]
    if job.description:
        notes.insert(0, code(job.description, limit=120, cell=True))
    return " · ".join(notes)


def _commands(jobs: Sequence[Job], limit: int) -> Iterator[str]:
    """Ends in the middle when it is over the limit: then it is left out as a whole."""
    yield f"<details><summary>Commands and names of the environment ({len(jobs):,})</summary>"
    yield ""
    for job in jobs:
        yield f"{code(job.job_id)}"
        yield ""
        command = _command(job)
        yield command
        limit -= len(command)
        if limit < 0:
            return
        yield ""
        yield from _names("Environment", job.environment)
        yield from _names("Secrets", job.secrets)
    yield "</details>"


def _command(job: Job) -> str:
    text = job.command if isinstance(job.command, str) else "\n".join(job.command)
    if len(text) > _COMMAND:
        text = f"{text[:_COMMAND]}\n… {len(text) - _COMMAND:,} more characters"
    return fence(text, "sh" if isinstance(job.command, str) else "text")


def _names(title: str, values: dict[str, str]) -> Iterator[str]:
    if values:
        yield f"{title}: {', '.join(code(name) for name in values)}"
        yield ""
