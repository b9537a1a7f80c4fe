"""What a commit does not hold itself, said when a queue is planned: its machine will not have it either."""

from __future__ import annotations

from pathlib import Path

from runner.bundle.checkout import missed
from runner.model import Queue
from runner.problems import Location, Problem, Severity


def problems(queue: Queue, checkout: Path, commit: str, source: str) -> list[Problem]:
    """Warnings about Git LFS and submodules; none for a queue that runs in a checkout that is there.

    `commit` "": there is none, and nothing to say. Raises RunnerError where git does not answer.
    """
    if queue.machine.provider != "ec2" or not commit:
        return []
    return [
        Problem(
            rule="not-in-commit",
            message=sentence,
            severity=Severity.WARNING,
            location=Location(file=source),
        )
        for sentence in missed(checkout, commit)
    ]
