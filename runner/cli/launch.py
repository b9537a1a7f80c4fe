"""`runner launch`: run a queue on a machine of the cloud."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from runner import checkout as checkouts
from runner.canonical.machine import ttl_of
from runner.cli import planning
from runner.cli.cloud import site_of
from runner.cli.options import json_option, params_option, strict_option
from runner.cli.queues import Surroundings, refused, show
from runner.cli.terminal import say
from runner.errors import FAILED, SUCCEEDED, NotFoundError, RunnerError, UsageError
from runner.launching.attempts import types_of
from runner.launching.cost import bound
from runner.launching.prepare import region_of
from runner.machines.advancing import Progress
from runner.machines.beginning import Beginning, begin
from runner.machines.live import Live
from runner.machines.site import Site
from runner.machines.standing import Standing
from runner.model import Plan
from runner.problems import shorten
from runner.report.cost_words import at_most
from runner.runs.ids import new_run_id
from runner.runs.opening import in_bucket
from runner.runs.source import is_there
from runner.setup.git import ask, uncommitted
from runner.units import format_duration
from runner.validate import as_launched

_WITH_IT = ("templates", ".github/runner.yaml")
_NAMED = 3
"""Files that are not committed, of which more are only counted."""


@click.command()
@click.argument("source", metavar="FILE")
@params_option
@click.option(
    "--commit", metavar="SHA", help="Run the queue as it is at this commit (default: FILE, at HEAD)."
)
@strict_option
@json_option
def launch(source: str, params: dict[str, str], commit: str | None, *, strict: bool, as_json: bool) -> int:
    """Run a queue on a machine of the cloud.

    Returns as soon as the machine was asked for. It gets the files of the commit: what is not committed stays
    here. --json: `run_id`, `instance_id`, `results`. Watch it with `runner status --watch s3://…`.
    """
    with ExitStack() as stack:
        surroundings, path = _at(source, commit, stack)
        prepared = surroundings.prepare(path, params=params, require_params=True)
        prepared = replace(prepared, problems=as_launched(prepared.problems))
        show(prepared)
        if prepared.queue is None or refused(prepared.problems, strict=strict):
            return FAILED
        plan = planning.plan_of(surroundings, prepared, prepared.queue, source)
    return _launched(plan, commit, as_json=as_json)


def _at(source: str, commit: str | None, stack: ExitStack) -> tuple[Surroundings, str]:
    """The surroundings with the commit that the machine gets, and the file to plan there."""
    surroundings = Surroundings.look()
    sha = ask(surroundings.checkout, "rev-parse", "--verify", "--quiet", f"{commit or 'HEAD'}^{{commit}}")
    if not sha:
        raise _no_commit(surroundings.checkout, commit)
    surroundings = replace(surroundings, git=replace(surroundings.git, sha=sha))
    if commit is None:
        return surroundings, source
    path = Path(source).resolve()
    if source == "-" or not path.is_relative_to(surroundings.checkout):
        raise UsageError(
            f"--commit is for files of {surroundings.checkout}, and {source} is none",
            hint="name a file of that commit",
        )
    name = str(path.relative_to(surroundings.checkout))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runner-commit-"))).resolve()
    if name not in checkouts.extract(surroundings.checkout, sha, [name, *_WITH_IT], folder):
        raise NotFoundError(f"{sha[:12]} has no {name}", hint="name a file of that commit")
    return replace(surroundings, checkout=folder), str(folder / name)


def _no_commit(checkout: Path, commit: str | None) -> NotFoundError:
    begun = "a machine gets the files of a commit"
    if not (checkout / ".git").exists():
        said = f"{checkout} is not in a git repository, and {begun}"
        return NotFoundError(
            said, hint='make it one: git init -b main && git add -A && git commit -m "first"'
        )
    if commit is None:
        said = f"{checkout} has no commit yet, and {begun}"
        return NotFoundError(said, hint='make one: git add -A && git commit -m "first"')
    hint = f"{begun}: name one that `git log` shows here, or fetch it"
    return NotFoundError(f"git knows no commit {commit} in {checkout}", hint=hint)


def _launched(plan: Plan, commit: str | None, *, as_json: bool) -> int:
    if plan.queue.refused:
        raise UsageError(plan.queue.refused[0], hint="leave it out")
    if plan.queue.machine.provider != "ec2":
        raise UsageError(
            f"no machine is launched for {plan.source}: it runs where it is started (`provider: local`)",
            hint=f"run it here: runner run {plan.source}; or add `machine: {{provider: ec2}}` to it",
        )
    here = checkouts.find(Path.cwd())
    if commit is None and (changed := uncommitted(here)):
        others = [name for name in changed if here / name != Path(plan.source).resolve()]
        say(_as_it_is_here(plan.source, others))
    site = site_of(here)
    run_id = new_run_id(plan.queue.queue_id, time.time())
    by = f"{plan.git.actor or os.environ.get('USER', 'somebody')} with runner launch"
    beginning = Beginning(plan=plan, checkout=here, live=Live(run_id=run_id, source=plan.source), by=by)
    url = site.account.run_url(run_id)
    done = _begun(beginning, site, url)
    if as_json:
        click.echo(json.dumps({"run_id": run_id, "instance_id": done.instance_id, "results": url}, indent=2))
    if done.standing is Standing.OVER:
        say(f"runner: {run_id}: {done.said}\n  the run is over: runner status {url}")
        return FAILED
    if not as_json:
        click.echo(f"{run_id}: {done.said or done.words}")
        if not done.instance_id:
            click.echo("goes on:    runner reconcile asks again, as the workflow does on its schedule")
        click.echo(f"its cost:   {_bounds(plan, site)}")
        click.echo(f"watch it:   runner status --watch {url}")
        click.echo(f"its log:    runner logs --follow {url} {plan.queue.jobs[0].job_id}")
        click.echo(f"stop it:    runner cancel {url}")
    return SUCCEEDED


def _as_it_is_here(source: str, others: Sequence[str]) -> str:
    """What of this checkout the machine gets, and what of it not: `others` are not committed."""
    begun = f"runner: the queue is {source} as it is here; the machine gets all other files as HEAD has them"
    if not others:
        return begun
    named = ", ".join(shorten(name) for name in others[:_NAMED])
    named += f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return f"{begun}, so without what is not committed here: {named}"


def _begun(beginning: Beginning, site: Site, url: str) -> Progress:
    """Says what becomes of a run that there is, and whose machine could not be asked for."""
    try:
        return begin(beginning, site)
    except RunnerError:
        if not _is_there(url):
            raise
        say(
            f"runner: run {beginning.run_id} is open: `runner reconcile` goes on with it, "
            f"`runner cancel {url}` ends it"
        )
        raise


def _is_there(url: str) -> bool:
    try:
        return is_there(in_bucket(url))
    except RunnerError:  # the bucket itself is the trouble: that is what is said
        return False


def _bounds(plan: Plan, site: Site) -> str:
    """What a run may cost, and when its machines end."""
    machine = plan.queue.machine
    region, types = region_of(machine, site.account), types_of(machine)
    cost = bound(plan.queue, region=region, prices=site.prices(region, types))
    most = at_most(cost) if cost is not None else "unknown"
    machines = f"{cost.machines} machines, if the first are lost" if cost is not None else "its machine"
    life = format_duration(ttl_of(machine))
    return f"{most} ({machines}); each ends by itself after {life}, whatever happens"
