"""Runs whose follower is gone: shown from what their machine kept, or as lost where it kept nothing.

The workflow run that a status of ours leads to says whether somebody still works on it. Its artifact stays
where the run's files are: what is shown goes on leading there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.config import Config
from runner.errors import ForgeNotFoundError, ForgeRefusedError, RunnerError
from runner.gitops.artifacts import kept
from runner.gitops.artifacts.kept import led_to
from runner.gitops.merge.lost import is_lost, say_lost
from runner.gitops.reconcile.reads import Reads, ReadsSpentError, is_queue
from runner.gitops.run.performing import Stage
from runner.gitops.run.targets import target_of
from runner.gitops.workflow_files import CLOUD, kind_of
from runner.ports import Artifact, Status, WorkflowRun
from runner.publish.publisher import Publisher
from runner.publish.refusal import is_claim, is_refusal
from runner.publish.settle import settle
from runner.publish.target import Target
from runner.report.statuses import PENDING, context_of, queue_of
from runner.runs.reading import read

_READS_TO_SETTLE = 6
"""At least: artifacts, download, statuses and comments. Counted before, so that none is begun in vain."""
_MOST_RUNS = 50
"""Of one queue in one artifact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """A queue of a commit whose run nobody works on. `statuses` are all of ours of this queue there."""

    commit: str
    context: str
    run: WorkflowRun
    statuses: Mapping[str, Status]

    @property
    def is_pending(self) -> bool:
        return any(status.state == PENDING for status in self.statuses.values())

    @property
    def queue_status(self) -> Status:
        return self.statuses[self.context]


@dataclass(kw_only=True)
class Stranded:
    """`open` are commits whose runs are not over, or not all shown. `failed`: something is not shown."""

    open: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """`commits`, the most urgent first.

    Of `fresh` ones also those runs are looked at whose statuses have ended, if their workflow run failed: a
    comment may be missing. A claim on an `expected` one is for whoever starts the merge's run; one on `head`
    of which nothing was kept is for the clock.
    """

    commits: Sequence[str]
    fresh: frozenset[str] = frozenset()
    expected: frozenset[str] = frozenset()
    head: str = ""


def settle_stranded(looked: Looked, config: Config, reads: Reads) -> Stranded:
    """Show what is known of the runs of these commits."""
    with ExitStack() as stack:
        settling = _Settling(
            looked=looked, config=config, reads=reads, archives=_Archives(reads.stage, stack)
        )
        for commit in dict.fromkeys(looked.commits):
            settling.look(commit)
    settling.found.open = list(dict.fromkeys(settling.found.open))
    return settling.found


