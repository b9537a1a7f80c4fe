"""GitHub on one machine: a repository, the double that knows it, and workflows that really run.

A test does what people do (`open_pull`, `push_to`, `merge`, `say`); the scene runs the workflows that GitHub
would start, one after the other, and remembers their runs and artifacts in the double.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from runner.setup.initialise import Request, carry_out, steps
from runner.setup.source import Source
from tests.github_double import Artifact, Comment, Double, Pull, WorkflowRun
from tests.workflows import payloads
from tests.workflows.acting import COMMIT, SOURCE, Act, Ran
from tests.workflows.lab import Lab

TOKEN = "ghs_0123456789abcdefSECRET"
FORK = 8000
HELLO = """\
queue_id: greet
jobs:
  - job_id: hello
    command: echo "hello, $WHO" > "$RUNNER_RESULT_DIR/hello.txt"
    environment: {WHO: world}
  - job_id: bye
    depends_on: [hello]
    command: echo bye
"""


class Scene:
    """`double` is GitHub's memory, `lab` its repository; `ran` holds workflow runs by their number."""

    def __init__(
        self,
        folder: Path,
        double: Double,
        program: Path,
        environment: Mapping[str, str],
        *,
        settings: str = "",
    ) -> None:
        """`settings`: what .github/runner.yaml says, of a repository that launches machines."""
        self.folder, self.double = folder, double
        self.world = double.world
        self.lab = Lab(folder / "lab")
        self.ran: dict[int, Ran] = {}
        self._names: dict[str, str] = {}
        self._artifacts = folder / "artifacts"
        self._act = Act(
            program,
            folder,
            {
                "GITHUB_API_URL": double.api,
                "STUB_ORIGIN": str(self.lab.folder),
                "STUB_ARTIFACTS": str(self._artifacts),
                "STUB_TOKEN": TOKEN,
                **environment,
            },
        )
        self._furnish(settings)

    def _furnish(self, settings: str) -> None:
        double, world = self.double, self.world
        double.limits.apart = 0.0  # on a busy machine, when a request arrives says little of when it was sent
        for login, role in (("ann", "admin"), ("bob", "write"), ("cat", "read")):
            world.account(login, role)
        self.lab.write({"README.md": "A lab\n"})
        source = Source(repository=SOURCE, commit=COMMIT)
        wanted = Request(root=self.lab.folder, source=source, branch="main", cloud=bool(settings))
        carry_out(self.lab.folder, steps(wanted))
        self.lab.write({".github/runner.yaml": settings} if settings else {})
        callers = sorted((self.lab.folder / ".github/workflows").iterdir())
        for path in callers:  # act does not know it yet
            path.write_text(re.sub(r"^ +cache-mode: .*\n", "", path.read_text(), flags=re.MULTILINE))
        world.workflows |= {path.name for path in callers}
        self.lab.write({"queues/hello.yaml": None})
        self.lab.commit("Begin", {})
        self._learn()

    def _learn(self) -> None:
        self.world.commits |= self.lab.parents()
        for branch in self.lab.git("branch", "--format=%(refname:short)").split():
            self.world.branches[branch] = self.lab.head(branch)

    # What people do

    def open_pull(
        self, number: int, files: Mapping[str, str | None], *, title: str = "Add a queue", fork: bool = False
    ) -> Pull:
        """A pull request with one commit; its `merge_commit` is GitHub's trial."""
        branch, base = f"topic-{number}", self.lab.head("main")
        self.lab.git("checkout", "-q", "-B", branch, "main")
        head = self.lab.commit(title, files, on=branch)
        pull = Pull(
            number=number,
            title=title,
            author=self.world.account("eve" if fork else "bob"),
            head_commit=head,
            head_branch=branch,
            head_owner="eve" if fork else self.world.owner,
            head_repository=FORK if fork else self.world.repository_id,
            base_branch="main",
            base_commit=base,
        )
        return self._tried(pull)

    def push_to(self, pull: Pull, files: Mapping[str, str | None], message: str = "Change it") -> Pull:
        head = self.lab.commit(message, files, on=pull.head_branch)
        return self._tried(replace(pull, head_commit=head))

    def _tried(self, pull: Pull) -> Pull:
        trial = self.lab.merged(pull.head_commit, f"Trial of {pull.number}", into=f"trial-{pull.number}")
        self.world.pulls[pull.number] = replace(pull, merge_commit=trial)
        earlier = sum(name.endswith(f" of #{pull.number}") for name in self._names.values())
        self._names[pull.head_commit] = f"head {earlier + 1} of #{pull.number}"
        self._learn()
        return self.world.pulls[pull.number]

    def merge(self, *pulls: Pull, squash: bool = False) -> tuple[str, str]:
        """Main before and after; several pull requests are one push."""
        before = self.lab.head("main")
        for pull in pulls:
            title = f"{pull.title} (#{pull.number})"
            if squash:
                after = self.lab.squashed(pull.head_commit, title)
            else:
                after = self.lab.forward(self.lab.merged(pull.head_commit, title, into="merging"))
            self._learn()
            self._names[after] = f"the merge of #{pull.number}"
            self.world.pulls[pull.number] = replace(
                self.world.pulls[pull.number],
                state="closed",
                merge_commit=after,
                merged_at=self.double.clock.now(),
                commits=(pull.head_commit,),
            )
        return before, self.lab.head("main")

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Straight to main."""
        made = self.lab.commit(message, files)
        self._learn()
        return made

    def say(self, pull: Pull, login: str, body: str) -> Comment:
        number, now = self.world.new_id(), self.double.clock.now()
        made = Comment(number, pull.number, self.world.account(login), body, now, now)
        self.world.comments[number] = made
        return made

    # What GitHub does about it

    def plan(self, pull: Pull, action: str = "opened") -> Ran:
        """The plan of a pull request, then the comment about it. Returns the first."""
        commit = pull.merge_commit
        assert commit is not None
        payload = payloads.pull_request(self.world, pull, action)
        number, ran = self._start("plan", "pull_request", payload, commit, branch=pull.head_branch, pull=pull)
        event = payloads.workflow_run(self.world, self.world.runs[number], pull)
        _, shown = self._start("comment", "workflow_run", event, self.lab.head("main"))
        assert shown.succeeded, shown.printed()
        return ran

    def pushed(self, before: str, after: str, *, again: int = 0) -> tuple[int, Ran]:
        payload = payloads.push(self.world, before, after)
        return self._start("merge", "push", payload, after, again=again)

    def launched(self, before: str, after: str, *, again: int = 0) -> tuple[int, Ran]:
        """What the same push starts for machines of the cloud."""
        return self._start("cloud", "push", payloads.push(self.world, before, after), after, again=again)

    def handed_over(self) -> Ran:
        """What a workflow of ours has started last, by another."""
        asked = self.double.named("actions/create-workflow-dispatch")[-1]
        inputs = {name: str(value) for name, value in asked.body["inputs"].items()}
        return self.dispatched("cloud", inputs)

    def commented(self, comment: Comment, *, allowed: bool = True) -> Ran:
        """`allowed`: whether a second job is to run. The first one has to do with less."""
        payload = payloads.issue_comment(self.world, comment)
        reads = ("actions", "contents", "pull-requests", "statuses")
        rights = None if allowed else dict.fromkeys(reads, "read")
        return self._start("command", "issue_comment", payload, self.lab.head("main"), rights=rights)[1]

    def grouped(self, base: str, head: str) -> Ran:
        return self._start("plan", "merge_group", payloads.merge_group(self.world, base, head), head)[1]

    def dispatched(self, workflow: str, inputs: dict[str, str] | None = None) -> Ran:
        payload = payloads.dispatch(self.world, f"runner-{workflow}.yaml", inputs)
        return self._start(workflow, "workflow_dispatch", payload, self.lab.head("main"))[1]

    def scheduled(self) -> Ran:
        return self._start("reconcile", "schedule", payloads.schedule(self.world), self.lab.head("main"))[1]

    def _start(
        self,
        workflow: str,
        event: str,
        payload: Any,
        commit: str,
        *,
        branch: str = "main",
        pull: Pull | None = None,
        rights: Mapping[str, str] | None = None,
        again: int = 0,
    ) -> tuple[int, Ran]:
        """`again`: the number of a workflow run that is run once more."""
        number, name = again or self.world.new_id(), f"runner-{workflow}.yaml"
        head, home = (pull.head_commit, pull.head_repository) if pull else (commit, self.world.repository_id)
        run = WorkflowRun(number, f".github/workflows/{name}", event, branch, head, None, home)
        self.world.runs[number] = run
        given = rights if rights is not None else self._rights(name)
        self.double.token(TOKEN, **{right.replace("-", "_"): level for right, level in given.items()})
        attempt = 2 if again else 1
        self.ran[number] = self._act.run(name, event, payload, self._checkout(commit), number, attempt)
        run.conclusion = "success" if self.ran[number].succeeded else "failure"
        for path in sorted((self._artifacts / str(number)).glob("*.zip")):
            known = self.world.new_id()
            self.world.artifacts[known] = Artifact(
                known, path.stem, path.read_bytes(), number, self.double.clock.now()
            )
        return number, self.ran[number]

    def _rights(self, caller: str) -> dict[str, str]:
        """What the caller's job gives to all jobs that it calls."""
        text = (self._checkout(self.lab.head("main")) / ".github/workflows" / caller).read_text()
        ((_, job),) = YAML(typ="safe", pure=True).load(text)["jobs"].items()
        return dict(job["permissions"])

    def _checkout(self, commit: str) -> Path:
        """Where act finds the caller's file, and what the commit and the repository are."""
        place = self.folder / f"at-{commit}"
        if not place.exists():
            self.lab.git("clone", "-q", "--no-checkout", ".", str(place))
            self.lab.git("-C", str(place), "checkout", "-q", "--detach", commit)
            url = f"https://github.com/{self.world.full_name}"
            self.lab.git("-C", str(place), "remote", "set-url", "origin", url)
        return place

    # What is to be seen

    def comments(self, kind: str) -> list[Comment]:
        """Our own of a kind (plan, live, final, reply), oldest first."""
        said = sorted(self.world.comments.values(), key=lambda one: one.id)
        return [one for one in said if one.author.is_bot and one.body.startswith(f"<!-- runner:{kind} ")]

    def shown(self, *kinds: str) -> str:
        """Comments of these kinds, and all statuses, without what differs from run to run."""
        parts = [self._comment(one) for kind in kinds for one in self.comments(kind)]
        for commit, statuses in self.world.statuses.items():
            newest = {one.context: one for one in sorted(statuses, key=lambda one: one.id)}
            lines = [f"{c}: {s.state}: {s.description}" for c, s in sorted(newest.items())]
            parts.append("\n".join([f"=== statuses of {self.name_of(commit)}", *lines]))
        return settled("\n".join(parts), self) + "\n"

    def _comment(self, comment: Comment) -> str:
        hidden = f", minimized as {comment.minimized}" if comment.minimized else ""
        return f"=== comment on #{comment.pull}{hidden}\n{comment.body}\n"

    def name_of(self, commit: str) -> str:
        return self._names.get(commit, "a commit on main")


