"""What the push before was planned as: from the artifact that its plan workflow kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from runner.errors import RunnerError
from runner.gitops.artifacts import unzipping
from runner.gitops.plan import receiving
from runner.gitops.plan.artifact import ARTIFACT, LIMIT, NAME, Bundle
from runner.gitops.plan.digests import agreed, reviewed
from runner.model import Queue
from runner.ports import Artifact, CodeHost, WorkflowRun

_MOST = 5
"""Workflow runs of one commit that are looked at, newest first."""
_PACKAGING = 64 * 1024


def queues_of_push(forge: CodeHost, run: WorkflowRun, commit: str) -> dict[str, Queue] | None:
    """The queues by source as they were reviewed at `commit`, an earlier head of the same pull request.

    None where that is not known any more: the artifact is of a stranger, so its digest has to be the one that
    we ourselves put into the status of that commit.
    """
    try:
        digest = reviewed(forge.statuses(commit), forge.login())
        found = (
            (_read(forge, artifact, commit) for artifact in _artifacts(forge, run, commit)) if digest else ()
        )
        bundle = next((one for one in found if one is not None and agreed(one.plans) == digest), None)
    except RunnerError:  # not worth a failure: only one section of the comment is made of it
        return None
    return {plan.source: plan.queue for plan in bundle.plans} if bundle is not None else None


def _artifacts(forge: CodeHost, run: WorkflowRun, commit: str) -> Iterator[Artifact]:
    before = [
        one
        for one in forge.runs_of(PurePosixPath(run.workflow).name, commit)
        if one.commit == commit
        and (one.repository, one.head_repository) == (run.repository, run.head_repository)
        and one.event == run.event
    ]
    for one in before[:_MOST]:
        for artifact in forge.artifacts(run_id=one.id, name=ARTIFACT)[:_MOST]:
            if artifact.workflow_run == one.id and not artifact.expired:
                yield artifact


def _read(forge: CodeHost, artifact: Artifact, commit: str) -> Bundle | None:
    try:
        packed = forge.download(artifact, limit=LIMIT + _PACKAGING)
        bundle = receiving.from_bytes(unzipping.member(packed, NAME, LIMIT))
    except RunnerError:
        return None
    return bundle if bundle.sha == commit else None
