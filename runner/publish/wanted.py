"""What is still to be written: a pure function of the folded run and of what the forge is known to have.

What is compared is the generation in a comment's marker, never its text, so a comment that is up to date is
not even rendered. Nothing older overwrites what is newer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from runner.ports import Comment, Status
from runner.publish.standing import OVER
from runner.publish.target import Target
from runner.report import markers
from runner.report.comment_final import final_marker
from runner.report.comment_live import live_marker
from runner.report.grouping import Group
from runner.report.markers import Choice, Posted
from runner.report.statuses import PENDING, StatusText, queue_status, statuses, wanted_minus_published
from runner.state import RunPhase, RunState

QUIET = 180.0
"""Seconds after which a live comment is written again though the run said nothing: silence is news too."""
WAITS = 60.0
"""The same while a run waits for its machine: how far that is, no event says."""
_GROWTH = 20.0
"""The live comment of a run of an hour is edited every hour/20: its edits stay below a hundred a day."""


class Rank(IntEnum):
    """How urgent a write is; the smallest first."""

    TERMINAL = 0
    FINAL = 1
    CLOSING = 2
    LIVE = 3
    PENDING = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus:
    rank: Rank
    commit: str
    status: StatusText


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """The live or the final comment: in place of `comment`, or a new one."""

    rank: Rank
    kind: str
    generation: int
    comment: Comment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimize:
    rank: Rank
    comment: Comment


Write = SetStatus | Say | Minimize


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the forge is known to have. A commit that is missing is not known, and nothing is written there.

    `comments` are ours, with a marker; None: not known. Statuses that this process wrote have no `at`.
    """

    statuses: Mapping[str, Mapping[str, Status]] = field(default_factory=dict)
    comments: Sequence[Comment] | None = None
    login: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`writes`: due now, the most urgent first. `later`: when there will be more, if the run says nothing."""

    writes: tuple[Write, ...] = ()
    later: float = math.inf


def wanted(
    state: RunState,
    picture: Picture,
    target: Target,
    now: float,
    *,
    grouped: Sequence[Group] | None = None,
    waiting: str = "",
) -> Wanted:
    """`state` as it stands (see `as_it_stands`). `grouped`, `waiting` as in `statuses`."""
    live, final = _chosen(picture, "live", state.queue.queue_id), _chosen(picture, "final", state.run_id)
    if _newest(final) > final_marker(state).generation:
        return Wanted()  # somebody has read more of this run's log than we have
    writes: list[Write] = list(_final(state, picture, final))
    later = math.inf
    if _newest(live) <= live_marker(state).generation:
        writes += _statuses(state, picture, target, grouped, waiting)
        edits, later = _live(state, picture, target, live, now, quiet=WAITS if waiting else QUIET)
        writes += edits
    return Wanted(writes=tuple(sorted(writes, key=lambda write: write.rank)), later=later)


def _statuses(
    state: RunState, picture: Picture, target: Target, grouped: Sequence[Group] | None, waiting: str
) -> list[SetStatus]:
    verdict = queue_status(state, target=target.links.report, waiting=waiting)
    missing: list[tuple[str, StatusText]] = []
    known = picture.statuses.get(target.commit)
    if known is not None:
        texts = statuses(
            state,
            target=target.links.report,
            limit=target.status_jobs,
            published=known.keys(),
            grouped=grouped,
            waiting=waiting,
        )
        there = [_text(status) for status in known.values()]
        missing += ((target.commit, status) for status in wanted_minus_published(texts, there))
    for commit in set(target.commits) - {target.commit}:
        there = [_text(s) for s in picture.statuses.get(commit, {}).values() if s.context == verdict.context]
        if commit in picture.statuses:
            missing += ((commit, status) for status in wanted_minus_published([verdict], there))
    missing.sort(key=lambda pair: pair[1].context != verdict.context)
    return [
        SetStatus(rank=_rank(status), commit=commit, status=status)
        for commit, status in missing
        if not _reopens(status, picture.statuses[commit].get(status.context), state)
    ]


def _rank(status: StatusText) -> Rank:
    return Rank.PENDING if status.state == PENDING else Rank.TERMINAL


def _reopens(status: StatusText, there: Status | None, state: RunState) -> bool:
    """Whether this would take a verdict back that was written after the newest event we know of."""
    return (
        there is not None and status.state == PENDING and there.state != PENDING and there.at > state.last_at
    )


def _text(status: Status) -> StatusText:
    return StatusText(context=status.context, state=status.state, description=status.description)


def _final(state: RunState, picture: Picture, choice: Choice) -> list[Write]:
    if state.phase not in OVER or picture.comments is None:
        return []
    generation = final_marker(state).generation
    written: list[Write] = []
    if _generation(choice.keep) < generation:
        written.append(
            Say(rank=Rank.FINAL, kind="final", generation=generation, comment=_comment(picture, choice.keep))
        )
    return written + _duplicates(picture, choice)


def _live(
    state: RunState, picture: Picture, target: Target, choice: Choice, now: float, *, quiet: float
) -> tuple[list[Write], float]:
    """One that is minimized belongs to a run that is over; the next run has its own. `quiet` as QUIET."""
    if picture.comments is None:
        return [], math.inf
    generation = live_marker(state).generation
    shown = _comment(picture, choice.keep) if choice.keep and not choice.keep.minimized else None
    rest = _duplicates(picture, choice)
    if state.phase in OVER:
        return _closing(state, shown, generation) + rest, math.inf
    has_news = _generation(choice.keep) < generation
    due = now if shown is None else _due(state, target, shown, now, 0.0 if has_news else quiet)
    if now < due:
        return rest, due
    return [Say(rank=Rank.LIVE, kind="live", generation=generation, comment=shown), *rest], math.inf


def _closing(state: RunState, shown: Comment | None, generation: int) -> list[Write]:
    """Its last words; only then it is folded away, but not that of a run that can go on."""
    if shown is None:
        return []
    if _generation(shown) < generation:
        return [Say(rank=Rank.CLOSING, kind="live", generation=generation, comment=shown)]
    return [Minimize(rank=Rank.CLOSING, comment=shown)] if state.phase is RunPhase.FINISHED else []


def _due(state: RunState, target: Target, shown: Comment, now: float, quiet: float) -> float:
    """`quiet` is 0 where it has news."""
    pause = max(target.live_interval, state.elapsed(now) / _GROWTH)
    return shown.edited_at + max(pause, quiet)


def _chosen(picture: Picture, kind: str, subject: str) -> Choice:
    posted = [
        Posted(comment_id=c.id, author=c.author, body=c.body, minimized=c.minimized)
        for c in picture.comments or ()
    ]
    return markers.choose(posted, kind, picture.login, subject)


def _newest(choice: Choice) -> int:
    return choice.newest.generation if choice.newest is not None else -1


def _generation(comment: Posted | Comment | None) -> int:
    marker = markers.parse(comment.body) if comment is not None else None
    return marker.generation if marker is not None else -1


def _comment(picture: Picture, posted: Posted | None) -> Comment | None:
    ids = {comment.id: comment for comment in picture.comments or ()}
    return ids[posted.comment_id] if posted is not None else None


def _duplicates(picture: Picture, choice: Choice) -> list[Write]:
    """Two publishers that raced: all agree on the oldest."""
    ids = {comment.id: comment for comment in picture.comments or ()}
    return [Minimize(rank=Rank.LIVE, comment=ids[posted.comment_id]) for posted in choice.minimize]
