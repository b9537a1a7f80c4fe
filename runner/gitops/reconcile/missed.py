"""Merges that nobody carried out: their push started no workflow, or its machine died before a first status.

The same functions decide as on a push, under the policy of the commit before it, so the run is the same one.
Of a file that was merged several times in the meantime only the newest version is started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner import config as configuration
from runner import document
from runner.config import Config
from runner.errors import RefusedError, RunnerError
from runner.gitops.artifacts.kept import led_to
from runner.gitops.merge.agreement import Candidate
from runner.gitops.merge.due import Due, due_on_push
from runner.gitops.merge.merging import planned
from runner.gitops.merge.sorting import Refusal, sort
from runner.gitops.payload import PushEvent
from runner.gitops.plan.digests import reviewed
from runner.gitops.reconcile.reads import Reads, ReadsSpentError
from runner.gitops.reconcile.window import Window
from runner.gitops.repository import history
from runner.gitops.repository.configured import config_at
from runner.gitops.run.performing import Stage
from runner.load import default_id
from runner.ports import Status
from runner.prepare.discovery import is_queue_file
from runner.prepare.layers import FOLDER, template_name
from runner.problems import shorten
from runner.publish.refusal import is_claim
from runner.report.statuses import PENDING, context_of

PATIENCE = 900.0
"""Seconds in which a merge's own workflow is expected to say something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Commits that came together, as far as the history tells: one commit, or all of one pull request.

    `first` and `last` are their places in the window.
    """

    before: str
    after: str
    first: int
    last: int
    config: Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A queue that should have run."""

    candidate: Candidate
    push: Push


@dataclass(kw_only=True)
class Missed:
    """What is to be started and refused, in the order of the branch.

    `commits` have queues that were due. `unsettled` are places in the window that the cursor must not pass.
    `said` are sentences for people. `failed`: something could not be looked at.
    """

    starts: list[Missing] = field(default_factory=list)
    refusals: list[tuple[Push, Refusal]] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    unsettled: set[int] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    failed: bool = False


def missed(window: Window, reads: Reads, stack: ExitStack) -> Missed:
    """Asks and plans, starts nothing. What is planned stays checked out as long as `stack` is open."""
    search = _Search(window=window, reads=reads, stack=stack)
    found, at = search.found, 0
    try:
        for push in search.pushes():
            at = push.first
            search.look(push)
            at = push.last + 1
    except ReadsSpentError:
        found.unsettled.add(at)
        rest = len(window.commits) - at
        found.said.append(f"the {rest} newest commits are left to the next pass: the forge was asked enough")
    if window.later:
        found.said.append(f"{window.later} commits are left to the next pass")
    return found


