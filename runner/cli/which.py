"""The argument RUN, and the directory that it means. Not in `options`: `validate` reads no runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from runner.cli.options import Decorated, here
from runner.errors import NotFoundError, RunnerError
from runner.launching.account import RUNS
from runner.runs.ids import is_run_id
from runner.runs.on_disk import DirectorySource
from runner.runs.opening import SCHEME, in_bucket
from runner.runs.places import resolve
from runner.runs.reading import read_plan, read_run_id
from runner.runs.source import RunSource


def run_argument(command: Decorated) -> Decorated:
    """RUN: a run's id, the beginning of one, its directory, its `s3://` URL; None for the newest."""
    return click.argument("run", required=False, metavar="[RUN]")(command)


def run_source(ref: str | None, asked: tuple[str, Sequence[str]] | None = None) -> RunSource:
    """A run to be looked at, wherever it is. As `run_directory` otherwise."""
    if ref is not None and ref.startswith(SCHEME):
        return in_bucket(ref)
    return DirectorySource(run_directory(ref, asked))


def run_directory(ref: str | None, asked: tuple[str, Sequence[str]] | None = None) -> Path:
    """Raises NotFoundError, with what there is instead.

    `asked`: a command that takes jobs after the run, and those it was given: people forget the run.
    """
    try:
        return resolve(ref, here())
    except NotFoundError as error:
        hint = _as_job(ref, *asked) if ref is not None and asked is not None else ""
        hint = hint or _in_the_cloud(ref)
        if not hint:
            raise
        raise NotFoundError(error.message, hint=hint) from None


def runs_in_the_cloud() -> str:
    """The place of runs, `s3://BUCKET/PREFIX`, that this checkout's configuration names; "" for none."""
    # Imported here: what reads YAML takes longer to load than a run to be found.
    from runner import config  # noqa: PLC0415

    try:
        return config.read(here())[0].account.url()
    except RunnerError:
        return ""


def names_a_run(text: str) -> bool:
    """Whether it cannot be the id of a job: a URL, a directory, or the whole id of a run."""
    return "/" in text or is_run_id(text)


def _in_the_cloud(ref: str | None) -> str:
    """What was meant, if it may be in the cloud, and this checkout has runs there."""
    place = runs_in_the_cloud() if ref is None or is_run_id(ref) else ""
    if not place:
        return ""
    if ref is None:
        return f"start one: runner run FILE; those in the cloud: runner runs {place}"
    return f"a run in the cloud is named by its URL: {place}/{RUNS}/{ref}"


def _as_job(ref: str, command: str, job_ids: Sequence[str]) -> str:
    """What was meant, if `ref` is a job of the newest run."""
    try:
        directory = resolve(None, here())
        jobs = {job.job_id for job in read_plan(directory).queue.jobs}
    except RunnerError:
        return ""
    if ref not in jobs:
        return ""
    words = " ".join((command, read_run_id(directory), ref, *job_ids))
    return f"a job of the newest run? runner {words}"
