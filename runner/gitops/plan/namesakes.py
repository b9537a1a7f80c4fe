"""Two queue files with one `queue_id`: their runs, statuses and comments would be mixed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runner import document
from runner.config import Config
from runner.gitops.plan.artifact import PlannedFile
from runner.gitops.repository import history
from runner.load import default_id
from runner.prepare.discovery import is_queue_file
from runner.prepare.layers import layers_of
from runner.problems import Location, Problem, shorten


def told_apart(
    files: Sequence[PlannedFile], checkout: Path, commit: str, config: Config
) -> list[PlannedFile]:
    """The same files; those whose id another file has too have a problem that names it."""
    ids = {file.source: file.plan.queue.queue_id for file in files if file.plan is not None}
    if not ids:
        return list(files)
    owners: dict[str, list[str]] = {}
    for source, queue_id in (ids | _others(ids, checkout, commit, config)).items():
        owners.setdefault(queue_id, []).append(source)
    return [_marked(file, owners.get(ids.get(file.source, ""), [])) for file in files]


def _marked(file: PlannedFile, owners: Sequence[str]) -> PlannedFile:
    others = [source for source in owners if source != file.source]
    if not others or file.plan is None:
        return file
    problem = Problem(
        rule="queue-id",
        message=f"{shorten(others[0], 200)} has the `queue_id` {file.plan.queue.queue_id}, too",
        hint="give each queue an id of its own",
        location=Location(file=file.source),
    )
    return replace(file, problems=(problem, *file.problems))


def _others(ids: dict[str, str], checkout: Path, commit: str, config: Config) -> dict[str, str]:
    """Ids of the files that did not change. Only files that could have one of `ids` are parsed."""
    wanted = frozenset(ids.values())
    marks = [b"template", *(queue_id.encode() for queue_id in wanted)]
    entries = [
        entry
        for entry in history.listed(checkout, commit)
        if entry.is_file and entry.path not in ids and is_queue_file(entry.path, config)
    ]
    found = {}
    for entry, raw in history.contents(checkout, entries, limit=document.MAX_BYTES):
        if default_id(entry.path) in wanted or any(mark in raw for mark in marks):
            found[entry.path] = _id_of(entry.path, raw, checkout)
    return found


def _id_of(path: str, raw: bytes, checkout: Path) -> str:
    parsed = document.parse(raw, path)
    tree = layers_of(parsed, checkout).tree if not isinstance(parsed, list) else None
    given = tree.get("queue_id") if isinstance(tree, dict) else None
    return given if isinstance(given, str) else default_id(path)
