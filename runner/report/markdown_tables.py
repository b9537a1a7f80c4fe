"""The parts of the report that list: what jobs said themselves, their result files, and every job."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Outcome
from runner.report.escaping import code, fence
from runner.report.evidence import Evidence
from runner.report.links import Links, link
from runner.report.wording import counted, seconds_of, why_skipped, word_in
from runner.state import JobState, Phase, RunState
from runner.units import format_duration, format_size

ROWS = 200
FILES = 100
SUMMARIES = 30
SUMMARY_SIZE = 8192
_COMMAND = 1200
_DAYS = 90
"""What the workflows ask for; a repository may keep artifacts for less."""


def summaries(
    state: RunState, evidence: Evidence, *, shown: int = SUMMARIES, size: int = SUMMARY_SIZE
) -> str:
    """What jobs wrote into `RUNNER_SUMMARY`, fenced: it is foreign text. "" where none did."""
    told = [(job_id, evidence.summaries[job_id]) for job_id in state.jobs if job_id in evidence.summaries]
    parts = []
    for job_id, summary in told[:shown]:
        more = "\n\n(cut here)" if len(summary) > size else ""
        parts.append(f"### {code(job_id)}\n\n{fence(summary[:size], 'markdown')}{more}")
    if len(told) > shown:
        parts.append(f"And {counted(len(told) - shown, 'more job')} wrote one.")
    return "\n\n".join(parts)


def files(state: RunState, evidence: Evidence, *, shown: int = FILES, links: Links | None = None) -> str:
    """Result files with size and sha256; without any, "". `links` say what they are in."""
    kept = [(job_id, f) for job_id in state.jobs for f in evidence.files.get(job_id, ())]
    if not kept:
        return ""
    rows = [
        f"| {_cell(job_id)} | {_cell(f.path)} | {format_size(f.size)} | {_cell(f.sha256)} |"
        for job_id, f in kept[:shown]
    ]
    total = format_size(sum(f.size for _, f in kept))
    more = f", of which {shown} are listed" if rows and len(kept) > shown else ""
    links = links or Links()
    copied = f"copy them: {_copying(state, links)}"
    where = f"in the artifact {code(links.artifact)} of the workflow run" if links.artifact else copied
    listed = "\n\n" + _table(("job", "path", "size", "sha256"), rows) if rows else ""
    return f"{counted(len(kept), 'file')}, {total}{more}; {where}{listed}"


def where_files_are(state: RunState, evidence: Evidence, links: Links) -> str:
    """One line that leads to the result files in the bucket or in the workflow run's artifact, or ""."""
    kept = [f for job_id in state.jobs for f in evidence.files.get(job_id, ())]
    if kept and links.bucket:
        return (
            f"Result files: {len(kept):,}, {format_size(sum(f.size for f in kept))}: {_copying(state, links)}"
        )
    if not kept or not links.artifact:
        return ""
    page = f"{links.report}#artifacts" if links.report else ""
    place = link(f"artifact {code(links.artifact)}", page)
    folder = code(f"{state.run_id}/jobs/JOB/ATTEMPT/results/")
    total = format_size(sum(f.size for f in kept))
    return f"Result files: {len(kept):,}, {total}: {place} (kept at most {_DAYS} days), below {folder}"


def _copying(state: RunState, links: Links) -> str:
    return code(f"runner results {links.bucket or state.run_id} -o DIR", limit=_COMMAND)


def jobs(state: RunState, *, shown: int = ROWS) -> str:
    """Every job in file order; of a large queue those that did not succeed first, and no more than fit."""
    listed = list(state.jobs.values())
    if not listed:
        return ""
    if len(listed) > shown:
        listed.sort(key=lambda job: job.outcome is Outcome.SUCCEEDED)
    rows = [_row(state, job) for job in listed[:shown]]
    rest = len(listed) - shown
    more = f"\n\nAnd {counted(rest, 'more job')}." if rest > 0 else ""
    return _table(("job", "outcome", "attempts", "time", "CPU", "memory"), rows) + more


def _row(state: RunState, job: JobState) -> str:
    ended, name = job.last_ended, _cell(job.job.job_id)
    if ended is None:
        why = f": {_cell(why_skipped(job))}" if job.phase is Phase.SKIPPED else ""
        return f"| {name} | {word_in(state, job)}{why} | {len(job.attempts) or ''} | | | |"
    memory = format_size(ended.max_rss) if ended.max_rss else ""
    took, cpu = format_duration(seconds_of(job)), format_duration(ended.cpu_seconds)
    return f"| {name} | {word_in(state, job)} | {len(job.attempts)} | {took} | {cpu} | {memory} |"


def _cell(text: str) -> str:
    return code(text, cell=True)


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    line = "|".join("---" for _ in heads)
    return "\n".join([f"| {' | '.join(heads)} |", f"|{line}|", *rows])
