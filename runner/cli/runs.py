"""`runner runs`: what ran here, newest first."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import click

from runner.cli.alive import is_alive
from runner.cli.options import here
from runner.cli.terminal import say
from runner.cli.which import runs_in_the_cloud
from runner.clock import SystemClock
from runner.errors import UsageError
from runner.events import format_time
from runner.problems import shorten
from runner.report.table import columns
from runner.report.wording import counted
from runner.runs.ids import is_run_id
from runner.runs.listing import Listed, listed, listed_sources
from runner.runs.opening import SCHEME, in_bucket_of
from runner.runs.places import HOME, list_runs
from runner.state import RunState
from runner.units import format_duration

_SHOWN = 20
VERSION = 1


@click.command()
@click.argument("where", required=False, metavar="[s3://BUCKET/PREFIX]")
@click.option("-n", "--number", type=click.IntRange(min=1), default=_SHOWN, show_default=True, metavar="N")
@click.option("--all", "everything", is_flag=True, help="Show all runs, not only the newest.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def runs(where: str | None, number: int, *, everything: bool, as_json: bool) -> int:
    """List the runs of this checkout.

    Newest first: how each stands, when it was first started, how long it took (the time in which a runner
    worked on it, retries included), its jobs. With s3://BUCKET/PREFIX, of those in its runs/.
    """
    shown, left_out = _found(where, None if everything else number)
    now = SystemClock().now()
    if as_json:
        click.echo(json.dumps({"version": VERSION, "runs": [_record(r, now) for r in shown]}, indent=2))
        return 0
    if not shown:
        say(_nothing(where))
        return 0
    _table(shown, now)
    if left_out:
        say(f"and {counted(left_out, 'older run')}: runner runs {f'{where} ' if where else ''}--all")
    if where is None and (place := runs_in_the_cloud()):
        say(f"those in the cloud: runner runs {place}")
    return 0


def _table(shown: Sequence[Listed], now: float) -> None:
    heading = ("RUN", "OUTCOME", "STARTED (UTC)", "TOOK", "JOBS")
    for line in columns([heading, *(_row(r, now) for r in shown)]):
        click.echo(line)


def _nothing(where: str | None) -> str:
    own = runs_in_the_cloud()
    if where is None:
        cloud = f"; those in the cloud: runner runs {own}" if own else ""
        return f"no run in {here() / HOME} yet; start one: runner run FILE{cloud}"
    place = where.rstrip("/").removesuffix("/runs")
    if is_run_id(place.rpartition("/")[2]):
        return f"{place} would be one run: runner status {place}"
    if own not in {"", place}:
        return f"no run in {place}/runs; those of this checkout: runner runs {own}"
    return (
        f"no run in {place}/runs; start one: runner launch FILE, or look at another prefix "
        "(`aws.prefix` in .github/runner.yaml)"
    )


def _found(where: str | None, number: int | None) -> tuple[list[Listed], int]:
    """The newest runs, as many as wanted, and how many there are beside."""
    if where is None:
        places = list_runs(here())
        return listed(places[:number]), max(0, len(places) - (number or len(places)))
    if not where.startswith(SCHEME):
        raise UsageError(f"{shorten(where)} is not a bucket", hint="write s3://BUCKET/PREFIX, or nothing")
    sources, count = in_bucket_of(where, number)
    return listed_sources(sources, is_alive), count - len(sources)


def _row(run: Listed, now: float) -> tuple[str, ...]:
    state = run.state
    if state is None:
        return run.run_id, run.word, "", "", run.trouble
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(state.started_at)) if state.started_at else ""
    took = format_duration(run.took(now)) if state.started_at else ""
    return state.run_id, run.word, started, took, _jobs(state)


def _jobs(state: RunState) -> str:
    parts = [f"{len(state.jobs)}"]
    if state.failures:
        parts.append(f"{state.failures} failed")
    if state.open_jobs:
        parts.append(f"{state.open_jobs} open")
    return ", ".join(parts)


def _record(run: Listed, now: float) -> dict[str, Any]:
    state = run.state
    record: dict[str, Any] = {
        "run_id": run.run_id,
        "directory": run.where,
        "standing": run.word,
    }
    if state is None:
        return record | {"trouble": run.trouble}
    return record | {
        "run_id": state.run_id,
        "queue_id": state.queue.queue_id,
        "outcome": state.outcome.value if state.outcome is not None else None,
        "started_at": format_time(state.started_at) if state.started_at else None,
        "finished_at": format_time(state.finished_at) if state.finished_at else None,
        "seconds": round(run.took(now), 6),
        "jobs": len(state.jobs),
        "failures": state.failures,
        "open": state.open_jobs,
    }