@dataclass(kw_only=True)
class _Search:
    window: Window
    reads: Reads
    stack: ExitStack
    found: Missed = field(default_factory=Missed)

    @property
    def stage(self) -> Stage:
        return self.reads.stage

    def pushes(self) -> Iterator[Push]:
        """Those that may have brought a queue."""
        commits = self.window.commits
        config, before, number = self._config(self.window.start), self.window.start, 0
        while number < len(commits):
            last = number
            if config is not None and _may_bring(commits[number][1], config):
                last = self._last_of_its_pull(number)
                after = commits[last][0]
                yield Push(before=before, after=after, first=number, last=last, config=config)
            together = commits[number : last + 1]
            before, number = commits[last][0], last + 1
            if any(configuration.PLACE in paths for _, paths in together):
                config = self._config(before)

    def _config(self, commit: str) -> Config | None:
        """None where it is broken: as on a push, nothing runs under it."""
        try:
            return config_at(self.stage.context.checkout, commit)
        except RefusedError as error:
            self.found.said.append(f"what was merged on top of {commit[:12]} does not run: {error.message}")
            return None

    def _last_of_its_pull(self, number: int) -> int:
        """A rebase brings several commits, and what was reviewed is the whole."""
        order = {commit: place for place, (commit, _) in enumerate(self.window.commits)}
        merges = [
            order[pull.merge_commit]
            for pull in self.reads.pulls_with(self.window.commits[number][0])
            if self.reads.is_merged_here(pull) and order.get(pull.merge_commit, -1) >= number
        ]
        return number if number in merges else max(merges, default=number)

    def look(self, push: Push) -> None:
        """What cannot be looked at does not stand in the way of all that came after it."""
        try:
            self._look(push)
        except ReadsSpentError:
            raise
        except RunnerError as error:
            self.found.failed = True
            self.found.unsettled.add(push.first)
            self.found.said.append(f"{push.after[:12]} could not be looked at: {error.message}")

    def _look(self, push: Push) -> None:
        branch = self.reads.repository().default_branch
        event = PushEvent(
            ref=f"refs/heads/{branch}", before=push.before, after=push.after, default_branch=branch
        )
        decision = due_on_push(event, self.stage.context.checkout, self.reads, push.config)
        self.found.said += decision.notes
        self.found.commits += dict.fromkeys(due.commit for due in decision.due)
        if all(self._has_begun(due, push) for due in decision.due):
            return
        if self._on_its_way(push):
            self.found.unsettled.add(push.first)
            return
        self.reads.spend()
        self._sort_out(push, planned(decision, push.config, self.stage, self.stack))

    def _sort_out(self, push: Push, candidates: Sequence[Candidate]) -> None:
        found = self.found
        gitops = replace(push.config.gitops, max_launches=len(candidates))
        sorted_out = sort(candidates, gitops, self._reviewed(candidates))
        for refusal in sorted_out.refused:
            if self._takes(refusal.candidate) and self._is_missing(refusal.candidate, push):
                found.refusals.append((push, refusal))
        for candidate in sorted_out.runs:
            if self._takes(candidate) and self._is_missing(candidate, push):
                found.starts.append(Missing(candidate=candidate, push=push))
        found.said += [f"{shorten(c.planned.source)} is not started: {why}" for c, why in sorted_out.waiting]

    def _takes(self, candidate: Candidate) -> bool:
        return self.stage.takes(candidate.planned.plan)

    def _is_missing(self, candidate: Candidate, push: Push) -> bool:
        due = candidate.due
        if self._stands(due.commit, candidate.planned.queue_id, push):
            return False
        if not any(due.source in paths for _, paths in self.window.commits[push.last + 1 :]):
            return True
        self.found.said.append(
            f"{shorten(due.source)} of {due.commit[:12]} is not started: it was changed again since"
        )
        return False

    def _on_its_way(self, push: Push) -> bool:
        """A commit may be old and its push new: so it is asked whether a workflow runs for it, too."""
        age = self.stage.clock.now() - history.commit_time(self.stage.context.checkout, push.after)
        commits = dict.fromkeys([push.after, self.window.head])
        return age < PATIENCE or any(self.reads.merging(commit) for commit in commits)

    def _has_begun(self, due: Due, push: Push) -> bool:
        """Whether something of it is shown already. False where only planning it tells its id."""
        queue_id = _queue_id(due, self.stage.context.checkout)
        return bool(queue_id) and self._stands(due.commit, queue_id, push)

    def _stands(self, commit: str, queue_id: str, push: Push) -> bool:
        """A claim whose claimant is gone is none: nothing of the run was ever shown."""
        status = self.reads.ours(commit).get(context_of(queue_id))
        if status is None:
            return False
        if status.state != PENDING or not is_claim(status):
            return True
        if self._is_abandoned(status):
            return False
        self.found.unsettled.add(push.first)  # whoever is about to start it may die before
        return True

    def _is_abandoned(self, status: Status) -> bool:
        number = led_to(status.target, self.stage.context)
        run = self.reads.workflow_run(number) if number else None
        return run is None or self.reads.is_over(run)

    def _reviewed(self, candidates: Sequence[Candidate]) -> dict[int, str | None]:
        pulls = {c.pull: c.due.pull for c in candidates if c.due.pull is not None}
        found = {}
        for number, pull in pulls.items():
            login = self.reads.login()
            self.reads.spend()
            found[number] = reviewed(self.stage.forge.statuses(pull.head_commit), login)
        return found


def _may_bring(paths: Iterable[str], config: Config) -> bool:
    return any(path.startswith(f"{FOLDER}/") or is_queue_file(path, config) for path in paths)


def _queue_id(due: Due, checkout: Path) -> str:
    raw = history.show(checkout, due.commit, due.source)
    parsed = document.parse(raw, due.source) if raw is not None else []
    if isinstance(parsed, list) or not isinstance(parsed.tree, dict) or template_name(parsed.tree):
        return ""
    given = parsed.tree.get("queue_id", default_id(due.source))
    return given if isinstance(given, str) else ""
