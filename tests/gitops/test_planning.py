"""`runner github plan`: from the checkout of a pull request to annotations, summary and plan.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner import __version__
from runner.config import Config
from runner.errors import RunnerError, UsageError
from runner.gitops.merge.planned import AtCommit, plan_file
from runner.gitops.payload import DispatchEvent, Happened, MergeGroupEvent, ScheduleEvent
from runner.gitops.plan import receiving
from runner.gitops.plan.artifact import NAME, Bundle, PlannedFile
from runner.gitops.plan.planning import plan
from runner.gitops.plan.receiving import from_bytes
from runner.gitops.plan.revisions import parents, revisions_of
from runner.model import Git
from runner.plan.digest import digest_of
from runner.problems import Severity
from tests.github_markdown import assert_harmless
from tests.gitops.pull_requests import HELLO, Checkout, pull_request, put, shallow
from tests.measuring import at_most
from tests.project import Project
from tests.repositories import QUIET, commit_all, git
from tests.snapshots import assert_snapshot

Files = Mapping[str, str | None]
BROKEN = """\
queue_id: broken
jobs:
  - {job_id: a, command: echo, depends_on: [b]}
  - {job_id: A!, command: echo}
"""


def planned(made: Checkout, tmp_path: Path, happened: Happened | None = None) -> tuple[int, Bundle]:
    code = plan(made.context(), happened or made.event, tmp_path / "out")
    return code, from_bytes((tmp_path / "out" / NAME).read_bytes())


def file_of(found: Bundle, source: str = "queues/hello.yaml") -> PlannedFile:
    return next(file for file in found.queues if file.source == source)


def messages(found: Bundle) -> list[str]:
    return [problem.message for file in found.queues for problem in file.problems]


def shown(made: Checkout) -> str:
    """The summary, with the commit that changes from run to run under a name."""
    text = made.told()
    text = re.sub("sha256:[0-9a-f]{64}", "sha256:DIGEST", text)  # a new version of the program has another
    return text.replace(made.head, "0" * 40).replace(made.head[:12], "0" * 12)


def harmless(made: Checkout) -> None:
    assert_harmless(made.told(), links="https://github.com/octo/lab/blob/")


class TestPlans:
    def test_a_new_queue(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO, "README.md": "Another lab\n"})
        code, found = planned(made, tmp_path)
        assert code == 0
        assert (found.sha, found.base, found.runner_version) == (made.head, made.base, __version__)
        assert [file.source for file in found.queues] == ["queues/hello.yaml"]
        assert capsys.readouterr().out == "1 file checked: no problems\n"
        harmless(made)
        assert_snapshot("planning/new.md", shown(made))

    def test_a_changed_one_against_the_base(self, tmp_path: Path) -> None:
        changed = HELLO.replace("echo hello", "echo hi").replace("timeout: 10m", "timeout: 20m")
        made = pull_request(tmp_path, {"queues/hello.yaml": changed}, {"queues/hello.yaml": HELLO})
        assert planned(made, tmp_path)[0] == 0
        assert_snapshot("planning/changed.md", shown(made))

    def test_a_broken_one(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        made = pull_request(tmp_path, {"queues/broken.yaml": BROKEN, "queues/hello.yaml": HELLO})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert [file.broken for file in found.queues] == [True, False]
        said = capsys.readouterr().out
        assert "::error file=queues/broken.yaml,line=3,col=45,title=unknown-dependency::" in said
        assert "2 errors in 2 files" in said
        assert_snapshot("planning/broken.md", shown(made))

    def test_nothing_that_is_a_queue(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"README.md": "x\n", "other/q.yaml": HELLO})
        code, found = planned(made, tmp_path)
        assert (code, found.queues, found.removed) == (0, (), ())
        assert "Nothing to run" in made.told()

    def test_a_removed_one_and_a_renamed_one(self, tmp_path: Path) -> None:
        other = HELLO.replace("queue_id: hello", "queue_id: other")
        made = pull_request(
            tmp_path,
            {"queues/hello.yaml": None, "queues/moved.yaml": HELLO, "queues/gone.yaml": None},
            {"queues/hello.yaml": HELLO, "queues/gone.yaml": other},
        )
        code, found = planned(made, tmp_path)
        assert code == 0
        assert [file.source for file in found.queues] == ["queues/moved.yaml"]
        assert found.removed == ("queues/gone.yaml", "queues/hello.yaml")

    def test_a_template_that_changed_plans_its_queues(self, tmp_path: Path) -> None:
        base = {"templates/queues/t.yaml": HELLO, "queues/t.yaml": "template: t\nqueue_id: mine\n"}
        made = pull_request(tmp_path, {"templates/queues/t.yaml": HELLO.replace("bye", "ciao")}, base)
        code, found = planned(made, tmp_path)
        assert code == 0
        file = file_of(found, "queues/t.yaml")
        assert file.plan is not None
        assert [job.command for job in file.plan.queue.jobs] == ["echo hello", "echo ciao"]

    def test_the_same_push_is_the_same_file(self, tmp_path: Path) -> None:
        made = pull_request(
            tmp_path, {"queues/hello.yaml": HELLO.replace("echo hello", "echo ${{ now | q }}")}
        )
        planned(made, tmp_path)
        first = (tmp_path / "out" / NAME).read_bytes()
        planned(made, tmp_path)
        assert (tmp_path / "out" / NAME).read_bytes() == first


class TestSymbolic:
    TEXT = HELLO.replace(
        "echo hello", "build ${{ git.sha | q }} ${{ git.branch | q }} ${{ git.pr | q }} ${{ now | q }}"
    )

    def test_what_the_merge_will_know_stands_as_written(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": self.TEXT})
        file = file_of(planned(made, tmp_path)[1])
        assert file.plan is not None
        assert file.plan.queue.jobs[0].command == self.TEXT.partition("command: ")[2].partition("\n")[0]
        assert made.merge not in (tmp_path / "out" / NAME).read_text()
        assert digest_of(file.plan.queue, runner_version=__version__) == file.plan.digest
        assert self.TEXT.partition("command: ")[2].partition("\n")[0] in made.told()

    def test_the_merge_has_the_digest_of_the_review(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": self.TEXT})
        file = file_of(planned(made, tmp_path)[1])
        merged = AtCommit(
            checkout=made.folder,
            git=Git(sha="5" * 40, branch="main", pr="7", actor="bob"),
            at=1_900_000_000.0,
            config=Config(),
        )
        then = plan_file("queues/hello.yaml", merged)
        assert then.plan is not None
        assert file.plan is not None
        assert then.plan.digest == file.plan.digest
        assert then.plan.queue.jobs[0].command != file.plan.queue.jobs[0].command

    def test_a_number_that_only_the_launch_knows_is_a_problem_at_its_place(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = HELLO.replace("timeout: 10m", "timeout: ${{ 60 if git.branch == 'main' else 600 }}")
        made = pull_request(tmp_path, {"queues/hello.yaml": text})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert file_of(found).plan is None
        assert messages(found) == [
            "this value would be known only at launch, so nobody could agree to it before"
        ]
        assert "::error file=queues/hello.yaml,line=2,col=10,title=known-late::" in capsys.readouterr().out

    def test_also_below_a_template(self, tmp_path: Path) -> None:
        template = HELLO.replace("timeout: 10m", "timeout: ${{ 60 if git.branch == 'main' else 600 }}")
        change = {"templates/queues/t.yaml": template, "queues/hello.yaml": "template: t\n"}
        made = pull_request(tmp_path, change)
        (problem,) = file_of(planned(made, tmp_path)[1]).problems
        assert str(problem.location) == "templates/queues/t.yaml:2:10"


class TestConfiguration:
    LIMITED = "policy: {providers: [local]}\n"

    def test_policy_is_that_of_the_base(self, tmp_path: Path) -> None:
        """Whoever changes the policy and breaks it in one request gets the one that is in force."""
        change = {
            ".github/runner.yaml": "policy: {providers: [local, ec2]}\n",
            "queues/hello.yaml": HELLO + "machine: {provider: ec2, type: m7i.large, region: us-east-1}\n",
        }
        made = pull_request(tmp_path, change, {".github/runner.yaml": self.LIMITED})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert any("ec2" in message and "polic" in message for message in messages(found)), messages(found)

    def test_so_is_the_machine_of_queues_that_say_nothing(self, tmp_path: Path) -> None:
        change = {
            ".github/runner.yaml": "machine: {provider: slurm}\n",
            "queues/hello.yaml": HELLO,
        }
        made = pull_request(tmp_path, change, {".github/runner.yaml": "machine: {provider: local}\n"})
        file = file_of(planned(made, tmp_path)[1])
        assert file.plan is not None
        assert file.plan.queue.machine.provider == "local"

    def test_a_broken_change_of_it_is_told(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {".github/runner.yaml": "polcy: {}\n"})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert [file.source for file in found.queues] == [".github/runner.yaml"]

    def test_a_request_that_mends_it_is_in_order(self, tmp_path: Path) -> None:
        change = {".github/runner.yaml": self.LIMITED, "queues/hello.yaml": HELLO}
        made = pull_request(tmp_path, change, {".github/runner.yaml": "polcy: {}\n"})
        assert planned(made, tmp_path)[0] == 0

    def test_one_that_leaves_it_broken_is_not(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO}, {".github/runner.yaml": "polcy: {}\n"})
        assert planned(made, tmp_path)[0] == 1

    def test_patterns_of_the_base_say_what_a_queue_file_is(self, tmp_path: Path) -> None:
        config = {".github/runner.yaml": "queues: ['jobs/*.yml']\n"}
        made = pull_request(tmp_path, {"jobs/a.yml": HELLO, "queues/hello.yaml": HELLO}, config)
        assert [file.source for file in planned(made, tmp_path)[1].queues] == ["jobs/a.yml"]


class TestMachine:
    TEXT = HELLO + "machine: {provider: ec2, type: m7i.large}\n"
    ACCOUNT = "aws: {region: eu-north-1, bucket: runs, instance_profile: runner}\n"

    def test_one_that_can_be_launched(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": self.TEXT}, {".github/runner.yaml": self.ACCOUNT})
        assert planned(made, tmp_path)[0] == 0

    def test_without_an_account_on_the_base_branch(self, tmp_path: Path) -> None:
        change = {"queues/hello.yaml": self.TEXT, ".github/runner.yaml": self.ACCOUNT}
        code, found = planned(pull_request(tmp_path, change), tmp_path)
        assert code == 1
        (told,) = file_of(found).problems
        assert (told.severity, told.rule) == (Severity.ERROR, "no-account")
        assert told.hint.endswith("; it counts once it is on the base branch")
        assert told.location is not None
        assert self.TEXT.splitlines()[told.location.line - 1][told.location.column - 1 :].startswith("ec2")

    def test_it_has_no_files_of_lfs(self, tmp_path: Path) -> None:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
        change = {"queues/hello.yaml": self.TEXT, "data/model.bin": pointer}
        code, found = planned(pull_request(tmp_path, change, {".github/runner.yaml": self.ACCOUNT}), tmp_path)
        assert code == 0
        (told,) = file_of(found).problems
        assert (told.rule, told.severity) == ("not-in-commit", Severity.WARNING)
        assert told.message.startswith("data/model.bin in Git LFS: a machine gets the pointers")

    def test_a_secret_of_aws_needs_one(self, tmp_path: Path) -> None:
        text = HELLO.replace("command: echo hello", "command: echo hello\n    secrets: {T: 'ssm:/t'}")
        code, found = planned(pull_request(tmp_path, {"queues/hello.yaml": text}), tmp_path)
        assert code == 0
        (told,) = file_of(found).problems
        assert (told.severity, told.rule) == (Severity.WARNING, "secret-not-given")
        assert told.hint == "give the queue a machine of its own: `machine: {provider: ec2}`"


class TestEnvironment:
    def test_nothing_of_ours_is_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAB_TOKEN", "hunter2-hunter2")
        config = {".github/runner.yaml": "policy: {environment: [LAB_TOKEN, UNSET_ONE]}\n"}
        text = HELLO.replace(
            "command: echo hello",
            "command: echo hello\n    environment: {T: '${LAB_TOKEN}', U: '${UNSET_ONE}'}",
        )
        made = pull_request(tmp_path, {"queues/hello.yaml": text}, config)
        made.environ["LAB_TOKEN"] = "hunter2-hunter2"
        code, found = planned(made, tmp_path)
        assert (code, messages(found)) == (0, [])
        file = file_of(found)
        assert file.plan is not None
        assert file.plan.queue.jobs[0].environment == {"T": "${LAB_TOKEN}", "U": "${UNSET_ONE}"}
        assert "hunter2" not in (tmp_path / "out" / NAME).read_text() + made.told()

    @pytest.mark.parametrize("field", ["environment: {T: '${LAB_TOKEN}'}", "secrets: {T: 'env:LAB_TOKEN'}"])
    def test_a_name_that_the_policy_does_not_list(self, tmp_path: Path, field: str) -> None:
        text = HELLO.replace("command: echo hello", f"command: echo hello\n    {field}")
        code, found = planned(pull_request(tmp_path, {"queues/hello.yaml": text}), tmp_path)
        assert code == 1
        assert messages(found)[:1] == [
            "job greet reads LAB_TOKEN from the environment, and policy.environment does not list it"
        ]

    def test_a_secret_that_no_workflow_sets_is_a_warning_at_its_place(self, tmp_path: Path) -> None:
        config = {".github/runner.yaml": "policy: {environment: [LAB_TOKEN]}\n"}
        text = HELLO.replace("command: echo hello", "command: echo hello\n    secrets: {T: 'env:LAB_TOKEN'}")
        code, found = planned(pull_request(tmp_path, {"queues/hello.yaml": text}, config), tmp_path)
        assert code == 0
        (told,) = file_of(found).problems
        assert (told.severity, told.rule) == (Severity.WARNING, "secret-not-given")
        assert told.message == (
            "the secret `T` comes from $LAB_TOKEN, which the workflows of this version do not set: on "
            "GitHub's own machines the run would not start"
        )
        assert told.location is not None
        assert text.splitlines()[told.location.line - 1][told.location.column - 1 :].startswith("'env:")


class TestParams:
    TEXT = "params: {n: {type: integer}, m: {type: integer, default: 2}}\n" + HELLO.replace(
        "echo hello", "seq ${{ params.n | q }} ${{ params.m | q }}"
    )

    def test_a_merge_has_nobody_to_give_one(self, tmp_path: Path) -> None:
        code, found = planned(pull_request(tmp_path, {"queues/hello.yaml": self.TEXT}), tmp_path)
        assert code == 1
        assert messages(found) == ["the parameter `n` has no value, and nobody is there to give one"]
        assert str(file_of(found).problems[0].location) == "queues/hello.yaml:1:10"

    def test_nor_has_the_clock(self, tmp_path: Path) -> None:
        text = self.TEXT + "run_on: schedule\nschedule: '0 3 * * *'\n"
        assert planned(pull_request(tmp_path, {"queues/hello.yaml": text}), tmp_path)[0] == 1

    def test_by_hand_it_is_a_warning(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": self.TEXT + "run_on: manual\n"})
        code, found = planned(made, tmp_path)
        file = file_of(found)
        assert (code, file.plan, file.params, file.broken) == (0, None, ("n",), False)
        harmless(made)
        assert_snapshot("planning/by-hand.md", shown(made))

    def test_but_not_where_something_else_is_wrong(self, tmp_path: Path) -> None:
        text = self.TEXT.replace("[greet]", "[great]") + "run_on: manual\n"
        made = pull_request(tmp_path, {"queues/hello.yaml": text})
        code, found = planned(made, tmp_path)
        assert (code, file_of(found).params) == (1, ())

    def test_by_hand_with_defaults_it_is_planned(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO + "run_on: manual\n"})
        code, found = planned(made, tmp_path)
        assert code == 0
        assert file_of(found).plan is not None
        assert "Merging runs nothing." in made.told()


class TestNamesakes:
    def test_two_in_one_request(self, tmp_path: Path) -> None:
        made = pull_request(
            tmp_path,
            {
                "queues/a.yaml": HELLO,
                "queues/b.json": '{"queue_id": "hello", "jobs": [{"job_id": "a", "command": "x"}]}',
            },
        )
        code, found = planned(made, tmp_path)
        assert code == 1
        assert messages(found) == [
            "queues/b.json has the `queue_id` hello, too",
            "queues/a.yaml has the `queue_id` hello, too",
        ]

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("queues/other.yaml", HELLO),
            ("queues/deep/hello.yml", HELLO.replace("queue_id: hello\n", "")),
            ("queues/other.yaml", '"queue_id": "hel\\u006co"\ntemplate: simple-sequential\n'),
        ],
        ids=["written", "by its name", "escaped"],
    )
    def test_with_one_that_is_there(self, tmp_path: Path, name: str, text: str) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO}, {name: text})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert messages(found) == [f"{name} has the `queue_id` hello, too"]

    def test_others_are_none_of_our_business(self, tmp_path: Path) -> None:
        others = {
            "queues/broken.yaml": "queue_id: [hello\n",
            "queues/other.yaml": HELLO.replace("queue_id: hello", "queue_id: other"),
            "elsewhere/hello.yaml": HELLO,
        }
        assert planned(pull_request(tmp_path, {"queues/hello.yaml": HELLO}, others), tmp_path)[0] == 0


class TestOddFiles:
    def test_a_link_is_no_queue(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        (made.folder / "queues" / "link.yaml").symlink_to("/etc/passwd")
        git(made.folder, "switch", "-q", "topic")
        made = replace(made, head=commit_all(made.folder))
        code, found = planned(made, tmp_path)
        assert code == 1
        assert any("link" in message for message in messages(found))
        assert "root:" not in made.told()

    @pytest.mark.parametrize("name", ["queues/a\nb.yaml", "queues/\u202elmay.yaml", "queues/a\\b.yaml"])
    def test_a_name_that_cannot_be_shown(
        self, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        made = pull_request(tmp_path, {name: HELLO, "queues/good.yaml": HELLO})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert "queues/good.yaml" in [file.source for file in found.queues]
        harmless(made)
        assert all(line.count("::") in {0, 2} for line in capsys.readouterr().out.splitlines())

    def test_hostile_texts_stay_texts(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        evil = "@octocat <img src=x> ::error::x %0A::stop-commands::x"
        text = f"queue_name: '{evil}'\njobs:\n  - {{job_id: a, command: x, depends_on: ['{evil}']}}\n"
        made = pull_request(tmp_path, {"queues/@octocat <b>.yaml": text, "queues/::error::.yaml": HELLO})
        assert planned(made, tmp_path)[0] == 1
        harmless(made)
        for line in capsys.readouterr().out.splitlines():
            assert not line.startswith("::") or line.startswith("::error file=queues/@octocat <b>.yaml,"), (
                line
            )

    def test_many_problems_are_cut_for_the_log(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        jobs = "".join(f"  - {{job_id: j{n}, command: x, depends_on: [x{n}]}}\n" for n in range(30))
        planned(pull_request(tmp_path, {"queues/a.yaml": f"jobs:\n{jobs}"}), tmp_path)
        said = capsys.readouterr().out
        assert said.count("\n::error") + said.startswith("::error") == 10
        assert "30 errors in 1 file" in said

    def test_more_files_than_are_planned(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {f"queues/q{n}.yaml": "[" for n in range(310)})
        code, found = planned(made, tmp_path)
        assert code == 1
        assert "13 more queue files changed: too many for one pull request" in messages(found)


class TestRevisions:
    def test_the_first_parent_of_the_merge_is_the_base(self, tmp_path: Path) -> None:
        """The event's base is older where the branch went on since."""
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        stale = replace(made.event, base_commit="0" * 40)
        assert revisions_of(made.context(), stale).base == made.base

    def test_a_shallow_clone_of_two_is_enough(self, tmp_path: Path) -> None:
        made = pull_request(
            tmp_path, {"queues/hello.yaml": HELLO}, {"queues/hello.yaml": HELLO + "timeout: 5m\n"}
        )
        code, found = planned(shallow(made, tmp_path, 2), tmp_path)
        assert (code, found.base) == (0, made.base)

    def test_a_shallower_one_is_told_what_to_do(self, tmp_path: Path) -> None:
        made = shallow(pull_request(tmp_path, {"queues/hello.yaml": HELLO}), tmp_path, 1)
        assert parents(made.folder, made.merge) == []
        with pytest.raises(RunnerError) as caught:
            planned(made, tmp_path)
        assert "fetch-depth: 2" in caught.value.hint

    def test_the_head_itself_is_compared_with_where_it_began(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        git(made.folder, "switch", "-q", "main")
        put(made.folder, {"queues/later.yaml": HELLO})
        later = commit_all(made.folder)
        git(made.folder, "switch", "-q", "topic")
        code = plan(made.context(), replace(made.event, base_commit=later), tmp_path / "out")
        found = from_bytes((tmp_path / "out" / NAME).read_bytes())
        assert (code, found.base) == (0, made.base)
        assert [file.source for file in found.queues] == ["queues/hello.yaml"]

    def test_a_head_that_is_a_merge_is_not_taken_for_githubs(self, tmp_path: Path) -> None:
        """Somebody merged another branch into the topic: its first parent is the topic's own past."""
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        git(made.folder, "switch", "-qc", "side", "main")
        put(made.folder, {"side.txt": "x"})
        commit_all(made.folder)
        git(made.folder, "switch", "-q", "topic")
        git(made.folder, "merge", "-q", "--no-ff", "-m", "Merge", "side")
        head = git(made.folder, "rev-parse", "HEAD")
        assert revisions_of(made.context(), replace(made.event, head_commit=head)).base == made.base

    def test_the_merge_of_another_push_is_refused(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        with pytest.raises(RunnerError, match="which is not the merge of"):
            planned(made, tmp_path, replace(made.event, head_commit="5" * 40))
        assert not (tmp_path / "out").exists()

    def test_a_base_that_is_not_there(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        git(made.folder, "switch", "-q", "topic")
        with pytest.raises(RunnerError, match="not in this clone"):
            planned(made, tmp_path, replace(made.event, base_commit="5" * 40))

    def test_a_merge_group(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        group = MergeGroupEvent(base_commit=made.base, head_commit=made.merge, base_branch="main")
        code, found = planned(made, tmp_path, group)
        assert (code, found.sha, found.base) == (0, made.merge, made.base)
        assert [file.source for file in found.queues] == ["queues/hello.yaml"]
        for wrong in (replace(group, head_commit=made.head), replace(group, base_commit="5" * 40)):
            with pytest.raises(RunnerError):
                planned(made, tmp_path, wrong)

    def test_by_hand_every_queue_is_looked_at(self, tmp_path: Path) -> None:
        other = HELLO.replace("queue_id: hello", "queue_id: other")
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO}, {"queues/other.yaml": other})
        code, found = planned(made, tmp_path, DispatchEvent(inputs={}))
        assert (code, found.sha) == (0, made.merge)
        assert [file.source for file in found.queues] == ["queues/hello.yaml", "queues/other.yaml"]

    def test_other_events_are_none_of_ours(self, tmp_path: Path) -> None:
        made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
        with pytest.raises(UsageError, match="nothing to plan"):
            planned(made, tmp_path, ScheduleEvent(cron="* * * * *"))


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
    (tmp_path / "file").write_text("")
    with pytest.raises(RunnerError, match="cannot write"):
        plan(made.context(), made.event, tmp_path / "file" / "out")


@pytest.mark.slow
def test_a_queue_of_ten_thousand_jobs_is_handed_on(tmp_path: Path) -> None:
    jobs = "".join(
        f'{{"job_id":"j{n}","command":"process --chunk {n} --of 10000 --into out/results/of/a/usual"}},'
        for n in range(10_000)
    )
    made = pull_request(tmp_path, {"queues/big.json": f'{{"jobs":[{jobs[:-1]}]}}'})
    code, found = planned(made, tmp_path)
    file = file_of(found, "queues/big.json")
    assert code == 0
    assert file.plan is not None
    assert len(file.plan.queue.jobs) == 10_000
    assert len((tmp_path / "out" / NAME).read_bytes()) <= receiving.LIMIT


def test_a_hundred_jobs_take_little_of_the_programs_own_time(tmp_path: Path) -> None:
    jobs = "".join(
        f"  - {{job_id: j{n}, command: 'echo ${{{{ git.sha | q }}}} {n}', timeout: 5m}}\n" for n in range(100)
    )
    made = pull_request(tmp_path, {"queues/big.yaml": f"jobs:\n{jobs}"})
    with at_most(yards=40):
        assert planned(made, tmp_path)[0] == 0


def test_as_the_workflow_calls_it(tmp_path: Path) -> None:
    """The real command, with the payload as GitHub writes it."""
    made = pull_request(tmp_path, {"queues/hello.yaml": HELLO})
    sides = {
        "head": {"sha": made.head, "ref": "topic", "repo": {"id": 4711}},
        "base": {"sha": made.base, "ref": "main", "repo": {"id": 4711}},
    }
    event = {"action": "opened", "number": 7, "pull_request": sides}
    (tmp_path / "event.json").write_text(json.dumps(event))
    project = Project(made.folder, env=QUIET)
    done = project.run(
        "github", "plan", "--output", str(tmp_path / "out"),
        GITHUB_EVENT_NAME="pull_request",
        GITHUB_EVENT_PATH=str(tmp_path / "event.json"),
        GITHUB_REPOSITORY="octo/lab",
        GITHUB_SHA=made.merge,
        GITHUB_STEP_SUMMARY=str(made.summary),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1 file checked: no problems\n"), done.stderr
    assert from_bytes((tmp_path / "out" / NAME).read_bytes()).sha == made.head
    assert "Ready to run" in made.told()