_TIMES = (
    (re.compile(r"-\d{8}T\d{6}-[a-z0-9]{6}\b"), "-<run>"),
    (re.compile(r'"generation":\d+'), '"generation":0'),
    (re.compile(r'"claim":"[^"]*"'), '"claim":""'),
    (re.compile(r"\| [0-9.]+ [kMG]B \|$", re.MULTILINE), "| MEMORY |"),
    (re.compile(r"\b\d+(\.\d+)?(ms|s|m|h)( ?\d+(\.\d+)?(ms|s|m|h))*\b"), "TIME"),
    (re.compile(r"TIME at work, TIME in all"), "TIME"),  # a slow machine's retry comes minutes later
    (re.compile(r'"subject":"\d{4,}"'), '"subject":"a comment"'),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?"), "HH:MM"),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "YYYY-MM-DD"),
)


def settled(text: str, scene: Scene) -> str:
    """Without times, ids of commits (they depend on what `init` writes) and numbers of workflow runs."""
    for commit in scene.world.commits:
        name = scene.name_of(commit)
        text = text.replace(commit, f"<{name}>").replace(commit[:12], f"<{name}>")
    for pattern, instead in _TIMES:
        text = pattern.sub(instead, text)
    for position, number in enumerate(sorted(scene.world.runs), start=1):
        text = text.replace(f"/runs/{number}", f"/runs/<{position}>")
    return text.replace(scene.double.api, "<api>")
