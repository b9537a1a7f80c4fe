"""Which queue files differ between two commits: their own text, or the template that they are laid over."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from runner import document
from runner.config import Config
from runner.gitops.repository import history
from runner.gitops.repository.history import LINK, SUBMODULE, Entry, FileChange
from runner.prepare.discovery import is_queue_file
from runner.prepare.layers import ENDINGS, FOLDER, template_name
from runner.problems import shorten

_TEMPLATES = f"{FOLDER}/"
_KINDS = {LINK: "a link", SUBMODULE: "a submodule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Paths as git has them, sorted. `queues` were added or changed, `removed` are queue files no more.

    `odd` are sentences about files that the patterns mean and that no queue can be. `templates` has, for a
    queue whose template changed, the files that make up this change.
    """

    queues: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    templates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def changed_queues(checkout: Path, before: str, after: str, config: Config) -> Changed:
    """What is different in `after`, whatever happened in between. Raises RunnerError where git cannot say."""
    changes = history.changed_files(checkout, before, after)
    meant = [change for change in changes if is_queue_file(change.path, config)]
    sorted_out = _sorted_out(meant)
    below = [change.path for change in changes if change.path.startswith(_TEMPLATES)]
    if not below:
        return sorted_out
    names = _changed_templates(checkout, before, after, below)
    users = _users(checkout, after, config, names)
    return Changed(
        queues=tuple(sorted({*sorted_out.queues, *users})),
        removed=sorted_out.removed,
        odd=sorted_out.odd,
        templates=users,
    )


def _sorted_out(changes: Iterable[FileChange]) -> Changed:
    queues, removed, odd = [], [], []
    for change in changes:
        problem = "" if change.status == "D" else _problem(change.path, change.mode)
        if problem:
            odd.append(problem)
        elif change.status != "D" and not change.mode_only:
            queues.append(change.path)
        was_queue = change.old_mode in history.FILE_MODES and not _name_problem(change.path)
        if was_queue and (change.status == "D" or problem):
            removed.append(change.path)
    return Changed(queues=tuple(sorted(queues)), removed=tuple(sorted(removed)), odd=tuple(sorted(odd)))


def _problem(path: str, mode: str) -> str:
    shown = shorten(path.encode("utf-8", "backslashreplace").decode())
    if mode in _KINDS:
        return f"{shown} is {_KINDS[mode]}, and a queue is a file: it does not run"
    why = _name_problem(path)
    return f"{shown} has {why} in its name: it does not run" if why else ""


def _name_problem(path: str) -> str:
    """Names go into statuses, comments and logs: those that cannot be written there are none of a queue."""
    kinds = {unicodedata.category(character) for character in path}
    return "bytes that are not UTF-8" if "Cs" in kinds else "control characters" if "Cc" in kinds else ""


def _changed_templates(
    checkout: Path, before: str, after: str, below: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Names whose file is another one now, or says something else, with the paths that changed."""
    old, new = (_templates(history.listed(checkout, a, FOLDER)) for a in (before, after))
    names = {
        PurePosixPath(path).stem for path in below if PurePosixPath(path).parent == PurePosixPath(FOLDER)
    }
    # What a link leads to may have changed, wherever it is: then all that changed counts.
    changed = {
        name for name in names | set(new) if _what(old, name) != _what(new, name) or _is_link(new.get(name))
    }
    return {
        name: tuple(path for path in below if PurePosixPath(path).stem == name) or tuple(below)
        for name in changed
    }


def _what(templates: Mapping[str, Entry], name: str) -> tuple[str, str] | None:
    """Which file, and what is in it; whether it may be executed does not matter."""
    found = templates.get(name)
    return (found.path, found.blob) if found is not None else None


def _is_link(found: Entry | None) -> bool:
    return found is not None and found.mode == LINK


def _templates(entries: Iterable[Entry]) -> dict[str, Entry]:
    """By name: the file that a queue would be laid over, see `prepare.layers`."""
    paths = {one.path: one for one in entries if one.mode != SUBMODULE}
    names = {PurePosixPath(path).stem for path in paths}
    found = ((name, [paths.get(f"{FOLDER}/{name}{ending}") for ending in ENDINGS]) for name in names)
    return {name: next(one for one in those if one is not None) for name, those in found if any(those)}


def _users(
    checkout: Path, after: str, config: Config, names: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The queue files that name one of these templates."""
    if not names:
        return {}
    files = [one for one in history.listed(checkout, after) if _is_good(one, config)]
    found = history.contents(checkout, files, limit=document.MAX_BYTES)
    named = ((one.path, _template_of(one.path, raw)) for one, raw in found)
    return {path: names[name] for path, name in sorted(named) if name in names}


def _is_good(one: Entry, config: Config) -> bool:
    return is_queue_file(one.path, config) and not _problem(one.path, one.mode)


def _template_of(path: str, raw: bytes) -> str:
    """Files that do not have the word are not parsed: most have no template, and there may be thousands."""
    if b"template" not in raw:
        return ""
    parsed = document.parse(raw, path)
    return "" if isinstance(parsed, list) else template_name(parsed.tree)
