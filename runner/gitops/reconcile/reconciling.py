"""Everything brought up to date from what the forge has and what was kept: at any time, and twice at once.

window (what to look at) → missed → stranded (shows what was kept) → scheduled → claiming → performing.
The cursor moves only over what is settled, so whatever stops this pass, the next one finds the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from runner.config import Config
from runner.errors import OPERATIONAL, SUCCEEDED, RefusedError, RunnerError
from runner.gitops.merge.refusing import refuse
from runner.gitops.merge.sorting import Refusal
from runner.gitops.merge.starting import starts
from runner.gitops.reconcile import cursor as cursors
from runner.gitops.reconcile import telling
from runner.gitops.reconcile.claiming import Claim, claimed
from runner.gitops.reconcile.cursor import Cursor
from runner.gitops.reconcile.missed import Missed, Missing, missed
from runner.gitops.reconcile.reads import MOST, Reads
from runner.gitops.reconcile.scheduled import Scheduled, Slot, scheduled, start_of
from runner.gitops.reconcile.stranded import Looked, Stranded, settle_stranded
from runner.gitops.reconcile.window import Window, window
from runner.gitops.repository import history
from runner.gitops.repository.configured import config_at
from runner.gitops.run.performing import Performed, Stage, Start, perform
from runner.report.statuses import context_of

_FOR_THE_STRANDED, _FOR_THE_CLOCK = 30, 10
"""Reads that are left for these though many merges were missed: else nobody would get to them for days."""
Perform = Callable[[Sequence[Start], Stage], list[Performed]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A run about to be started, for a merge or by the clock."""

    start: Start
    claim: Claim
    why: Missing | Slot


@dataclass(kw_only=True)
class _Pass:
    """What one pass knows and has done so far."""

    stage: Stage
    reads: Reads
    window: Window
    before: Cursor | None
    now: float
    merges: Missed = field(default_factory=Missed)
    clock: Scheduled = field(default_factory=Scheduled)
    shown: Stranded = field(default_factory=Stranded)
    performed: list[Performed] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: bool = False

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
        self.stage.notice(sentence)

    def leave_cursor(self, *, is_done: bool) -> None:
        """How far this came. Until it is done, nothing that is to be started is passed."""
        cursors.write(self.stage.context.checkout, self._cursor(is_done=is_done))

    def _cursor(self, *, is_done: bool) -> Cursor:
        before = self.before
        if not self.window.start or before is None:
            return Cursor(commit=self.window.head, at=self.now, open=tuple(self.shown.open))
        if not is_done:
            return replace(before, open=(*before.open, *self.shown.open)[: cursors.MOST_OPEN])
        if self.window.behind:
            return before
        return Cursor(
            commit=self._settled_up_to(),
            at=self.now,
            open=tuple(self.shown.open)[: cursors.MOST_OPEN],
            waiting=self.clock.waiting,
        )

    def _settled_up_to(self) -> str:
        commits = [commit for commit, _ in self.window.commits]
        end = min(self.merges.unsettled, default=len(commits))
        return commits[end - 1] if end else self.window.start


def reconcile(stage: Stage, *, performing: Perform = perform, most: int = MOST) -> int:
    """Exit code 0 once all is shown, 4 where something is not. Raises RunnerErrors where it cannot begin."""
    cursors.clear(stage.context.checkout)
    reads, now = Reads(stage=stage, left=most), stage.clock.now()
    _check_branch(reads)
    before = cursors.read(reads, stage)
    seen = window(stage.context.checkout, stage.context.sha, before, now)
    going = _Pass(stage=stage, reads=reads, window=seen, before=before, now=now)
    going.leave_cursor(is_done=False)
    try:
        with ExitStack() as stack:
            _go(going, performing, stack)
    except RunnerError as error:
        going.failed = True
        going.say(f"this pass ended early: {error.message}")
    else:
        going.leave_cursor(is_done=True)
    stage.context.summarize(telling.reconciled(going.said, going.performed, stage.clock.now()))
    failed = going.failed or going.merges.failed or going.shown.failed or going.clock.failed
    return OPERATIONAL if failed else SUCCEEDED


def _check_branch(reads: Reads) -> None:
    branch, stage = reads.repository().default_branch, reads.stage
    if stage.context.ref != f"refs/heads/{branch}":
        raise RefusedError(
            f"this was started on {stage.context.ref}, and only the default branch is reconciled",
            hint=f"choose {branch} under `Use workflow from`",
        )


