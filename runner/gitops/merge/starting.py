"""From a file that may run to the order that runs it: a new run, or the one this merge started before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runner import plan as plans
from runner.agent.order import Order
from runner.config import Config
from runner.gitops.merge.agreement import Candidate
from runner.gitops.merge.earlier import Before, look
from runner.gitops.merge.estimates import estimate
from runner.gitops.merge.identity import run_id
from runner.gitops.repository import history
from runner.gitops.run.performing import Stage, Start
from runner.gitops.run.targets import run_directory, target_of
from runner.model import Plan
from runner.runs.places import make_home
from runner.runs.reading import read
from runner.state import RunPhase


def starts(candidates: Sequence[Candidate], config: Config, stage: Stage) -> list[Start]:
    """What is to be done for each; nothing for a run that is over and whose files are gone."""
    make_home(stage.context.checkout)
    made = (_start(candidate, config, stage) for candidate in candidates)
    return [start for start in made if start is not None]


def _start(candidate: Candidate, config: Config, stage: Stage) -> Start | None:
    plan, due = candidate.planned.plan, candidate.due
    assert plan is not None  # noqa: S101  what has no plan was refused
    name = run_id(
        plan.queue.queue_id,
        repository=stage.context.repository,
        commit=due.commit,
        path=due.source,
        at=history.commit_time(stage.context.checkout, due.commit),
        salt=due.salt,
    )
    if stage.site is not None:
        # Imported here: the SDK takes longer to load than a run without it to begin.
        from runner.gitops.merge.on_machine import start_on_machine  # noqa: PLC0415

        target = target_of(due.commit, due.pull, config, stage)
        return start_on_machine(name, candidate, target, stage, stage.site)
    directory = run_directory(stage, name)
    start = Start(
        run_id=name,
        source=due.source,
        where=directory,
        target=target_of(due.commit, due.pull, config, stage),
    )
    before = look(start, directory, plan.queue.queue_id, stage)
    if before is Before.OVER:
        stage.notice(f"{name} is over, and its files are no longer kept")
        return None
    if before is Before.ELSEWHERE:
        stage.notice(f"another workflow run works on {name}")
        return None
    known = estimate(plan.queue.queue_id, due.source, due.commit, stage)
    order = _order(start, directory, candidate, plan, restore=before is Before.BROUGHT)
    return replace(start, order=order, expected=known.total, before=known.jobs)


def _order(start: Start, directory: Path, candidate: Candidate, plan: Plan, *, restore: bool) -> Order | None:
    """None for a run that is over: it is only shown once more."""
    order = Order(action="start", run_id=start.run_id, directory=directory, checkout=candidate.folder)
    if not (directory / "plan.json").exists():
        return replace(order, plan=plans.to_json(plan).decode())
    _, state = read(directory)
    return None if state.phase is RunPhase.FINISHED else replace(order, action="resume", restore=restore)
