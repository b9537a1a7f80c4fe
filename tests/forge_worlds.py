"""The same small repository on both forges, arranged for the tests of what they have in common."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from runner.forges.files import FileForge, Setup
from runner.forges.github import GitHub, Limits, Settings, open_github
from runner.ports import CodeHost, PullRequest, RepositoryFacts, WorkflowRun
from tests.github_double import BOT, Artifact, Comment, Double, Pull, serving
from tests.github_double import WorkflowRun as DoubleRun
from tests.virtual_time import VirtualTime

TOKEN = "ghs_0123456789abcdefSECRET"
BASE, HEAD, MERGE, FORKED = "ba5e" * 10, "4ead" * 10, "3e49e" * 8, "f04c" * 10
HERE, FORK = 4711, 8000
PLAN = WorkflowRun(
    id=31,
    workflow=".github/workflows/plan.yaml",
    event="pull_request",
    branch="topic",
    commit=HEAD,
    conclusion="success",
    repository=HERE,
    head_repository=HERE,
)
PULLS = (
    PullRequest(
        number=7,
        title="Add a queue",
        author="ann",
        is_open=True,
        head_commit=HEAD,
        head_branch="topic",
        head_repository=HERE,
        base_branch="main",
        base_commit=BASE,
        base_repository=HERE,
    ),
    PullRequest(
        number=5,
        title="Merged",
        author="bob",
        is_open=False,
        head_commit="5" * 40,
        head_branch="old",
        head_repository=HERE,
        base_branch="main",
        base_commit=BASE,
        base_repository=HERE,
        merge_commit=MERGE,
        merged_at=1_799_000_000.0,
    ),
    PullRequest(
        number=4,
        title="Closed",
        author="bob",
        is_open=False,
        head_commit="4" * 40,
        head_branch="topic",
        head_repository=HERE,
        base_branch="main",
        base_commit=BASE,
        base_repository=HERE,
    ),
)


class ForgeWorld(Protocol):
    """A forge, and what people do to it behind our back."""

    forge: CodeHost
    clock: VirtualTime

    def say(self, login: str, body: str) -> None: ...

    def lock(self) -> None: ...

    def archive(self) -> None: ...

    def delete_fork(self) -> None: ...

    def keep(self, name: str, content: bytes, *, expired: bool = False) -> None: ...

    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]: ...

    def set_up(
        self,
        *,
        workflows: dict[str, str],
        fork_approval: str,
        self_hosted_runners: int,
        required: dict[str, list[str]],
        token_subject: str = "",
    ) -> None: ...

    def hide_setup(self) -> None: ...


def pull_in_double(pull: PullRequest, double: Double, owner: str = "octo") -> Pull:
    return Pull(
        number=pull.number,
        title=pull.title,
        author=double.world.account(pull.author),
        head_commit=pull.head_commit,
        head_branch=pull.head_branch,
        head_owner=owner,
        head_repository=pull.head_repository,
        base_branch=pull.base_branch,
        base_commit=pull.base_commit,
        state="open" if pull.is_open else "closed",
        merge_commit=pull.merge_commit or "7e57" * 10,  # an open one has a trial merge
        merged_at=pull.merged_at or None,
    )


def furnish(double: Double) -> Double:
    """The repository in the double, and a workflow's token."""
    world = double.world
    double.token(TOKEN)
    world.account("ann", "admin")
    world.account("bob", "maintain")
    world.account("cat", "triage")
    world.account("eve")
    world.commits.update({BASE: (), HEAD: (BASE,), MERGE: (BASE,), "5" * 40: (BASE,), "4" * 40: (BASE,)})
    world.branches["main"] = MERGE
    world.workflows.add("merge.yaml")
    world.pulls = {pull.number: pull_in_double(pull, double) for pull in PULLS}
    world.runs[PLAN.id] = DoubleRun(
        PLAN.id, f"{PLAN.workflow}@refs/heads/main", PLAN.event, PLAN.branch, PLAN.commit
    )
    return double


@contextlib.contextmanager
def furnished(clock: VirtualTime) -> Iterator[Double]:
    """A double that serves; nothing that it was asked may have been wrong or too much."""
    with serving(furnish(Double(clock))) as double:
        yield double
    assert double.violations == []
    assert double.limits.refused == []


