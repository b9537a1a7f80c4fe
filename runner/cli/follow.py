"""`runner follow`: publish a run in the cloud while it runs, as the workflow does."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path

import click

from runner.cli.cloud import ELSEWHERE, repository_name, run_id_at, site_of
from runner.cli.options import environ, here
from runner.cli.terminal import say
from runner.clock import SystemClock
from runner.errors import OPERATIONAL, SUCCEEDED, UsageError
from runner.forges.opening import open_forge
from runner.gitops.cloud.cloud import again
from runner.gitops.context import Context, number
from runner.gitops.repository.configured import config_at
from runner.gitops.run.performing import Stage, perform
from runner.machines.facts import look
from runner.machines.live import Live, mark, mark_of
from runner.machines.site import Site
from runner.setup.git import ask
from runner.units import parse_duration


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--for", "duration", metavar="TIME", help="Stop then, such as 2h; the next follower goes on.")
def follow(run: str, duration: str | None) -> int:
    """Show a run in the cloud on GitHub, while it runs.

    RUN is the id of a run of this checkout's account, or its s3:// URL. Its statuses and comments are
    written, and its machine is looked after. Needs GITHUB_TOKEN (or GH_TOKEN). To watch a run
    here: runner status --watch s3://…
    """
    checkout, site = here(), site_of(here())
    run_id = run_id_at(run, site) if "://" in run else run
    forge = open_forge(
        _on_a_forge(_environment(checkout), site.account.run_url(run_id)), clock=SystemClock(), notice=_notice
    )
    try:
        context = _context(checkout)
        stage = Stage(context=context, forge=forge, clock=SystemClock(), notice=_notice, site=site)
        stage = replace(stage, until=_until(duration))
        start = again(_live(run_id, site), config_at(checkout, context.sha), stage, site)
        (done,) = perform([start], stage)
    finally:
        forge.close()
    return SUCCEEDED if done.followed.published or done.followed.handed_over else OPERATIONAL


def _live(run_id: str, site: Site) -> Live:
    """Where it is shown: as was said when it began, else on its commit."""
    live = mark_of(run_id, site)
    if live is not None and live.commit:
        return live
    plan, _ = look(run_id, site)
    if not plan.git.sha:
        raise UsageError(f"run {run_id} is of no commit", hint="look at it with runner status")
    found = Live(run_id=run_id, source=plan.source, commit=plan.git.sha)
    mark(found, site)
    return found


def _until(duration: str | None) -> float:
    if duration is None:
        return math.inf
    seconds = parse_duration(duration)
    if not seconds:
        raise UsageError(f"{duration!r} is no time", hint="write 30m, 2h or 1d")
    return SystemClock().now() + seconds


def _on_a_forge(environ: dict[str, str], url: str) -> dict[str, str]:
    """Raises UsageError where GitHub cannot know the repository."""
    name = environ["GITHUB_REPOSITORY"]
    if name.startswith(ELSEWHERE) and not environ.get("GITHUB_API_URL", "").startswith("file:"):
        raise UsageError(
            "this checkout has no remote `origin` on GitHub: there is no place to show the run",
            hint=f"watch it here: runner status --watch {url}; or set GITHUB_REPOSITORY=OWNER/NAME",
        )
    return environ


def _environment(checkout: Path) -> dict[str, str]:
    return {"GITHUB_REPOSITORY": repository_name(checkout)} | environ()


def _context(checkout: Path) -> Context:
    """As in a workflow; without one, the newest commit."""
    known = _environment(checkout)
    return Context(
        event_name="",
        event_path=Path(os.devnull),
        repository=known["GITHUB_REPOSITORY"],
        sha=known.get("GITHUB_SHA") or ask(checkout, "rev-parse", "HEAD"),
        ref=known.get("GITHUB_REF", ""),
        checkout=checkout,
        environ=known,
        run_id=number(known, "GITHUB_RUN_ID", 0),
    )


def _notice(sentence: str) -> None:
    say(f"runner: {sentence}")
