"""The reply to a command in a pull request: a verdict in one line, facts, and what was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from runner import layouts
from runner.report import markers
from runner.report.budget import ESSENTIAL, Section, fit, missing
from runner.report.commands import COMMENT
from runner.report.escaping import code, fence
from runner.report.links import link
from runner.report.statuses import StatusText
from runner.report.wording import counted

ACCEPTED, DONE = 1, 2
"""Generations of a reply: what will be done, and what came of it."""
_NAMES = (200, 50, 20)
_ROWS = (100, 40, 10)
_LOG_LINES = (100, 50, 20, 5)
_STATE = {"success": "✅ success", "failure": "❌ failure", "error": "❌ error", "pending": "⏳ pending"}
_COMMAND = re.compile(r"(?m)^(?=/runner)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """`headline` and `facts` are one line each; whatever is foreign in them stands in code already."""

    headline: str
    facts: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    ok: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHere:
    """A queue's run as this pull request shows it. `run_id` is "" where no comment names it."""

    status: StatusText
    run_id: str = ""


def reply(marker: markers.Marker, said: Reply) -> str:
    """The comment, with its marker. None of its lines is a command, whatever it quotes."""
    values = {"marker": markers.line(marker), "headline": said.headline, "facts": list(said.facts)}
    text = fit(said.sections, partial(_laid_out, values))
    return _COMMAND.sub(" ", text)


def summary(said: Reply) -> str:
    """The same for the summary of a workflow run."""
    values = {"marker": "", "headline": said.headline, "facts": said.facts}
    return fit(said.sections, partial(_laid_out, values)).lstrip("\n")


def _laid_out(values: Mapping[str, object], forms: Mapping[str, str], left_out: Sequence[str]) -> str:
    parts = [form for form in forms.values() if form]
    return layouts.render("reply", {**values, "parts": parts, "missing": missing(left_out)})


def help_text(usages: Mapping[str, str]) -> Reply:
    """`usages`: how each verb is written."""
    rows = [f"| {code(usages[verb], cell=True)} | {words} |" for verb, words in _HELP.items()]
    return Reply(
        headline="What can be asked for here",
        facts=(
            "A command is the first line of a new comment; edited comments do not count.",
            "Without JOB all of the run is meant.",
        ),
        sections=(_table("commands", ("command", "does"), [rows]),),
    )


_HELP = {
    "help": "shows this",
    "status": "shows the runs of this pull request",
    "logs": "shows the last lines that a job wrote",
    "retry": "runs failed and cancelled jobs again, or JOB, and everything that depends on them",
    "resume": "goes on with a run that was interrupted",
    "cancel": "ends a run or some of its jobs",
    "plan": "plans the queues of this pull request again",
    "run": "starts a merged queue that was held back because its plan was not the reviewed one",
    "unlock": "says that nothing is ever locked",
}


def refusal(message: str, hint: str = "") -> Reply:
    """Both are sentences that may quote anything."""
    text = message if not hint else f"{message}\n{hint}"
    return Reply(
        headline="😕 Not done",
        ok=False,
        sections=(Section(name="why", rank=ESSENTIAL, forms=(fence(text[:4000], "text"),)),),
    )


def failure(before: Reply, message: str, hint: str = "") -> Reply:
    """It was begun, and something outside failed."""
    return replace(refusal(message, hint), headline="😕 It went wrong", facts=before.facts)


def unsaid(said: Reply, message: str) -> Reply:
    """Comments are refused: what would have been said, and why nothing was done."""
    return replace(said, headline=f"{said.headline} – but no comment is taken: {code(message)}", ok=False)


def broke_off(url: str) -> Reply:
    """Whoever began is gone, and nothing is known of how far it came."""
    return Reply(
        headline="😕 This was begun, and broke off",
        ok=False,
        facts=(
            f"The {link('workflow run', url)} that did it ended before it could say how it went.",
            f"It is not done a second time. Look with {code('/runner status')}.",
            f"Then give a new command, such as {code('/runner resume RUN')}.",
        ),
    )


def finished(before: Reply, said: Sequence[str], *, ok: bool, headline: str = "") -> Reply:
    """`said`: sentences that may quote anything. `headline`: our words for how it ended, if done."""
    text = "\n".join(said)[:8000]
    told = (Section(name="outcome", rank=ESSENTIAL, forms=(fence(text, "text"),)),) if text.strip() else ()
    return replace(
        before,
        headline=(headline or "🚀 Done") if ok else "😕 Not done",
        ok=ok,
        sections=(*told, *(replace(section, rank=50) for section in before.sections)),
    )


def preview(kind: str, run_id: str, jobs: Sequence[str], total: int) -> Reply:
    """What `retry` or `resume` is going to run: these jobs of a queue with `total` of them."""
    word, runs = {"retry": ("Runs again", "run again"), "resume": ("Goes on with", "run")}[kind]
    return Reply(
        headline=f"🚀 {word} {counted(len(jobs), 'job')} of {code(run_id)}",
        facts=(
            f"{len(jobs):,} of {counted(total, 'job')} of {code(run_id)} {runs}; the rest stays as it is.",
        ),
        sections=(
            Section(
                name="jobs",
                rank=ESSENTIAL,
                title="job ids",
                forms=tuple(_names(jobs, most) for most in _NAMES),
            ),
        ),
    )