def settings(double: Double, limits: Limits | None = None) -> Settings:
    return Settings(
        repository="octo/lab", token=TOKEN, api_url=double.api, read_timeout=5.0, limits=limits or Limits()
    )


def github(
    double: Double, clock: VirtualTime, limits: Limits | None = None, patience: float = 900.0
) -> GitHub:
    return open_github(settings(double, limits), clock=clock, sleep=clock.sleep, patience=patience)


class InDouble:
    def __init__(self, double: Double, clock: VirtualTime) -> None:
        self.double, self.clock = double, clock
        self.forge: CodeHost = github(double, clock)

    def say(self, login: str, body: str) -> None:
        world, now = self.double.world, self.clock.now()
        number = world.new_id()
        world.comments[number] = Comment(number, 7, world.account(login), body, now, now)

    def lock(self) -> None:
        self.double.world.pulls[7].locked = True

    def archive(self) -> None:
        self.double.world.archived = True

    def delete_fork(self) -> None:
        self.double.world.pulls[7].head_repository = None

    def keep(self, name: str, content: bytes, *, expired: bool = False) -> None:
        number = self.double.world.new_id()
        self.double.world.artifacts[number] = Artifact(
            number, name, content, PLAN.id, self.clock.now(), expired
        )

    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]:
        return self.double.world.dispatches

    def set_up(
        self,
        *,
        workflows: dict[str, str],
        fork_approval: str,
        self_hosted_runners: int,
        required: dict[str, list[str]],
        token_subject: str = "",
    ) -> None:
        world = self.double.world
        world.workflows = set(workflows)
        world.workflow_states = workflows
        world.fork_approval = fork_approval
        world.self_hosted_runners = [f"runner-{number}" for number in range(self_hosted_runners)]
        world.subject_prefix = token_subject
        for branch, contexts in required.items():  # one half in a ruleset, the other in branch protection
            world.required_by_rules[branch] = contexts[::2]
            world.required_by_protection[branch] = contexts[1::2]
        self.double.token(TOKEN, contents="read", actions="read", administration="read")

    def hide_setup(self) -> None:
        self.double.token(TOKEN, contents="read")


class InFiles:
    def __init__(self, root: Path, clock: VirtualTime) -> None:
        self.root, self.clock = root, clock
        self.files = FileForge(root, clock=clock, login=BOT)
        self.forge: CodeHost = self.files
        self.files.put_repository(
            RepositoryFacts(id=HERE, full_name="octo/lab", default_branch="main", private=False)
        )
        for login, permission in (("ann", "admin"), ("bob", "write"), ("cat", "read")):
            self.files.put_person(login, permission)
        for pull in PULLS:
            self.files.put_pull(pull)
        self.files.put_workflow_run(PLAN)

    def say(self, login: str, body: str) -> None:
        self.files.put_comment(7, body, author=login)

    def lock(self) -> None:
        self.files.put_pull(dataclasses.replace(PULLS[0], locked=True))

    def delete_fork(self) -> None:
        self.files.put_pull(dataclasses.replace(PULLS[0], head_repository=0))

    def archive(self) -> None:
        self.files.put_repository(dataclasses.replace(self.files.repository(), archived=True))

    def keep(self, name: str, content: bytes, *, expired: bool = False) -> None:
        self.files.put_artifact(name, content, run_id=PLAN.id, expired=expired)

    def dispatched(self) -> list[tuple[str, str, dict[str, str]]]:
        found = [json.loads(path.read_text()) for path in sorted((self.root / "dispatches").glob("*.json"))]
        return [(record["workflow"], record["ref"], record["inputs"]) for record in found]

    def set_up(
        self,
        *,
        workflows: dict[str, str],
        fork_approval: str,
        self_hosted_runners: int,
        required: dict[str, list[str]],
        token_subject: str = "",
    ) -> None:
        self.files.put_setup(
            Setup(
                workflows={f".github/workflows/{name}": state for name, state in workflows.items()},
                fork_approval=fork_approval,
                self_hosted_runners=self_hosted_runners,
                required=required,
                token_subject=token_subject,
            )
        )

    def hide_setup(self) -> None:
        self.files.put_setup(
            Setup(
                actions_enabled=None,
                default_permissions=None,
                fork_approval=None,
                self_hosted_runners=None,
                required=None,
            )
        )
