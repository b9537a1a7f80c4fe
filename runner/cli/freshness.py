"""Whether a run's queue file still says what the run does: for those who go on with an old run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runner import plan as plans
from runner.cli.queues import Surroundings
from runner.errors import RunnerError
from runner.model import Plan
from runner.prepare.reading import STDIN


def changed(plan: Plan, checkout: Path) -> str:
    """A sentence where the file is still there and would be another plan now, else "". Never raises."""
    found = {_differs(plan, path, checkout) for path in _candidates(plan, checkout)}
    if not found or False in found:
        return ""
    return (
        f"{plan.source} has changed since; this runs the plan as it was; "
        f"for the new file: runner run {plan.source}"
    )


def _candidates(plan: Plan, checkout: Path) -> Iterator[Path]:
    """The plan has the path as it was given, but not in which folder."""
    if plan.source != STDIN:
        places = dict.fromkeys((checkout / plan.source, Path.cwd() / plan.source))
        yield from (path for path in places if path.is_file())


def _differs(plan: Plan, path: Path, checkout: Path) -> bool:
    params = {k: v if isinstance(v, str) else json.dumps(v) for k, v in plan.queue.params.items()}
    try:
        around = replace(Surroundings.look(), checkout=checkout)
        prepared = around.prepare(str(path), params=params, require_params=True, runs_here=True)
    except (RunnerError, OSError):  # then nothing can be said, and the run goes on all the same
        return False
    if prepared.queue is None:
        return True
    now = plans.make(
        prepared.queue,
        source=plan.source,
        git=plan.git,
        volatile=prepared.volatile,
        tree=prepared.tree,
        runner_version=plan.runner_version,  # a newer runner is no change of the file
    )
    return now.digest != plan.digest
