"""The plan comment of a pull request: what its queues would run once merged, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from runner import layouts
from runner.plan import Changes, Preview
from runner.plan.words import counted
from runner.problems import Problem, Severity
from runner.report import cost_words, markers
from runner.report import plan_words as words
from runner.report.budget import ESSENTIAL, Section, fit, missing
from runner.report.escaping import code
from runner.report.links import Links
from runner.report.plan_changes import changes
from runner.report.plan_parts import plan_sections, problem_line

DETAILED = 8
"""Queues that are shown with everything; of more, the table says how they stand."""
_OVERVIEW = (100, 25)
_PROBLEMS = ((30, 500), (8, 300), (2, 120))
"""How many problems of a file are shown, and how much of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedQueue:
    """One queue file of the pull request. `preview` is None where it cannot be planned; `problems` say why.

    `pushed` is what changed since the plan before, where that is known. `params` have no value yet: then
    there is no plan, and nothing is wrong.
    """

    source: str
    preview: Preview | None = None
    problems: tuple[Problem, ...] = ()
    pushed: Changes | None = None
    params: tuple[str, ...] = ()

    @property
    def broken(self) -> bool:
        unplanned = self.preview is None and not self.params
        return unplanned or any(p.severity is Severity.ERROR for p in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullPlan:
    """All queues of one pull request at the commit `sha`. `removed` are files that the request deletes.

    `generation` grows with each plan; `history` is what this one supersedes, see `superseding`. `unreadable`
    says why nothing is known of it at all.
    """

    number: int
    sha: str
    generation: int
    queues: tuple[PlannedQueue, ...] = ()
    removed: tuple[str, ...] = ()
    history: tuple[markers.Superseded, ...] = ()
    links: Links = field(default_factory=Links)
    unreadable: str = ""

    @property
    def verdict(self) -> str:
        """One of `markers.VERDICTS`."""
        if self.unreadable or any(queue.broken for queue in self.queues):
            return "broken"
        return "planned" if self.queues else "nothing"

    @property
    def jobs(self) -> int:
        return sum(len(q.preview.plan.queue.jobs) for q in self.queues if q.preview is not None)

    @property
    def size(self) -> str:
        """`2 queues, 12 jobs`, and how many have no plan yet."""
        waiting = sum(queue.preview is None for queue in self.queues)
        planned = len(self.queues) - waiting
        waits = f"{counted(waiting, 'queue')} to be given values" if waiting else ""
        known = _much(planned, self.jobs) if planned or not waiting else ""
        return ", ".join(filter(None, (known, waits)))


def plan_comment(pull: PullPlan) -> str:
    """The comment, with its marker. It replaces whatever the one before it said."""
    ordered = sorted(pull.queues, key=lambda queue: not queue.broken)  # what is wrong comes first
    blocks = [_block(i, queue, pull.links) for i, queue in enumerate(ordered[:DETAILED])]
    sections = [section for block in blocks for section in block]
    if len(ordered) > 1:
        forms = tuple(_overview(ordered, shown) for shown in _OVERVIEW)
        sections.append(Section(name="overview", rank=ESSENTIAL, forms=forms))
    names = [[section.name for section in block] for block in blocks]
    return fit(sections, partial(_laid_out, pull, names))


def _laid_out(
    pull: PullPlan, blocks: Sequence[Sequence[str]], forms: Mapping[str, str], left_out: Sequence[str]
) -> str:
    values = {
        "marker": markers.line(_marker(pull)),
        "headline": _headline(pull),
        "sha": code(pull.sha[:12]),
        "overview": forms.get("overview", ""),
        "queues": ["\n\n".join(forms[name] for name in block if forms[name]) for block in blocks],
        "removed": [code(source) for source in pull.removed[:20]],
        "more_removed": max(0, len(pull.removed) - 20),
        "planned": pull.verdict == "planned",
        "unreadable": code(pull.unreadable, limit=500),
        "merging": _merging(pull),
        "history": [_past(past) for past in pull.history[: markers.HISTORY]],
        "missing": missing(left_out),
    }
    return layouts.render("plan", values)


def _marker(pull: PullPlan) -> markers.Marker:
    digests = [q.preview.plan.digest for q in pull.queues if q.preview is not None]
    current = markers.Superseded(
        sha=pull.sha,
        verdict=pull.verdict,
        queues=len(pull.queues),
        jobs=pull.jobs,
        digest=digests[0] if len(digests) == 1 and pull.verdict == "planned" else "",
    )
    return markers.Marker(
        kind="plan",
        subject=str(pull.number),
        generation=pull.generation,
        current=current,
        history=pull.history[: markers.HISTORY],
    )


def _merging(pull: PullPlan) -> str:
    planned = [queue.preview.plan.queue for queue in pull.queues if queue.preview is not None]
    return words.merging(planned) if planned else "Merging runs nothing."


def _headline(pull: PullPlan) -> str:
    if pull.unreadable:
        return "❌ The plan could not be read"
    if pull.verdict == "nothing":
        return "Nothing to run"
    if pull.verdict == "planned":
        return f"✅ Ready to run: {pull.size}"
    broken = sum(queue.broken for queue in pull.queues)
    # A file without a plan is a problem, whether or not something says so.
    errors = sum(max(len(_errors(queue)), queue.broken) for queue in pull.queues)
    where = counted(len(pull.queues), "queue file")
    return f"❌ Cannot run: {counted(errors, 'problem')} in {broken:,} of {where}"


def _much(queues: int, jobs: int) -> str:
    return f"{counted(queues, 'queue')}, {counted(jobs, 'job')}"


def _errors(queue: PlannedQueue) -> list[Problem]:
    return [problem for problem in queue.problems if problem.severity is Severity.ERROR]


def _block(number: int, queue: PlannedQueue, links: Links) -> list[Section]:
    prefix = f"{number}:"
    broken = [_problems(prefix, queue, links)] if queue.broken else []
    if queue.preview is None:
        return broken or [Section(name=f"{prefix}waits", rank=ESSENTIAL, forms=_waits(queue, links))]
    made = plan_sections(queue.preview, links=links, prefix=prefix)
    if queue.pushed is not None:
        forms = tuple(changes(queue.pushed, " since the last push", shown) for shown in (20, 5, 0))
        made.insert(1, Section(name=f"{prefix}pushed", rank=45, forms=forms))
    return [*broken, *made]


def _problems(prefix: str, queue: PlannedQueue, links: Links) -> Section:
    forms = tuple(_problem_list(queue, links, shown, size) for shown, size in _PROBLEMS)
    return Section(name=f"{prefix}problems", rank=ESSENTIAL, forms=forms)


def _problem_list(queue: PlannedQueue, links: Links, shown: int, size: int) -> str:
    found = sorted(queue.problems, key=lambda problem: problem.severity is not Severity.ERROR)
    rows = [problem_line(problem, links, size, label=True) for problem in found[:shown]]
    rest = len(found) - len(rows)
    if rest:
        rows.append(f"- and {counted(rest, 'more problem')}")
    return "\n".join([f"### {code(queue.source)} cannot run", "", *(rows or ["- It has no plan."])])


def _waits(queue: PlannedQueue, links: Links) -> tuple[str, ...]:
    names = ", ".join(code(name) for name in queue.params[:20])
    text = (
        f"### {code(queue.source)}\n\nIt is started by hand, and is planned once it has a value for: {names}"
    )
    told = "\n".join(problem_line(problem, links, label=True) for problem in queue.problems[:8])
    return (f"{text}\n\n{told}", text) if told else (text,)


def _overview(queues: Sequence[PlannedQueue], shown: int) -> str:
    rows = [
        "| queue file | verdict | jobs | levels | time | machine | cost |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [f"| {' | '.join(_cells(queue))} |" for queue in queues[:shown]]
    if len(queues) > shown:
        broken = sum(queue.broken for queue in queues[shown:])
        wrong = f", {broken:,} of them cannot run" if broken else ""
        rows += ["", f"and {counted(len(queues) - shown, 'more queue')}{wrong}"]
    return "\n".join(rows)


def _cells(queue: PlannedQueue) -> tuple[str, ...]:
    source = code(queue.source, limit=100, cell=True)
    if queue.preview is None and not queue.broken:
        return source, "waits for values", "", "", "", "", ""
    if queue.preview is None or queue.broken:
        return source, f"cannot run: {counted(len(_errors(queue)), 'problem')}", "", "", "", "", ""
    facts, cost = queue.preview.facts, queue.preview.cost
    return (
        source,
        "ready",
        f"{len(facts.jobs):,}",
        f"{len(facts.levels):,}",
        words.at_most(facts.bound),
        code(words.machine(queue.preview), limit=60, cell=True),
        cost_words.at_most(cost, code) if cost is not None else "",
    )


def _past(past: markers.Superseded) -> str:
    told = {
        "planned": _much(past.queues, past.jobs),
        "broken": f"could not run ({counted(past.queues, 'queue')})",
        "nothing": "nothing to run",
    }[past.verdict]
    digest = f", digest {code(past.digest[:19] + '…')}" if past.digest else ""
    return f"{code(past.sha[:12])}: {told}{digest}"


def superseding(pull: PullPlan, before: markers.Marker | None) -> PullPlan:
    """The same plan with the history that it has after the comment `before`.

    A plan of the same commit that is made again supersedes nothing.
    """
    past = before.past if before is not None else ()
    return replace(pull, history=tuple(p for p in past if p.sha != pull.sha)[: markers.HISTORY])
