"""`runner github plan`: what the queue files of a change would run, for people and for the comment workflow.

Runs where code of strangers is checked out: there is no token here, and nothing of the checkout is executed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from runner import __version__
from runner import config as configuration
from runner.bundle import missed
from runner.config import Config
from runner.errors import FAILED, SUCCEEDED, RunnerError
from runner.gitops.context import Context
from runner.gitops.payload import DispatchEvent, Happened
from runner.gitops.plan.artifact import MOST_FILES, NAME, Bundle, PlannedFile, is_clean, written
from runner.gitops.plan.before import queues_at
from runner.gitops.plan.namesakes import told_apart
from runner.gitops.plan.pulls import markdown, pull_of
from runner.gitops.plan.reviewing import Place, broken, review
from runner.gitops.plan.revisions import Revisions, revisions_of
from runner.gitops.repository import history
from runner.gitops.repository.changes import Changed, changed_queues
from runner.model import Git
from runner.prepare.discovery import is_queue_file
from runner.problems import Problem, shorten
from runner.report import problems_github

_NO_QUEUES = "files that cannot be queues"


def plan(context: Context, happened: Happened, output: Path) -> int:
    """Plan what the event is about; `plan.json` goes into `output`. Exit code 1 where something is broken.

    Raises RunnerError where the checkout is not that of the event, or the file cannot be written.
    """
    revisions = revisions_of(context, happened)
    config, wrong = _configured(context.checkout, revisions)
    changed = _changed(context.checkout, revisions, config, everything=isinstance(happened, DispatchEvent))
    files = _files(context, revisions, config, changed)
    bundle, raw = written(
        Bundle(
            sha=revisions.sha,
            base=revisions.base,
            runner_version=__version__,
            queues=(*wrong, *files),
            removed=tuple(filter(is_clean, changed.removed)),
        )
    )
    _put(output, raw)
    _show(context, revisions, bundle, config)
    return FAILED if any(file.broken for file in bundle.queues) else SUCCEEDED


def _configured(checkout: Path, revisions: Revisions) -> tuple[Config, list[PlannedFile]]:
    """The configuration in force, which is that before the change, and what is wrong with it after it."""
    config, problems = _config_at(checkout, revisions.base)
    if revisions.tested != revisions.base:
        problems = _config_at(checkout, revisions.tested)[1]
    return config, [PlannedFile(source=configuration.PLACE, problems=tuple(problems))] if problems else []


def _config_at(checkout: Path, a: str) -> tuple[Config, list[Problem]]:
    raw = history.show(checkout, a, configuration.PLACE)
    if raw is None or not raw.strip():
        return Config(), []
    return configuration.parse(raw, configuration.PLACE)


def _changed(checkout: Path, revisions: Revisions, config: Config, *, everything: bool) -> Changed:
    if not everything:
        return changed_queues(checkout, revisions.base, revisions.tested, config)
    files = history.listed(checkout, revisions.tested)
    return Changed(queues=tuple(sorted(f.path for f in files if f.is_file and is_queue_file(f.path, config))))


def _files(context: Context, revisions: Revisions, config: Config, changed: Changed) -> list[PlannedFile]:
    place = Place(
        checkout=context.checkout,
        git=Git(
            sha=revisions.tested,
            branch=revisions.branch,
            pr=str(revisions.number or ""),
            actor=context.actor,
        ),
        now=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        config=config,
    )
    named = [source for source in changed.queues if is_clean(source)]
    queues = named[: MOST_FILES - 3]
    files = [_with_missed(review(source, place), place) for source in queues]
    files = told_apart(files, context.checkout, revisions.tested, config)
    unnamed = [_unclean(source) for source in changed.queues if not is_clean(source)]
    return [*files, *_left_out(named[len(queues) :]), *_odd([*unnamed, *changed.odd])]


def _with_missed(file: PlannedFile, place: Place) -> PlannedFile:
    """And what its machine will not find in the commit."""
    if file.plan is None:
        return file
    found = missed.problems(file.plan.queue, place.checkout, place.git.sha, file.source)
    return replace(file, problems=(*file.problems, *found))


def _left_out(sources: Sequence[str]) -> Iterable[PlannedFile]:
    if sources:
        message = f"{len(sources):,} more queue files changed: too many for one pull request"
        yield broken(sources[0], "too-many", message, "make several of it")


def _unclean(source: str) -> str:
    return f"{shorten(source, 200)} has a name that cannot be shown as it is: give it a plain one"


def _odd(sentences: Sequence[str]) -> Iterable[PlannedFile]:
    if sentences:
        problems = tuple(Problem(rule="odd-file", message=sentence) for sentence in sentences)
        yield PlannedFile(source=_NO_QUEUES, problems=problems)


def _put(output: Path, raw: bytes) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / NAME).write_bytes(raw)
    except OSError as error:
        raise RunnerError(
            f"cannot write {output / NAME}: {error.strerror}", hint="name another --output"
        ) from error


def _show(context: Context, revisions: Revisions, bundle: Bundle, config: Config) -> None:
    """Annotations on the lines of the change, and the summary of the job: the comment, as it will be."""
    problems = [problem for file in bundle.queues for problem in file.problems]
    sys.stdout.write(problems_github.text(problems, len(bundle.queues)))
    sources = [file.source for file in bundle.queues if file.plan is not None]
    before = queues_at(context.checkout, revisions.base, sources) if sources else {}
    pull = pull_of(
        bundle,
        number=revisions.number,
        before=before,
        files=context.files_url(revisions.sha),
        region=config.account.region,
    )
    context.summarize(markdown(pull))
