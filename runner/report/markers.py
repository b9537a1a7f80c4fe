"""The hidden first line of a comment, by which it is found again, and the choice among such comments.

    <!-- runner:plan {"generation":7,"subject":"12"} -->

A marker alone proves nothing, since anybody can write one: a comment is ours only if its author is ours too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = ("plan", "live", "final", "reply")
HISTORY = 5
"""Superseded plans that a plan comment remembers."""
_LINE = re.compile(r"<!-- runner:([a-z]{1,16}) (\{[ -~]{0,8000}\}) -->", re.ASCII)
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_DIGEST = re.compile(r"|sha256:[0-9a-f]{64}", re.ASCII)
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_CLAIM = re.compile(r"[0-9]{1,19}\.[0-9]{1,9}\.[0-9a-f]{8}", re.ASCII)
REQUESTED_JOBS = 100
_LARGEST = 2**63 - 1
VERDICTS = ("planned", "broken", "nothing")
DEEDS = ("cancel", "retry", "resume", "run")
_OF = {"live": ("run",), "reply": ("claim", "request")}
"""The fields that only comments of one kind have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """One plan that a comment has shown: commit, verdict, how much, and the digest where it is one queue.

    Numbers and hexadecimal digits only, so that nothing foreign outlives its push here.
    """

    sha: str
    verdict: str
    queues: int = 0
    jobs: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a reply is about to do to `run`, or asks of the workflow run `on` where that is live.

    Without `jobs` all of it is meant. Where there is no run yet, `run` is what names its plan.
    """

    do: str
    run: str
    on: int
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """`subject` is what the comment is about: a pull request's number, a queue id, a run id, a comment's id.

    `generation` grows with every newer state of the subject. `current` and `history` are a plan comment's,
    `run` (an id) a live comment's, `request` and `claim` a reply's: `claim` names the process that answers.
    """

    kind: str
    subject: str
    generation: int
    current: Superseded | None = None
    history: tuple[Superseded, ...] = ()
    run: str = ""
    claim: str = ""
    request: Request | None = None

    @property
    def past(self) -> tuple[Superseded, ...]:
        """What the comment that replaces this one has as its history, newest first."""
        return ((self.current,) if self.current is not None else ()) + self.history


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A comment as the forge has it. Ids grow: a smaller one was posted before."""

    comment_id: int
    author: str
    body: str = field(repr=False)
    minimized: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`keep` is the comment to edit (None: post one), `minimize` its duplicates.

    `newest` is the newest marker among all of them: what is older must not be written.
    """

    keep: Posted | None
    minimize: tuple[Posted, ...] = ()
    newest: Marker | None = None


def line(marker: Marker) -> str:
    """The first line of a comment. Raises ValueError for a marker that `parse` would not read."""
    record: dict[str, Any] = {"generation": marker.generation, "subject": marker.subject}
    if marker.current is not None:
        record["current"] = _record(marker.current)
    if marker.history:
        record["history"] = [_record(past) for past in marker.history[:HISTORY]]
    record |= {name: value for name, value in (("run", marker.run), ("claim", marker.claim)) if value}
    if marker.request is not None:
        asked = marker.request
        record["request"] = {"do": asked.do, "run": asked.run, "on": asked.on, "jobs": list(asked.jobs)}
    text = f"<!-- runner:{marker.kind} {json.dumps(record, sort_keys=True, separators=(',', ':'))} -->"
    if parse(text) is None:
        raise ValueError(f"a marker that cannot be read again: {text[:200]}")
    return text


def parse(body: str) -> Marker | None:
    """The marker in the first line of a comment, exactly as `line` writes it; None for anything else."""
    first = body[:9000].split("\n", 1)[0].removesuffix("\r")
    match = _LINE.fullmatch(first)
    if match is None or match[1] not in KINDS:
        return None
    try:
        return _marker(match[1], json.loads(match[2]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def choose(comments: Iterable[Posted], kind: str, author: str, subject: str | None = None) -> Choice:
    """Ours among all comments: by marker *and* author. The oldest is kept, so racing publishers agree.

    `subject` None: whatever it is about. Duplicates that are minimized already are left alone.
    """
    ours = sorted(_ours(comments, kind, author, subject), key=lambda pair: pair[0].comment_id)
    if not ours:
        return Choice(keep=None)
    keep = next((posted for posted, _ in ours if not posted.minimized), ours[0][0])
    return Choice(
        keep=keep,
        minimize=tuple(p for p, _ in ours if not p.minimized and p.comment_id != keep.comment_id),
        newest=max((marker for _, marker in ours), key=lambda marker: marker.generation),
    )


def _ours(
    comments: Iterable[Posted], kind: str, author: str, subject: str | None
) -> Iterable[tuple[Posted, Marker]]:
    for posted in comments:
        # A login is the same in any case; an empty one is nobody's.
        if not author or posted.author.casefold() != author.casefold():
            continue
        marker = parse(posted.body)
        if marker is not None and marker.kind == kind and subject in {None, marker.subject}:
            yield posted, marker


def _record(past: Superseded) -> list[str | int]:
    return [past.sha, past.verdict, past.queues, past.jobs, past.digest]


def _marker(kind: str, record: dict[str, Any]) -> Marker:
    if not set(record) <= {"generation", "subject", "current", "history", *_OF.get(kind, ())}:
        raise ValueError("unknown fields")
    past = record.get("history", [])
    if not isinstance(past, list) or len(past) > HISTORY:
        raise ValueError("not a history")
    return Marker(
        kind=kind,
        subject=_text(record["subject"], _SUBJECT),
        generation=_number(record["generation"]),
        current=_superseded(record["current"]) if "current" in record else None,
        history=tuple(_superseded(entry) for entry in past),
        run=_text(record["run"], _SUBJECT) if "run" in record else "",
        claim=_text(record["claim"], _CLAIM) if "claim" in record else "",
        request=_request(record["request"]) if "request" in record else None,
    )


def _request(entry: Any) -> Request:
    if not isinstance(entry, dict) or set(entry) != {"do", "run", "on", "jobs"} or entry["do"] not in DEEDS:
        raise ValueError("not a request")
    jobs = entry["jobs"]
    if not isinstance(jobs, list) or len(jobs) > REQUESTED_JOBS:
        raise ValueError("not a list of jobs")
    return Request(
        do=entry["do"],
        run=_text(entry["run"], _SUBJECT),
        on=_number(entry["on"]),
        jobs=tuple(_text(job, _JOB) for job in jobs),
    )


def _superseded(entry: Sequence[object]) -> Superseded:
    if not isinstance(entry, list) or len(entry) != 5 or entry[1] not in VERDICTS:
        raise ValueError("not a superseded plan")
    sha, verdict, queues, jobs, digest = entry
    return Superseded(
        sha=_text(sha, _SHA),
        verdict=str(verdict),
        queues=_number(queues),
        jobs=_number(jobs),
        digest=_text(digest, _DIGEST),
    )


def _text(value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError("not a text that a marker has")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError("not a number that a marker has")
    return value
