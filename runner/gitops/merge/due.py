"""What a push or a person starts: which queue files, each at which commit, for which pull request."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.config import Config
from runner.errors import NotFoundError, RunnerError, UsageError
from runner.gitops.payload import NONE, DispatchEvent, PushEvent
from runner.gitops.repository import history
from runner.gitops.repository.changes import Changed, changed_queues
from runner.ports import Lookup, PullRequest
from runner.prepare.discovery import is_queue_file
from runner.problems import shorten

MOST_LOOKUPS = 50
"""Commits of a push whose pull requests are asked for: a token has 1,000 requests an hour for all."""
_PARAM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LONGEST = 65_536
_SHALLOW = "check out the whole history: `fetch-depth: 0` for actions/checkout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A queue file that is to run as it is at `commit`. `pull` is None for a push without a pull request.

    `salt` sets a run by hand or by the clock apart from that of the merge.
    """

    source: str
    commit: str
    pull: PullRequest | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`due` in the order of the commits; empty, `nothing_because` says why. `notes` are sentences."""

    due: tuple[Due, ...] = ()
    nothing_because: str = ""
    notes: tuple[str, ...] = ()


def due_on_push(event: PushEvent, checkout: Path, lookup: Lookup, config: Config) -> Decision:
    """All queue files that the push added or changed, whenever they run: their plans say that.

    Raises RunnerError where the clone does not have the history, ForgeError where the forge cannot be asked.
    """
    because = _nothing(event) or _no_base(event, checkout)
    if because:
        return Decision(nothing_because=because)
    changed = changed_queues(checkout, event.before, event.after, config)
    if not changed.queues:
        return Decision(nothing_because="no queue file was added or changed", notes=changed.odd)
    placed = _placed(changed, history.touching(checkout, event.before, event.after), event.after)
    return _decided(changed, placed, event, lookup)


def _nothing(event: PushEvent) -> str:
    if not event.to_default_branch:
        return (
            f"queues run from {shorten(event.default_branch)} only, this was a push to {shorten(event.ref)}"
        )
    if event.after == NONE:
        return "the branch was deleted"
    if event.before == NONE:
        return "this is the first push of the branch, so there is nothing to compare with"
    return ""


def _no_base(event: PushEvent, checkout: Path) -> str:
    """Why the two commits cannot be compared. In a shallow clone nobody can know: that is an error."""
    before, after = event.before, event.after
    if not history.exists(checkout, after):
        raise RunnerError(f"the commit {after[:12]} that was pushed is not in this clone", hint=_SHALLOW)
    known = history.exists(checkout, before)
    if known and history.is_ancestor(checkout, before, after):
        return ""
    if history.is_shallow(checkout):
        raise RunnerError(
            f"this clone does not reach back from {after[:12]} to {before[:12]}, where the branch was before",
            hint=_SHALLOW,
        )
    what = "does not follow" if known else "replaced"
    return f"the push {what} {before[:12]}, where the branch was before (a force push)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """Changed files, by the last commit that touched them or their template. `order`: of all commits."""

    order: Mapping[str, int]
    files: Mapping[str, tuple[str, ...]]


def _placed(changed: Changed, touched: Sequence[tuple[str, frozenset[str]]], after: str) -> _Placed:
    newest = {path: commit for commit, paths in touched for path in paths}
    order = {commit: number for number, (commit, _) in enumerate(touched)}
    files: dict[str, tuple[str, ...]] = {}
    for source in changed.queues:
        paths = (source, *changed.templates.get(source, ()))
        commits = [newest[path] for path in paths if path in newest] or [after]
        commit = max(commits, key=order.__getitem__)
        files[commit] = (*files.get(commit, ()), source)
    return _Placed(order=order, files=files)


def _decided(changed: Changed, placed: _Placed, event: PushEvent, lookup: Lookup) -> Decision:
    commits = sorted(placed.files, key=placed.order.__getitem__)
    here = lookup.repository().id
    due: list[Due] = []
    for commit in commits[:MOST_LOOKUPS]:
        found = lookup.pulls_with(commit)
        merged = [pull for pull in found if _is_merged_here(pull, event.default_branch, here)]
        pull = _chosen(commit, merged, placed.order)
        # A rebase brings several commits; what was reviewed is the whole, which the last one has.
        at = pull.merge_commit if pull is not None else commit
        due += [Due(source=source, commit=at, pull=pull) for source in placed.files[commit]]
    late = [source for commit in commits[MOST_LOOKUPS:] for source in placed.files[commit]]
    notes = [f"{shorten(source)} is left to reconcile: the push has too many commits" for source in late]
    return Decision(due=tuple(due), notes=(*changed.odd, *notes))


def _is_merged_here(pull: PullRequest, branch: str, repository: int) -> bool:
    return pull.is_merged and pull.base_branch == branch and pull.base_repository == repository


def _chosen(commit: str, pulls: Sequence[PullRequest], order: Mapping[str, int]) -> PullRequest | None:
    """The request that brought this commit with this push: its merge is the commit, or one after it."""
    able = [p for p in pulls if p.merge_commit in order and order[p.merge_commit] >= order[commit]]
    exact = [pull for pull in able if pull.merge_commit == commit]
    return max(exact or able, key=lambda pull: (pull.merged_at, pull.number), default=None)


def due_by_hand(
    event: DispatchEvent, commit: str, checkout: Path, config: Config, *, salt: str = ""
) -> Decision:
    """The queue file of the input `queue`, with `params`, see `params_of`.

    Raises UsageError for inputs that mean nothing, NotFoundError where there is no such file at `commit`.
    """
    source = event.inputs.get("queue", "").strip().removeprefix("./")
    if not source:
        raise UsageError("no queue is named", hint="give the path of a queue file as `queue`")
    if not is_queue_file(source, config):
        raise UsageError(
            f"{shorten(source)} is not a queue file of this repository",
            hint=f"its patterns are {', '.join(config.queues)[:200]}",
        )
    found = history.entry(checkout, commit, source)
    if found is None or not found.is_file:
        raise NotFoundError(
            f"there is no file {shorten(source)} at {commit[:12]}", hint="write it as it is in the repository"
        )
    params = params_of(event.inputs.get("params", ""))
    return Decision(due=(Due(source=source, commit=commit, params=params, salt=salt),))


def params_of(text: str) -> dict[str, str]:
    """Words `name=value`, quoted as in a shell: an input has one line. Raises UsageError, naming the word."""
    if len(text) > _LONGEST:
        raise UsageError(f"the params have more than {_LONGEST:,} characters", hint="make them shorter")
    try:
        words = shlex.split(text)
    except ValueError:
        raise UsageError("the params end inside of quotes", hint="close them") from None
    params: dict[str, str] = {}
    for number, word in enumerate(words, start=1):
        name, equals, value = word.partition("=")
        if not equals or not _PARAM.fullmatch(name):
            raise UsageError(
                f"word {number} of the params is not name=value", hint="quote a value that has spaces"
            )
        if name in params:
            raise UsageError(f"the param {name} is given twice", hint="take one of them away")
        params[name] = value
    return params
