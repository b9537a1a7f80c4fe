"""What `init` did and what is left to do, and what `doctor` found: texts for people. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from runner.report import clean
from runner.report.table import columns
from runner.setup.compare import WRITING, Deed, Step
from runner.setup.source import Source
from runner.setup.wanted import CLOUD, QUEUE, caller

WIDTH = 100
_LONGEST_DIFFERENCE = 40
"""Lines of one file."""
_DONE = {
    Deed.WRITE: "wrote",
    Deed.ADD: "added to",
    Deed.UPDATE: "updated",
    Deed.REPLACE: "replaced",
    Deed.KEEP: "unchanged",
    Deed.YOURS: "yours",
    Deed.LEAVE: "left alone",
}
_ELSEWHERE = (
    "This repository is not on github.com: the workflows use what is new there, and an older Enterprise "
    "Server refuses a workflow with words that it does not know."
)
_WOULD = {
    Deed.WRITE: "would write",
    Deed.ADD: "would add to",
    Deed.UPDATE: "would update",
    Deed.REPLACE: "would replace",
}


def steps(found: Sequence[Step], *, dry_run: bool) -> str:
    """What became of each file; the difference where somebody's own work stands against ours."""
    words = _DONE | _WOULD if dry_run else _DONE
    listed = columns(
        [(words[one.deed], one.path + (f"  ({_note(one)})" if _note(one) else "")) for one in found]
    )
    shown = [f"\n{_difference(one)}" for one in found if one.difference]
    return "\n".join([*listed, *shown])


def _note(step: Step) -> str:
    match step.deed:
        case Deed.LEAVE:
            return "you changed it, or had it before; --force replaces it by what is marked +"
        case Deed.UPDATE:
            return f"written by {step.note}, not changed since"
        case Deed.YOURS:
            return "you changed it, as you are meant to"
    return step.note


def _difference(step: Step) -> str:
    lines = step.difference.splitlines()
    shown = [f"  {clean.line(line, 200)}" for line in lines[:_LONGEST_DIFFERENCE]]
    rest = len(lines) - len(shown)
    return "\n".join([*shown, *([f"  … {rest} more lines"] if rest > 0 else [])])


def left_to_do(found: Sequence[Step], source: Source, branch: str, *, elsewhere: bool) -> str:
    """What no file can do. `elsewhere`: the repository is not on github.com."""
    lines = ["What is left to do:"]
    for number, text in enumerate(_tasks(found, source, branch), 1):
        lines += textwrap.wrap(
            text, WIDTH, initial_indent=f"{number:2}. ", subsequent_indent="    ", break_on_hyphens=False
        )
    if elsewhere:
        lines += textwrap.wrap(_ELSEWHERE, WIDTH, break_on_hyphens=False)
    return "\n".join(
        [*lines, "`runner doctor` looks after most of this; with GITHUB_TOKEN set, on GitHub too."]
    )


def _of_machines(found: Sequence[Step], source: Source) -> Iterator[str]:
    """With the workflow that launches machines."""
    deeds = {step.deed for step in found if step.path == caller(CLOUD)}
    if deeds:
        yield (
            "Machines of AWS: docs/aws.md of runner sets the account up, with the role that runner cloud "
            "assumes; `aws` of .github/runner.yaml names both. No key is stored on GitHub."
        )
    if deeds & set(WRITING):
        yield (
            "Before this is merged: where the role's trust policy names workflows (`job_workflow_ref`), it "
            f"has to name {source.repository}/.github/workflows/cloud.yaml@{source.commit} from now on."
        )


def _tasks(found: Sequence[Step], source: Source, branch: str) -> Iterator[str]:
    if any(step.deed in WRITING for step in found):
        yield (
            f"Commit these files and bring them to {branch}, the default branch, before anything else: "
            "GitHub starts workflows for workflow_run, issue_comment and schedule only from there."
        )
    if any(step.path == QUEUE and step.deed is Deed.WRITE for step in found):
        yield (
            f"{QUEUE} is there to try it: change a line of it in a pull request, read the plan in its "
            "comment, merge, and watch the run."
        )
    yield (
        "Settings > Actions > General: Actions are enabled, and the policy of the repository or its "
        f"organisation allows the workflows of {source.repository}. The default permission of workflows may "
        "stay read-only: each job names what it needs."
    )
    yield (
        "On the same page: whose first pull requests wait for somebody's click before workflows run. Those "
        "of a fork get no secret and may write nothing here; what they can spend is minutes."
    )
    yield (
        f"Settings > Rules: a ruleset for {branch} that requires a pull request before merging, and the "
        "check runner/plan. Without the first, a direct push runs queues that nobody has reviewed."
    )
    if any(step.note.startswith("nobody owns") for step in found):
        yield (
            "Say who approves changes of .github/ and templates/: runner init --owner @ORG/TEAM writes the "
            "rules into CODEOWNERS; a ruleset then requires their review."
        )
    yield from _of_machines(found, source)
    yield (
        "Runners of your own: never in a public repository, where a pull request could stay on the "
        "machine; elsewhere ephemeral ones, since jobs of merged queues run there."
    )
    yield (
        "GitHub pauses schedules of a public repository after 60 days without a commit: then enable "
        "runner reconcile again in the Actions tab."
    )
