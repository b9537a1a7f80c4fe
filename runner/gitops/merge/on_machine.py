"""From a file that may run to a machine of the cloud that runs it."""

from __future__ import annotations

from dataclasses import replace

from runner.gitops.merge.agreement import Candidate
from runner.gitops.run.performing import Stage, Start
from runner.gitops.run.tending import Begin
from runner.machines.beginning import Beginning, begin
from runner.machines.live import Live
from runner.machines.site import Site
from runner.publish.target import Target
from runner.runs.in_bucket import BucketSource


def start_on_machine(run_id: str, candidate: Candidate, target: Target, stage: Stage, site: Site) -> Start:
    """The same run whoever starts it, and however often: its place in the bucket knows how far it is."""
    plan, due = candidate.planned.plan, candidate.due
    assert plan is not None  # noqa: S101  what has no plan was refused
    beginning = Beginning(
        plan=plan,
        checkout=stage.context.checkout,
        live=live_of(run_id, due.source, target),
        by=stage.context.actor,
    )
    return in_cloud(run_id, due.source, target, site, lambda place: begin(beginning, place))


def in_cloud(run_id: str, source: str, target: Target, site: Site, begin_: Begin) -> Start:
    """A run in the bucket, which `begin_` gives a machine or looks after."""
    where = site.run(run_id).where
    links = replace(target.links, artifact="", bucket=str(where))
    return Start(
        run_id=run_id,
        source=source,
        where=BucketSource(site.run(run_id)),
        target=replace(target, links=links),
        begin=begin_,
    )


def live_of(run_id: str, source: str, target: Target) -> Live:
    """Where it is shown, for whoever follows it next."""
    return Live(
        run_id=run_id,
        source=source,
        commit=target.commit,
        head=target.head,
        pull=target.pull,
        url=target.links.report,
    )


def target_again(live: Live, target: Target) -> Target:
    """`target` is what this workflow run would give it: its report stays where it was first."""
    return replace(target, links=replace(target.links, report=live.url or target.links.report))
