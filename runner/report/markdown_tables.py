"""The parts of the report that list: what jobs said themselves, their result files, and every job."""

from __future__ import annotations

from collections.abc import Sequence

from runner.model import Outcome
from runner.report.escaping import code, fence
from runner.report.evidence import Evidence
from runner.report.wording import counted, job_word, seconds_of, why_skipped
from runner.state import JobState, Phase, RunState
from runner.units import format_duration, format_size

_ROWS = 200
_FILES = 100
_SUMMARIES = 30
_SUMMARY_SIZE = 8192


def summaries(state: RunState, evidence: Evidence) -> str:
    """What jobs wrote into `RUNNER_SUMMARY`, fenced: it is foreign text."""
    told = [(job_id, evidence.summaries[job_id]) for job_id in state.jobs if job_id in evidence.summaries]
    if not told:
        return ""
    parts = ["## Summaries"]
    for job_id, summary in told[:_SUMMARIES]:
        cut = summary[:_SUMMARY_SIZE]
        more = "\n\n(cut here)" if len(summary) > _SUMMARY_SIZE else ""
        parts.append(f"### {code(job_id)}\n\n{fence(cut, 'markdown')}{more}")
    if len(told) > _SUMMARIES:
        parts.append(f"And {counted(len(told) - _SUMMARIES, 'more job')} wrote one.")
    return "\n\n".join(parts)


def files(state: RunState, evidence: Evidence) -> str:
    kept = [(job_id, f) for job_id in state.jobs for f in evidence.files.get(job_id, ())]
    if not kept:
        return ""
    rows = [
        f"| {code(job_id)} | {code(f.path, cell=True)} | {format_size(f.size)} | {code(f.sha256)} |"
        for job_id, f in kept[:_FILES]
    ]
    total = format_size(sum(f.size for _, f in kept))
    more = f", of which {_FILES} are listed" if len(kept) > _FILES else ""
    head = f"## Result files\n\n{counted(len(kept), 'file')}, {total}{more}; copy them: "
    command = code(f"runner results {state.run_id} -o DIR")
    return f"{head}{command}\n\n" + _table(("job", "path", "size", "sha256"), rows)


def jobs(state: RunState) -> str:
    """Every job in file order; of a large queue those that did not succeed first, and no more than fit."""
    listed = list(state.jobs.values())
    if len(listed) > _ROWS:
        listed.sort(key=lambda job: job.outcome is Outcome.SUCCEEDED)
    rows = [_row(job) for job in listed[:_ROWS]]
    rest = len(listed) - _ROWS
    more = f"\n\nAnd {counted(rest, 'more job')}." if rest > 0 else ""
    return "## Jobs\n\n" + _table(("job", "outcome", "attempts", "time", "CPU", "memory"), rows) + more


def _row(job: JobState) -> str:
    ended = job.last_ended
    if ended is None:
        why = f": {code(why_skipped(job), cell=True)}" if job.phase is Phase.SKIPPED else ""
        return f"| {code(job.job.job_id)} | {job_word(job)}{why} | {len(job.attempts) or ''} | | | |"
    memory = format_size(ended.max_rss) if ended.max_rss else ""
    took, cpu = format_duration(seconds_of(job)), format_duration(ended.cpu_seconds)
    return f"| {code(job.job.job_id)} | {job_word(job)} | {len(job.attempts)} | {took} | {cpu} | {memory} |"


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    line = "|".join("---" for _ in heads)
    return "\n".join([f"| {' | '.join(heads)} |", f"|{line}|", *rows])