@dataclass(kw_only=True)
class _Settling:
    looked: Looked
    config: Config
    reads: Reads
    archives: _Archives
    found: Stranded = field(default_factory=Stranded)

    @property
    def stage(self) -> Stage:
        return self.reads.stage

    def look(self, commit: str) -> None:
        """What cannot be shown now does not stand in the way of the others."""
        try:
            for strand in self._strands(commit):
                self.reads.spend(_READS_TO_SETTLE)
                self._settle(strand)
        except ReadsSpentError:
            self.found.open += [commit] if commit in self.looked.fresh else []
            self.found.said.append(f"the runs of {commit[:12]} are left to the next pass")
        except RunnerError as error:
            self.found.open.append(commit)
            self.found.failed = True
            self.found.said.append(f"the runs of {commit[:12]} could not be shown: {error.message}")

    def _strands(self, commit: str) -> Iterator[Strand]:
        ours, is_fresh = self.reads.ours(commit), commit in self.looked.fresh
        for context, status in ours.items():
            if not is_queue(context) or is_refusal(status) or is_lost(status):
                continue
            if is_claim(status) and commit in self.looked.expected:
                continue
            own = {n: one for n, one in ours.items() if n == context or n.startswith(f"{context}/")}
            is_pending = any(one.state == PENDING for one in own.values())
            number = led_to(status.target, self.stage.context) if is_pending or is_fresh else 0
            run = self.reads.workflow_run(number) if number else None
            if run is not None and kind_of(run.workflow) == CLOUD:
                continue  # its machine does not end with its workflow run
            if run is None:
                continue  # it is over, or leads elsewhere: nobody can say what became of it
            if not self.reads.is_over(run):
                self.found.open.append(commit)
            elif is_pending or run.conclusion != "success":
                yield Strand(commit=commit, context=context, run=run, statuses=own)

    def _settle(self, strand: Strand) -> None:
        found, name = self.found, f"{strand.context} at {strand.commit[:12]}"
        directory = self.archives.directory_of(strand)
        if directory is not None:
            if self._show(strand, directory):
                found.said.append(f"{name} is shown as its machine left it")
                return
            found.failed = True
            found.open.append(strand.commit)
            found.said.append(f"{name} could not be shown as its machine left it")
        elif is_claim(strand.queue_status) and strand.commit == self.looked.head:
            return
        elif strand.is_pending:
            pull = self.reads.merged_as(strand.commit)
            say_lost(strand.context, strand.commit, strand.run, pull, self.stage)
            found.said.append(f"{name} is lost: its machine kept nothing")

    def _show(self, strand: Strand, directory: Path) -> bool:
        stage = self.stage
        publisher = Publisher(
            stage.forge, self._target(strand, directory), clock=stage.clock, notice=stage.notice
        )
        return settle(publisher, directory, clock=stage.clock, sleep=stage.sleep, patience=stage.patience)

    def _target(self, strand: Strand, directory: Path) -> Target:
        """The plan says for which pull request it ran: none where it was by hand or by the clock."""
        number = read(directory)[0].git.pr
        pull = self.reads.merged_as(strand.commit) if number else None
        if pull is not None and str(pull.number) != number:
            pull = None
        target = target_of(strand.commit, pull, self.config, self.stage)
        return replace(target, links=replace(target.links, report=strand.queue_status.target))


class _Archives:
    """What workflow runs kept, each fetched once, unpacked into folders that are gone with `stack`."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="runner-stranded-")))
        self._fetched: dict[int, Path | None] = {}

    def directory_of(self, strand: Strand) -> Path | None:
        """The run's directory, the newest where the queue ran several times. Raises ForgeError."""
        archive = self._archive(strand.run)
        if archive is None:
            return None
        try:
            prefix = f"{queue_of(strand.context)}-"
            names = [name for name in kept.runs_in(archive) if name.startswith(prefix)][:_MOST_RUNS]
        except RunnerError as error:
            self._stage.notice(error.message)
            return None
        found = [place for name in names if (place := self._restored(archive, name, strand)) is not None]
        return max(found, key=lambda place: (read(place)[1].last_at, place.name), default=None)

    def _archive(self, run: WorkflowRun) -> Path | None:
        if run.id not in self._fetched:
            usable = [
                one
                for one in self._stage.forge.artifacts(run_id=run.id, name=kept.ARTIFACT)
                if not one.expired and one.workflow_run == run.id
            ]
            self._fetched[run.id] = self._download(usable[0], run) if usable else None
        return self._fetched[run.id]

    def _download(self, artifact: Artifact, run: WorkflowRun) -> Path | None:
        path = self._home / f"{run.id}.zip"
        try:
            self._stage.forge.download_to(artifact, path, limit=kept.LARGEST)
        except (ForgeNotFoundError, ForgeRefusedError) as error:
            self._stage.notice(error.message)
            return None
        return path

    def _restored(self, archive: Path, name: str, strand: Strand) -> Path | None:
        """None where it is another commit's or another queue's, or cannot be read."""
        place = self._home / f"{archive.stem}-runs" / name
        place.parent.mkdir(exist_ok=True)
        try:
            if not place.exists():
                kept.restore(archive, name, place)
            plan, _ = read(place)
        except RunnerError as error:
            self._stage.notice(f"{name} cannot be restored: {error.message}")
            return None
        fits = (plan.git.sha, context_of(plan.queue.queue_id)) == (strand.commit, strand.context)
        return place if fits else None
