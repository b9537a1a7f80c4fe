"""Pull requests in which somebody gives a command, on both forges, with runs that were kept."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner import events as e
from runner.gitops.commands.answering import command
from runner.gitops.commands.asked import Answer, Asked
from runner.gitops.commands.parse import parse
from runner.gitops.commands.port import Carried, Place
from runner.gitops.context import Context
from runner.gitops.payload import CommentEvent
from runner.plan import to_json
from runner.ports import CodeHost, Comment, PullRequest, WorkflowRun
from runner.ports import Status as ForgeStatus
from runner.report import markers
from tests import github_double
from tests.builders import RUN_ID, Log, failed_log, plan
from tests.forge_worlds import HERE, MERGE, InDouble, InFiles
from tests.virtual_time import VirtualTime

SERVER = "https://forge.test"
MERGED, OPEN, CLOSED = 5, 7, 4
"""Pull requests of `forge_worlds`."""
RUNNING, COMMANDING = 800, 900
"""Workflow runs: the one that ran the queue, and the one that answers."""


class World(Protocol):
    """A forge, and what people and machines do to it."""

    forge: CodeHost
    clock: VirtualTime

    def say(self, login: str, body: str, pull: int) -> int: ...

    def change(self, number: int, body: str) -> None: ...

    def delete(self, number: int) -> None: ...

    def reactions(self, number: int) -> list[str]: ...

    def workflow(self, run: WorkflowRun) -> None: ...

    def keep(self, name: str, content: bytes, run: int, *, expired: bool = False) -> None: ...


class DoubleWorld(InDouble):
    def say(self, login: str, body: str, pull: int = MERGED) -> int:  # type: ignore[override]
        world, now = self.double.world, self.clock.now()
        number = world.new_id()
        made = github_double.Comment(number, pull, world.account(login), body, now, now)
        world.comments[number] = made
        return number

    def change(self, number: int, body: str) -> None:
        found = self.double.world.comments[number]
        found.body, found.edited_at = body, self.clock.now() + 60

    def delete(self, number: int) -> None:
        del self.double.world.comments[number]

    def reactions(self, number: int) -> list[str]:
        return [content for _, _, content in self.double.world.comments[number].reactions]

    def workflow(self, run: WorkflowRun) -> None:
        self.double.world.runs[run.id] = github_double.WorkflowRun(
            run.id,
            run.workflow,
            run.event,
            run.branch,
            run.commit,
            run.conclusion or None,
            run.head_repository,
            run.attempt,
        )

    def keep(self, name: str, content: bytes, run: int, *, expired: bool = False) -> None:  # type: ignore[override]
        number = self.double.world.new_id()
        self.double.world.artifacts[number] = github_double.Artifact(
            number, name, content, run, self.clock.now(), expired
        )


class FilesWorld(InFiles):
    def say(self, login: str, body: str, pull: int = MERGED) -> int:  # type: ignore[override]
        return self.files.put_comment(pull, body, author=login).id

    def change(self, number: int, body: str) -> None:
        self.clock.sleep(60)
        self.files.edit_comment(self.files.comment(number), body)

    def delete(self, number: int) -> None:
        for path in self.root.glob(f"pulls/*/comments/{number:06d}.*"):
            path.unlink()

    def reactions(self, number: int) -> list[str]:
        return list(self.files.reactions(self.files.comment(number)))

    def workflow(self, run: WorkflowRun) -> None:
        self.files.put_workflow_run(run)

    def keep(self, name: str, content: bytes, run: int, *, expired: bool = False) -> None:  # type: ignore[override]
        self.files.put_artifact(name, content, run_id=run, expired=expired)


def workflow_run(number: int = RUNNING, **fields: Any) -> WorkflowRun:
    named: dict[str, Any] = {
        "workflow": ".github/workflows/runner-merge.yaml",
        "event": "push",
        "branch": "main",
        "commit": MERGE,
        "conclusion": "success",
        "repository": HERE,
        "head_repository": HERE,
    }
    return WorkflowRun(id=number, **(named | fields))


def run_files(log: Log | None = None, run_id: str = RUN_ID) -> dict[str, bytes]:
    """A run's directory as an artifact has it: two jobs wrote something."""
    log = log or failed_log()
    folder = f"{run_id}/jobs/build/2"
    return {
        f"{run_id}/plan.json": to_json(plan(log.queue)),
        f"{run_id}/events.jsonl": e.encode_lines(log.events, run_id, 1),
        f"{run_id}/lease": b'{"pid": 1}',
        f"{run_id}/requests/late.json": b'{"type": "cancel", "job_ids": []}',
        f"{folder}/stdout.log": b"compiling\n```\n/runner cancel x\n@everyone <b>*** masked\n",
        f"{folder}/stderr.log": b"main.c:3: error\n",
    }


