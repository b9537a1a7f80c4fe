"""`runner github …`: what the workflows call. Everything else about a workflow is in `runner.gitops`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from runner.cli.options import here
from runner.cli.terminal import say
from runner.clock import SystemClock
from runner.errors import SUCCEEDED, UsageError
from runner.forges.opening import open_forge
from runner.gitops import payload
from runner.gitops.context import Context, from_environment
from runner.gitops.payload import Happened
from runner.gitops.run.performing import Stage
from runner.gitops.undumpable import become_undumpable
from runner.report import clean
from runner.report.escaping import disarmed

if TYPE_CHECKING:
    from runner.machines.site import Site

T = TypeVar("T")
_FOLLOWING = 330 * 60.0
"""Seconds after which a follower hands over: a job of Actions has six hours at most."""

# The modules behind the commands are imported in them: a step of a workflow needs one.


@click.group()
def github() -> None:
    """What the workflows call, in a step of GitHub Actions.

    These commands read the event that started the workflow, and what Actions says in the environment.
    """


@github.command()
@click.option("--output", required=True, metavar="DIR", help="Where plan.json goes.")
def plan(output: str) -> int:
    """Plan the queues that a pull request changes; needs no token.

    Problems become annotations on the lines, the plan a file that the comment is made of. Exit code 1 where a
    queue cannot run.
    """
    from runner.gitops.plan.planning import plan as planned  # noqa: PLC0415

    context, happened = _called()
    return planned(context, happened, Path(output))


@github.command()
@click.option("--input", "folder", required=True, metavar="DIR", help="Where the artifact was put.")
def comment(folder: str) -> int:
    """Show the plan under its pull request. The artifact is taken for hostile."""
    from runner.gitops.comment.commenting import comment as commented  # noqa: PLC0415

    context, happened = _called()
    wanted = _only(happened, payload.WorkflowRunEvent)
    with _stage(context) as stage:
        return commented(context, wanted, stage.forge, Path(folder))


@github.command()
def merge() -> int:
    """Run the queues that a push to the default branch brought, and show how they go.

    Exit code 0 once everything is shown: the statuses carry the verdict.
    """
    from runner.gitops.merge.merging import merge as merged  # noqa: PLC0415

    context, happened = _called()
    with _stage(context) as stage:
        return merged(happened, stage)


@github.command()
@click.option("--check", is_flag=True, help="Only say, as outputs, whether the author may do that.")
def command(*, check: bool) -> int:
    """Do what a `/runner …` comment asks for."""
    from runner.gitops.commands import answering  # noqa: PLC0415
    from runner.gitops.commands.starting import Again  # noqa: PLC0415

    context, happened = _called()
    wanted = _only(happened, payload.CommentEvent)
    with _stage(context) as stage:
        if check:
            return answering.check(context, wanted, stage.forge)
        return answering.command(context, wanted, stage.forge, perform=Again(stage=stage))


@github.command()
def reconcile() -> int:
    """Show and start whatever was missed: safe at any time, and twice at once."""
    from runner.gitops.reconcile.reconciling import reconcile as reconciled  # noqa: PLC0415

    context, _ = _called()
    with _stage(context) as stage:
        return reconciled(stage)


@github.command()
def cloud() -> int:
    """Launch what was merged on machines of the cloud, follow it, and look after what is open there."""
    from runner.gitops.cloud.cloud import cloud as clouded  # noqa: PLC0415

    context, happened = _called()
    with _stage(context) as stage:
        site = _site(context)
        if site is None:
            _notice("nothing is to be done: .github/runner.yaml names no account (`aws`)")
            return SUCCEEDED
        return clouded(happened, replace(stage, until=stage.clock.now() + _FOLLOWING), site)


def _site(context: Context) -> Site | None:
    """The account as the commit that this workflow runs for configures it; None where it names none."""
    from runner.clouds.identity import sign_in  # noqa: PLC0415
    from runner.gitops.repository.configured import config_at  # noqa: PLC0415
    from runner.machines.site import open_site  # noqa: PLC0415

    config = config_at(context.checkout, context.sha)
    if not config.has_aws:
        return None
    sign_in(context.environ, role=config.account.role, region=config.account.region)
    return open_site(
        config.account, context.repository, context.environ, policy=config.policy, notice=_notice
    )


def _called() -> tuple[Context, Happened]:
    context = from_environment(dict(os.environ), here())
    return context, payload.read(context.event_name, context.event_path)


def _only(happened: Happened, kind: type[T]) -> T:
    if not isinstance(happened, kind):
        raise UsageError("this command is for another event", hint="see .github/workflows for what calls it")
    return happened


@contextmanager
def _stage(context: Context) -> Iterator[Stage]:
    become_undumpable()  # before the first job begins; elsewhere than on Linux there is nothing to be done
    clock = SystemClock()
    forge = open_forge(context.environ, clock=clock)
    try:
        settling = 0.0 if context.environ.get("GITHUB_API_URL", "").startswith("file:") else 3.0
        yield Stage(context=context, forge=forge, clock=clock, notice=_notice, settling=settling)
    finally:
        forge.close()


def _notice(sentence: str) -> None:
    """Into the log of the step, where some lines would be commands."""
    say(f"runner: {disarmed(clean.line(sentence))}")
