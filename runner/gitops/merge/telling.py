"""What a merge says in the summary of its job. Pure, but for reading the runs' directories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.errors import RunnerError
from runner.gitops.merge.refusing import refusal_lines
from runner.gitops.merge.sorting import Sorted
from runner.gitops.run.performing import Performed
from runner.report.comment_final import final_comment
from runner.report.escaping import code
from runner.runs.files import evidence
from runner.runs.reading import read


def nothing(because: str) -> str:
    return f"### Nothing runs\n\n{code(because)}\n"


def merged(performed: Sequence[Performed], sorted_out: Sorted, now: float) -> str:
    """A report of each run, and the files that did not run with their reasons."""
    blocks = [*_refused(sorted_out), *_waiting(sorted_out), *(_run(one, now) for one in performed)]
    return "\n\n".join(blocks) + "\n"


def _refused(sorted_out: Sorted) -> Iterable[str]:
    for refusal in sorted_out.refused:
        source = code(refusal.candidate.planned.source)
        details = "".join(f"\n- {line}" for line in refusal_lines(refusal)[:20])
        yield f"### {source} was not started\n\n{code(refusal.sentence)}\n{details}"


def _waiting(sorted_out: Sorted) -> Iterable[str]:
    for candidate, why in sorted_out.waiting:
        yield f"{code(candidate.planned.source)} is not started now: {code(why)}"


def _run(one: Performed, now: float) -> str:
    try:
        plan, state = read(one.start.where)
        told = final_comment(
            plan,
            state,
            evidence(one.start.where, state),
            now=now,
            links=one.start.target.links,
            expected=one.start.expected,
        )
    except RunnerError as error:
        return f"### {code(one.start.run_id)}\n\n{code(one.trouble or error.message)}"
    return told.partition("\n")[2]  # without the marker of a comment
