"""What happened: the event's payload → one frozen type. Everything in it comes from outside.

Only what is used is read, and checked; a text that goes into git or into a path is a commit id or a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import UsageError
from runner.gitops.context import is_commit
from runner.ports import WorkflowRun

NONE = "0" * 40
"""What GitHub says for a commit that is not there."""
_LARGEST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PullEvent:
    """`pull_request`. Repositories are ids, 0 where one is gone."""

    action: str
    number: int
    head_commit: str
    head_repository: int
    base_commit: str
    base_repository: int
    base_branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeGroupEvent:
    base_commit: str
    head_commit: str
    base_branch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent:
    """`before` or `after` is all zeros where the branch was made or deleted."""

    ref: str
    before: str
    after: str
    default_branch: str

    @property
    def to_default_branch(self) -> bool:
        return self.ref == f"refs/heads/{self.default_branch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRunEvent:
    """`workflow_run`. `pulls` are the numbers that GitHub names: none for forks. `head_owner` is a login."""

    action: str
    run: WorkflowRun
    head_owner: str
    pulls: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentEvent:
    """`issue_comment`. `number` is that of the pull request (or issue) it stands under."""

    action: str
    comment: int
    author: str
    by_bot: bool
    body: str = field(repr=False)
    number: int
    on_pull: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchEvent:
    """`workflow_dispatch`. `inputs` as text."""

    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEvent:
    cron: str


Happened = (
    PullEvent | MergeGroupEvent | PushEvent | WorkflowRunEvent | CommentEvent | DispatchEvent | ScheduleEvent
)


def read(event_name: str, path: Path) -> Happened:
    """Raises UsageError for an event that no workflow of ours is for, or a payload that is not GitHub's."""
    made = _READERS.get(event_name)
    if made is None:
        known = ", ".join(sorted(_READERS))
        raise UsageError(f"nothing is to be done on {event_name[:80]!r}", hint=f"events are {known}")
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        return made(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"the payload of {event_name} is not what GitHub sends: {str(error)[:200]}",
            hint="GITHUB_EVENT_PATH names the file",
        ) from error
    except OSError as error:
        raise UsageError(f"GITHUB_EVENT_PATH cannot be read: {error.strerror}") from error


def _pull(event: Any) -> PullEvent:
    pull = event["pull_request"]
    head, base = pull["head"], pull["base"]
    return PullEvent(
        action=_text(event["action"]),
        number=_number(event["number"]),
        head_commit=_commit(head["sha"]),
        head_repository=_repository(head.get("repo")),
        base_commit=_commit(base["sha"]),
        base_repository=_repository(base.get("repo")),
        base_branch=_text(base["ref"]),
    )


def _merge_group(event: Any) -> MergeGroupEvent:
    group = event["merge_group"]
    return MergeGroupEvent(
        base_commit=_commit(group["base_sha"]),
        head_commit=_commit(group["head_sha"]),
        base_branch=_text(group["base_ref"]).removeprefix("refs/heads/"),
    )


def _push(event: Any) -> PushEvent:
    return PushEvent(
        ref=_text(event["ref"]),
        before=_commit(event["before"]),
        after=_commit(event["after"]),
        default_branch=_text(event["repository"]["default_branch"]),
    )


def _workflow_run(event: Any) -> WorkflowRunEvent:
    run = event["workflow_run"]
    head = run.get("head_repository") or {}
    return WorkflowRunEvent(
        action=_text(event["action"]),
        run=WorkflowRun(
            id=_number(run["id"]),
            workflow=_text(run["path"]).split("@")[0],
            event=_text(run["event"]),
            branch=_text(run.get("head_branch") or ""),
            commit=_commit(run["head_sha"]),
            conclusion=_text(run.get("conclusion") or ""),
            repository=_repository(run.get("repository") or event.get("repository")),
            head_repository=_repository(head),
            attempt=_number(run.get("run_attempt") or 1),
            url=_text(run.get("html_url") or ""),
        ),
        head_owner=_text((head.get("owner") or {}).get("login") or ""),
        pulls=tuple(_number(pull["number"]) for pull in run.get("pull_requests") or ()),
    )


def _comment(event: Any) -> CommentEvent:
    comment, issue = event["comment"], event["issue"]
    author = comment.get("user") or {}
    return CommentEvent(
        action=_text(event["action"]),
        comment=_number(comment["id"]),
        author=_text(author.get("login") or ""),
        by_bot=author.get("type") != "User",
        body=_text(comment.get("body") or ""),
        number=_number(issue["number"]),
        on_pull=isinstance(issue.get("pull_request"), dict),
    )


def _dispatch(event: Any) -> DispatchEvent:
    inputs = event.get("inputs") or {}
    return DispatchEvent(
        inputs={_text(name): _input(value) for name, value in inputs.items() if value is not None}
    )


def _schedule(event: Any) -> ScheduleEvent:
    return ScheduleEvent(cron=_text(event.get("schedule") or ""))


_READERS: dict[str, Callable[[Any], Happened]] = {
    "pull_request": _pull,
    "merge_group": _merge_group,
    "push": _push,
    "workflow_run": _workflow_run,
    "issue_comment": _comment,
    "workflow_dispatch": _dispatch,
    "schedule": _schedule,
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is missing, there is {type(value).__name__}")
    return value


def _input(value: object) -> str:
    """Inputs are texts, and booleans where a workflow declares them so."""
    return str(value).lower() if isinstance(value, bool) else _text(value)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        raise TypeError("a number is missing")
    return value


def _commit(value: object) -> str:
    if not isinstance(value, str) or not is_commit(value):
        raise TypeError("a commit id is missing")
    return value


def _repository(value: object) -> int:
    """A fork that was deleted is null, or an object without an id."""
    found = value.get("id") if isinstance(value, Mapping) else None
    return _number(found) if found is not None else 0