def zipped(files: Mapping[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def kept(
    world: World, log: Log | None = None, *, conclusion: str = "success", state: str = "failure"
) -> None:
    """A run of the merged pull request, over (or not, with `conclusion` ""), and shown."""
    world.workflow(workflow_run(conclusion=conclusion))
    world.keep("runner-runs", zipped(run_files(log)), RUNNING)
    target = f"{SERVER}/octo/lab/actions/runs/{RUNNING}"
    for context, words in (("runner/demo", "Failed: 2 | 3"), ("runner/demo/build", "Failed: exit code 3")):
        status = ForgeStatus(context=context, state=state, description=words, target=target)
        world.forge.set_status(MERGE, status)
    live = markers.Marker(kind="live", subject="demo", generation=1, run=RUN_ID)
    world.forge.add_comment(MERGED, f"{markers.line(live)}\n## It ran")


def context(checkout: Path, number: int = COMMANDING, attempt: int = 1) -> Context:
    return Context(
        event_name="issue_comment",
        event_path=checkout / "event.json",
        repository="octo/lab",
        sha=MERGE,
        ref="refs/heads/main",
        checkout=checkout,
        environ={},
        run_id=number,
        attempt=attempt,
        server_url=SERVER,
        summary_path=checkout / "summary.md",
        output_path=checkout / "output.txt",
    )


def commanded(world: World, login: str, body: str, pull: int = MERGED, **fields: Any) -> CommentEvent:
    """Somebody writes that; the event which tells so."""
    number = world.say(login, body, pull)
    named = {"action": "created", "by_bot": False, "on_pull": True, "body": body, "author": login}
    return CommentEvent(comment=number, number=pull, **(named | fields))


@dataclass
class Performed:
    """Who carries out remembers what it was told."""

    said: tuple[str, ...] = ("demo succeeded",)
    ok: bool = True
    headline: str = "✅ Ran again, and succeeded"
    raises: Exception | None = None
    calls: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    reaches_cloud: bool = False

    def in_cloud(self, asked: Asked) -> Answer | None:
        return None

    def again(
        self, kind: str, directory: Path, run_id: str, job_ids: Sequence[str], target: Place
    ) -> Carried:
        assert (directory / "plan.json").is_file()
        self.places.append(target)
        return self._carried(kind, run_id, tuple(job_ids))

    def refused(self, pull: PullRequest, digest: str) -> Carried:
        return self._carried("run", digest, ())

    def _carried(self, kind: str, what: str, job_ids: tuple[str, ...]) -> Carried:
        self.calls.append((kind, what, job_ids))
        if self.raises is not None:
            raise self.raises
        return Carried(ok=self.ok, headline=self.headline, said=self.said)


def replies(world: World, pull: int = MERGED) -> list[Comment]:
    """Those of ours that are replies, folded ones left out."""
    found = [(c, markers.parse(c.body)) for c in world.forge.comments(pull)]
    return [c for c, marker in found if marker is not None and marker.kind == "reply" and not c.minimized]


DIGEST = "sha256:" + "0a" * 32


def checkout(tmp_path: Path, name: str = "checkout") -> Path:
    made = tmp_path / name
    made.mkdir(exist_ok=True)
    return made


def do(
    world: World,
    tmp_path: Path,
    body: str,
    *,
    login: str = "ann",
    pull: int = MERGED,
    perform: Performed | None = None,
) -> tuple[str, list[str]]:
    """The reply to a command, and the reactions to it."""
    event = commanded(world, login, body, pull)
    before = len(replies(world, pull))
    assert command(context(checkout(tmp_path)), event, world.forge, perform=perform or Performed()) == 0
    found = replies(world, pull)
    assert len(found) == before + 1
    for line in found[-1].body.split("\n"):
        assert parse(line) is None
    return found[-1].body, world.reactions(event.comment)


def nothing(world: World, tmp_path: Path, event: CommentEvent) -> None:
    """No reply, no reaction, no write of any kind."""
    before = len(list(world.forge.comments(event.number)))
    assert command(context(checkout(tmp_path)), event, world.forge, perform=Performed()) == 0
    assert len(list(world.forge.comments(event.number))) == before
    if isinstance(world, DoubleWorld):
        assert all(call.method == "GET" or call.operation == "graphql" for call in world.double.calls)


def shown(body: str) -> str:
    """Without what differs from run to run: comment ids and claims."""
    text = re.sub(r'"claim":"[0-9.]+\.[0-9a-f]{8}"', '"claim":"…"', body)
    return re.sub(r'"subject":"\d+"', '"subject":"…"', text)