def _go(going: _Pass, performing: Perform, stack: ExitStack) -> None:
    stage, seen = going.stage, going.window
    config = _config(going)
    if seen.why:
        going.say(f"nothing is launched: {seen.why}. This pass only marks where the next one begins")
    if seen.start and not seen.behind:
        going.reads.reserve = _FOR_THE_STRANDED + _FOR_THE_CLOCK
        going.merges = missed(seen, going.reads, stack)
    going.reads.reserve = _FOR_THE_CLOCK
    if stage.site is None:  # what is in the cloud is marked there
        _show_stranded(going, config or Config())
    going.reads.reserve = 0
    _refuse(going)
    if going.before is not None and seen.start and not seen.behind:
        _look_at_the_clock(going, going.before, config, stack)
    for sentence in (*going.merges.said, *going.shown.said, *going.clock.said):
        going.say(sentence)
    going.leave_cursor(is_done=False)
    ready = _claimed(_chosen(going, config or Config()), going)
    if ready:
        going.performed = performing([one.start for one in ready], stage)
        _take_note(ready, going)


def _config(going: _Pass) -> Config | None:
    """That of the head: for schedules, and for how things are shown. None where it is broken."""
    try:
        return config_at(going.stage.context.checkout, going.window.head)
    except RefusedError as error:
        going.say(error.message)
        return None


def _look_at_the_clock(going: _Pass, before: Cursor, config: Config | None, stack: ExitStack) -> None:
    if config is None:
        going.now = before.at  # schedules wait until it is mended
        going.clock.waiting = dict(before.waiting)
        return
    going.clock = scheduled(going.window, before, config, going.reads, stack)


def _show_stranded(going: _Pass, config: Config) -> None:
    """Most urgent first: what was not over, what was just merged, then the newest commits."""
    seen = going.window
    left = going.before.open if going.before is not None else ()
    known = [commit for commit in left if _is_here(going, commit)]
    fresh = [*known, *going.merges.commits]
    looked = Looked(
        commits=(*fresh, *seen.recent),
        fresh=frozenset(fresh),
        expected=frozenset(commit for commit, _ in seen.commits),
        head=seen.head if seen.start else "",
    )
    going.shown = settle_stranded(looked, config, going.reads)


def _is_here(going: _Pass, commit: str) -> bool:
    """A force push may have removed it; then it is nobody's any more."""
    return history.exists(going.stage.context.checkout, commit)


def _refuse(going: _Pass) -> None:
    for push, refusal in going.merges.refusals:
        try:
            refuse(refusal, push.config, going.stage)
        except RunnerError as error:
            going.failed = True
            going.merges.unsettled.add(push.first)
            going.say(error.message)


def _chosen(going: _Pass, config: Config) -> list[_Ready]:
    """What is started in this pass: merges before schedules, no more than one pass may."""
    most = config.gitops.max_launches
    ready: list[_Ready] = []
    for missing in going.merges.starts:
        if len(ready) < most:
            ready += _for_merge(missing, going)
        else:
            _put_off(missing, f"one pass starts at most {most}", going)
    taken = {(one.claim.commit, one.claim.context) for one in ready}
    for slot in going.clock.slots:
        if (slot.candidate.due.commit, slot.context) in taken:
            _put_off(slot, "its merge is run first", going)
        elif len(ready) < most:
            ready += _by_clock(slot, config, going.stage)
        else:
            _put_off(slot, f"one pass starts at most {most}", going)
    return ready


def _put_off(one: Missing | Slot, why: str, going: _Pass) -> None:
    if isinstance(one, Missing):
        going.merges.unsettled.add(one.push.first)
    else:
        going.clock.waiting[one.source] = one.since
    going.say(f"{one.candidate.due.source} is left to the next pass: {why}")


def _for_merge(missing: Missing, going: _Pass) -> list[_Ready]:
    candidate = missing.candidate
    context = context_of(candidate.planned.queue_id)
    there = going.reads.ours(candidate.due.commit).get(context)
    claim = Claim(commit=candidate.due.commit, context=context, over=there)
    made = starts([candidate], missing.push.config, going.stage)
    return [_Ready(start=start, claim=claim, why=missing) for start in made]


def _by_clock(slot: Slot, config: Config, stage: Stage) -> list[_Ready]:
    start = start_of(slot, config, stage)
    claim = Claim(commit=slot.candidate.due.commit, context=slot.context, over=slot.there)
    return [_Ready(start=start, claim=claim, why=slot)] if start is not None else []


def _claimed(ready: Sequence[_Ready], going: _Pass) -> list[_Ready]:
    ours = claimed([one.claim for one in ready], going.stage)
    for one, is_ours in zip(ready, ours, strict=True):
        if not is_ours:
            _put_off(one.why, "somebody else has started it, or is about to", going)
    return [one for one, is_ours in zip(ready, ours, strict=True) if is_ours]


def _take_note(ready: Sequence[_Ready], going: _Pass) -> None:
    for one, performed in zip(ready, going.performed, strict=True):
        if performed.may_pass:
            going.failed = True
            _put_off(one.why, performed.trouble, going)
        elif performed.trouble:
            config = one.why.push.config if isinstance(one.why, Missing) else Config()
            refuse(Refusal(candidate=one.why.candidate, sentence=performed.trouble), config, going.stage)
        elif not performed.followed.published and not performed.followed.handed_over:
            going.failed = True
            going.shown.open.append(one.claim.commit)
            going.say(f"{one.start.run_id} could not be shown to its end")
