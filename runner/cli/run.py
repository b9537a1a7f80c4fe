"""`runner run`: validate, plan and run a queue here."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import click

from runner import run_here
from runner.cli import planning
from runner.cli.execution import execute
from runner.cli.options import environ, json_option, parallel_option, params_option, strict_option
from runner.cli.queues import Surroundings, refused, show
from runner.cli.secrets import SecretsOfUser
from runner.cli.terminal import say
from runner.driving import Here
from runner.errors import FAILED
from runner.model import Plan
from runner.prepare import Prepared
from runner.problems import Problem, Severity
from runner.runs.ids import new_run_id
from runner.runs.places import choose_directory, make_home, remember

_LEAVE = "leave it out: without it a run would do something else than the file says"


@click.command()
@click.argument("source", metavar="FILE|-")
@params_option
@parallel_option
@click.option("--run-dir", metavar="DIR", help="The directory of this run (default: .runner/RUN_ID).")
@click.option("--dry-run", is_flag=True, help="Show the plan and start nothing.")
@strict_option
@json_option
def run(
    source: str,
    params: dict[str, str],
    max_parallel: int | None,
    run_dir: str | None,
    *,
    dry_run: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Run a queue here.

    FILE is a queue file, - is standard input. Nothing starts while there are problems. Here is this machine,
    also for a queue that asks for one in the cloud: `runner launch` gets that. Interrupted with Ctrl-C the
    run can be resumed; `runner cancel` ends it with its cleanup.
    """
    surroundings = Surroundings.look()
    prepared = surroundings.prepare(source, params=params, require_params=True, runs_here=True)
    if not dry_run:
        prepared = _as_refused(prepared)
    show(prepared)
    if prepared.queue is None or refused(prepared.problems, strict=strict):
        return FAILED
    plan = planning.plan_of(surroundings, prepared, prepared.queue, source)
    if dry_run:
        planning.write(
            planning.preview(plan, region=prepared.config.account.region), "json" if as_json else "text"
        )
        return 0
    if plan.queue.machine.provider == "ec2":
        say("runner: machine.provider is ec2: this runs it here; `runner launch FILE` gets the machine")
    return _run(plan, surroundings, max_parallel, run_dir, as_json=as_json)


def _as_refused(prepared: Prepared) -> Prepared:
    """What other commands warn of and a run would refuse is an error here: said once, with its place."""
    sentences = prepared.queue.refused if prepared.queue is not None else ()

    def seen(problem: Problem) -> Problem:
        if problem.message in sentences:
            return replace(problem, severity=Severity.ERROR, hint=_LEAVE)
        return replace(problem, severity=Severity.ERROR) if problem.rule == "unset-variable" else problem

    return replace(prepared, problems=[seen(problem) for problem in prepared.problems])


def _run(
    plan: Plan, surroundings: Surroundings, max_parallel: int | None, run_dir: str | None, *, as_json: bool
) -> int:
    run_id = new_run_id(plan.queue.queue_id, time.time())
    make_home(surroundings.checkout)  # also where the run goes elsewhere: state between runs is kept in it
    directory = choose_directory(
        run_id, checkout=surroundings.checkout, run_dir=run_dir, results=plan.queue.results
    )
    here = Here(
        directory=directory,
        checkout=surroundings.checkout,
        environ=environ(),
        max_parallel=max_parallel,
        secrets=SecretsOfUser(surroundings.checkout),
    )
    remember(run_id, directory, surroundings.checkout)
    if as_json:
        sys.stdout.flush()
    return execute(
        here,
        plan,
        lambda place, view: run_here.start(plan, place, run_id=run_id, on_events=view),
        as_json=as_json,
    )