def cancelling(run_id: str, jobs: Sequence[str], url: str) -> Reply:
    what = f"{counted(len(jobs), 'job')} of {code(run_id)}" if jobs else code(run_id)
    return Reply(
        headline=f"🚀 Cancels {what}",
        facts=(
            f"The {link('workflow run', url)} that runs it looks for this reply at least once a minute.",
            f"Then the attempts end, and the comments show it; see {code('/runner status')}.",
        ),
        sections=(Section(name="jobs", rank=ESSENTIAL, forms=tuple(_names(jobs, n) for n in _NAMES)),),
    )


def cancelling_in_cloud(run_id: str, jobs: Sequence[str]) -> Reply:
    """Of a run in the cloud."""
    what = f"{counted(len(jobs), 'job')} of {code(run_id)}" if jobs else code(run_id)
    return Reply(
        headline=f"🚀 Cancels {what}",
        facts=(
            "The machine that runs it looks for this every five seconds, or as soon as it has booted.",
            f"Then the attempts end, and the comments show it; see {code('/runner status')}.",
        ),
        sections=(Section(name="jobs", rank=ESSENTIAL, forms=tuple(_names(jobs, n) for n in _NAMES)),),
    )


def _names(jobs: Sequence[str], most: int) -> str:
    if not jobs:
        return ""
    more = f", and {counted(len(jobs) - most, 'more job')}" if len(jobs) > most else ""
    return ", ".join(code(job) for job in jobs[:most]) + more


def log_end(run_id: str, job_id: str, attempt: int, lines: Sequence[str], url: str) -> Reply:
    """The last `lines` of an attempt; `url` leads to the workflow run that kept all of it."""
    files = f"{run_id}/jobs/{job_id}/{attempt}/"
    everything = f"All of it: {code(files)} in the artifact of the {link('workflow run', url)}"
    return _log_end(run_id, job_id, attempt, lines, everything)


def log_end_in_cloud(run_id: str, job_id: str, attempt: int, lines: Sequence[str], where: str) -> Reply:
    """The same of a run in the cloud; `where` is its `s3://` URL."""
    return _log_end(run_id, job_id, attempt, lines, f"All of it: {code(f'runner logs {where} {job_id}')}")


def _log_end(run_id: str, job_id: str, attempt: int, lines: Sequence[str], everything: str) -> Reply:
    if not lines:
        told: tuple[str, ...] = ("It wrote nothing.",)
    else:
        told = tuple(fence("\n".join(lines[-most:]), "text") for most in _LOG_LINES)
    return Reply(
        headline=f"The end of the log of {code(job_id)}",
        facts=(
            f"Attempt {attempt} of {code(run_id)}",
            everything,
        ),
        sections=(Section(name="log", rank=ESSENTIAL, forms=told),),
    )


def status(runs: Sequence[RunHere], jobs: Sequence[StatusText]) -> Reply:
    """`runs`: one for each queue; `jobs`: what their jobs have as statuses."""
    if not runs:
        return Reply(headline="Nothing has run for this pull request", facts=_nothing_ran())
    rows = [
        f"| {code(run.status.context.removeprefix('runner/'), cell=True)} | {_STATE[run.status.state]} | "
        f"{code(run.status.description, cell=True)} | {code(run.run_id, cell=True)} | {_report(run.status)} |"
        for run in runs
    ]
    sections = [_table("runs", ("queue", "state", "", "run", ""), [rows])]
    bad = [one for one in jobs if one.state in {"failure", "error"}]
    rest = [one for one in jobs if one.state not in {"failure", "error"}]
    if jobs:
        sections.append(_jobs([*bad, *rest]))
    failed = next((run for run in runs if run.status.state in {"failure", "error"} and run.run_id), None)
    facts = (f"Run again what failed: {code(COMMENT.retry(failed.run_id))}",) if failed else ()
    return Reply(
        headline=f"{counted(len(runs), 'run')} of this pull request", facts=facts, sections=tuple(sections)
    )


def _nothing_ran() -> tuple[str, ...]:
    return ("Queues run once the pull request is merged into the default branch.",)


def _report(one: StatusText) -> str:
    return link("report", one.target) if one.target else ""


def _jobs(jobs: Sequence[StatusText]) -> Section:
    rows = [
        f"| {code(one.context.removeprefix('runner/'), cell=True)} | {_STATE[one.state]} | "
        f"{code(one.description, cell=True)} |"
        for one in jobs
    ]
    return _table("jobs", ("job", "state", ""), [rows[:most] for most in _ROWS], title="jobs", rank=20)


def _table(
    name: str,
    heads: Sequence[str],
    forms: Sequence[Sequence[str]],
    *,
    title: str = "",
    rank: int = ESSENTIAL,
) -> Section:
    top = f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
    made = tuple("\n".join((top, *rows)) for rows in forms)
    return Section(name=name, rank=rank, title=title, forms=(*made, "") if title else made)
