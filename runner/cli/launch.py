"""`runner launch`: run a queue on a machine of the cloud."""

from __future__ import annotations

import json
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from runner import checkout as checkouts
from runner.cli import planning
from runner.cli.cloud import site_of
from runner.cli.options import json_option, params_option, strict_option
from runner.cli.queues import Surroundings, refused, show
from runner.cli.terminal import say
from runner.errors import FAILED, SUCCEEDED, NotFoundError, UsageError
from runner.machines.beginning import Beginning, begin
from runner.machines.live import Live
from runner.machines.standing import Standing
from runner.model import Plan
from runner.runs.places import new_run_id
from runner.setup.git import ask
from runner.validate import as_launched

_WITH_IT = ("templates", ".github/runner.yaml")


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
        raise NotFoundError(
            f"git knows no commit {commit or 'HEAD'} in {surroundings.checkout}",
            hint="a machine gets the files of a commit: commit them, or fetch it",
        )
    surroundings = replace(surroundings, git=replace(surroundings.git, sha=sha))
    if commit is None:
        return surroundings, source
    name = str(Path(source).resolve().relative_to(surroundings.checkout))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runner-commit-"))).resolve()
    if name not in checkouts.extract(surroundings.checkout, sha, [name, *_WITH_IT], folder):
        raise NotFoundError(f"{sha[:12]} has no {name}", hint="name a file of that commit")
    return replace(surroundings, checkout=folder), str(folder / name)


def _launched(plan: Plan, commit: str | None, *, as_json: bool) -> int:
    if plan.queue.machine.provider != "ec2":
        raise UsageError(
            f"{plan.source} has `machine.provider: {plan.queue.machine.provider}`, which launches nothing",
            hint=f"run it here: runner run {plan.source}; or set `machine: {{provider: ec2}}` in it",
        )
    if plan.queue.refused:
        raise UsageError(plan.queue.refused[0], hint="leave it out")
    here = checkouts.find(Path.cwd())
    if commit is None and ask(here, "status", "--porcelain", "--untracked-files=no"):
        say("runner: the machine gets the files of HEAD, without the changes that are not committed")
    site = site_of(here)
    run_id = new_run_id(plan.queue.queue_id, time.time())
    by = f"{plan.git.actor or os.environ.get('USER', 'somebody')} with runner launch"
    beginning = Beginning(plan=plan, checkout=here, live=Live(run_id=run_id, source=plan.source), by=by)
    done = begin(beginning, site)
    url = site.account.run_url(run_id)
    if as_json:
        click.echo(json.dumps({"run_id": run_id, "instance_id": done.instance_id, "results": url}, indent=2))
    if done.standing is Standing.OVER:
        say(f"runner: {done.said}")
        return FAILED
    if not as_json:
        click.echo(f"{run_id}: {done.said or done.words}")
        click.echo(f"watch it:   runner status --watch {url}")
        click.echo(f"its log:    runner logs --follow {url} {plan.queue.jobs[0].job_id}")
        click.echo(f"stop it:    runner cancel {url}")
    return SUCCEEDED
