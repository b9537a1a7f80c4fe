"""The sections of a plan in Markdown, for the report of one queue and for the comment on several.

Whatever comes from the file stands in code spans and fences (see `escaping`). Of the environment only names
are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from runner.model import Job
from runner.plan import Preview
from runner.plan.words import counted
from runner.problems import Problem, Severity
from runner.report import cost_words, plan_machine
from runner.report import plan_words as words
from runner.report.budget import ESSENTIAL, LIMIT, Section, size
from runner.report.escaping import code, fence
from runner.report.links import Links
from runner.report.mermaid import CHART_BELOW, flowchart
from runner.report.plan_changes import changes

_ROWS = (150, 30)
_LINES = (60, 12, 0)
_COMMAND = (4000, 300)
"""Characters of a command that are shown, where there is room and where there is less."""


def plan_sections(preview: Preview, *, links: Links | None = None, prefix: str = "") -> list[Section]:
    """`prefix` makes the names of the sections unique where there are several queues."""
    links = links or Links()
    jobs = preview.plan.queue.jobs
    since = f" since {code(preview.base)}" if preview.base else ""
    made = [
        Section(name="verdict", rank=ESSENTIAL, forms=("\n".join(_verdict(preview)),)),
        Section(name="changes", rank=50, forms=tuple(changes(preview.changes, since, n) for n in _LINES)),
        Section(name="warnings", rank=40, forms=tuple(_warnings(preview, links, n) for n in _LINES)),
        Section(name="jobs", rank=30, title="jobs", forms=(*(_table(jobs, n) for n in _ROWS), "")),
        Section(name="graph", rank=20, title="graph", forms=(_graph(preview), "")),
        Section(name="commands", rank=10, title="commands", forms=(*_commands(jobs), "")),
    ]
    return [_named(prefix, section) for section in made if section.forms[0] or section.name == "commands"]


def _named(prefix: str, section: Section) -> Section:
    return Section(name=prefix + section.name, rank=section.rank, title=section.title, forms=section.forms)


def _verdict(preview: Preview) -> Iterator[str]:
    plan, bound = preview.plan, preview.facts.bound
    title = "" if plan.queue.queue_name == plan.queue.queue_id else f": {code(plan.queue.queue_name)}"
    yield f"### Plan of {code(plan.queue.queue_id)}{title}"
    yield ""
    machine = code(words.machine(preview))
    cost = preview.cost
    price = f" ({cost_words.at_most(cost, code)})" if cost is not None and cost.dollars is not None else ""
    yield f"**{words.size(preview)}, {words.at_most(bound)}**, on {machine}{price}, from {code(plan.source)}"
    yield ""
    machine = plan_machine.machine(preview, partial(code, limit=60))
    if machine:
        yield f"- Machine: {machine}"
    path = " → ".join(code(job_id) for job_id in words.critical_ids(preview))
    yield f"- Critical path: {path} ({words.critical_length(preview)})"
    bounded = words.at_most(bound) if bound.seconds is not None else "none"
    yield f"- Bound on time: {bounded} ({words.bound_reason(bound, mark=code)})"
    if cost is not None:
        yield f"- Cost: {cost_words.sentence(cost, partial(code, limit=60))}"
    again = plan_machine.again(preview, partial(code, limit=60))
    if again:
        yield f"- If the machine is lost: {again}"
    starts = words.starts(plan.queue, partial(code, limit=100))
    if starts:
        yield f"- Runs: {starts}"
    turns = words.turns(plan.queue, partial(code, limit=100))
    if turns:
        yield f"- Concurrency: {turns}"
    yield f"- Digest: {code(plan.digest)}"


def _warnings(preview: Preview, links: Links, shown: int) -> str:
    lines = [problem_line(problem, links) for problem in preview.problems]
    lines += [f"- {code(warning, limit=500)}" for warning in words.warnings(preview)]
    if not lines:
        return ""
    rest = len(lines) - shown
    more = [f"- and {rest} more"] if rest > 0 and shown else []
    listed = "\n".join([*lines[:shown], *more])
    return f"**{counted(len(lines), 'warning')}**" + (f"\n\n{listed}" if listed else "")


def problem_line(problem: Problem, links: Links, limit: int = 500, *, label: bool = False) -> str:
    """One item of a list: where, what, and what to do about it; with a `label` whether it only warns."""
    word = "warning: " if label and problem.severity is Severity.WARNING else ""
    place = f"{links.place(problem.location)}: " if problem.location is not None else ""
    hint = f" ({code(problem.hint, limit=min(limit, 300))})" if problem.hint else ""
    return f"- {word}{place}{code(problem.message, limit=limit)}{hint}"


def _graph(preview: Preview) -> str:
    queue = preview.plan.queue
    return fence(flowchart(queue), "mermaid") if 1 < len(queue.jobs) < CHART_BELOW else ""


def _table(jobs: Sequence[Job], shown: int) -> str:
    rows = ["| job | after | timeout | attempts | notes |", "|---|---|---|---|---|"]
    rows += [f"| {' | '.join(_cells(job))} |" for job in jobs[:shown]]
    if len(jobs) > shown:
        rows += ["", f"and {len(jobs) - shown:,} more jobs"]
    return "\n".join(rows)


def _cells(job: Job) -> tuple[str, ...]:
    name = code(job.job_id, cell=True)
    return name, _after(job), words.timeout(job), words.attempts(job), _notes(job)


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


def _commands(jobs: Sequence[Job]) -> Iterator[str]:
    """The forms that can fit at all: what is far too long is not even put together."""
    for limit in _COMMAND:
        rows: list[str] = []
        length = 0
        for job in jobs:
            rows.append(_job(job, limit))
            length += size(rows[-1])
            if length > LIMIT:
                break
        else:
            inner = "\n\n".join(rows)
            title = f"Commands and names of the environment ({len(jobs):,})"
            yield f"<details><summary>{title}</summary>\n\n{inner}\n\n</details>"


def _job(job: Job, limit: int) -> str:
    rows = [code(job.job_id), _command(job, limit)]
    for title, names in (("Environment", job.environment), ("Secrets", job.secrets)):
        if names:
            rows.append(f"{title}: {', '.join(code(name) for name in names)}")
    return "\n\n".join(rows)


def _command(job: Job, limit: int) -> str:
    text = job.command if isinstance(job.command, str) else "\n".join(job.command)
    if len(text) > limit:
        text = f"{text[:limit]}\n… {len(text) - limit:,} more characters"
    return fence(text, "sh" if isinstance(job.command, str) else "text")
