"""`runner init`: what it writes, what it leaves alone, and what it refuses, in real git repositories."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner import __version__, config
from runner.document import parse
from runner.errors import RefusedError, UsageError
from runner.gitops.commands.parse import USAGE, usage
from runner.setup import git as asking
from runner.setup import initialise, lines, marks, source
from runner.setup.compare import Deed
from runner.setup.wanted import CLOUD, QUEUE, WORKFLOWS, caller
from tests.project import ROOT, Project
from tests.repositories import QUIET, commit_all, files, git, repository
from tests.snapshots import assert_snapshot
from tests.waiting import PATIENCE

COMMIT = "a1b2c3d4" * 5
SOURCE = f"acme/runner@{COMMIT}"
MERGE = caller("merge")
ALL = {*(caller(name) for name in WORKFLOWS), config.PLACE, QUEUE, ".github/CODEOWNERS", ".gitignore"}


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    return repository(tmp_path / "lab")


def init(root: Path, *, branch: str = "main", **options: Any) -> dict[str, Deed]:
    """The deeds of one `init`, carried out."""
    request = initialise.Request(root=root, source=source.parse(SOURCE), branch=branch, **options)
    found = initialise.steps(request)
    initialise.carry_out(root, found)
    return {step.path: step.deed for step in found}


def project(root: Path) -> Project:
    return Project(root, env=dict(QUIET))


def tree(text: str) -> Any:
    parsed = parse(text.encode(), "file.yaml")
    assert not isinstance(parsed, list), parsed
    return parsed.tree


class TestFiles:
    def test_what_it_writes(self, lab: Path) -> None:
        assert init(lab) == dict.fromkeys(ALL, Deed.WRITE)
        assert set(files(lab)) == ALL
        for path in [*map(caller, WORKFLOWS), config.PLACE]:
            mark, _, rest = (lab / path).read_text().partition("\n")
            assert mark.startswith(f"# Written by `runner init` {__version__}; sha256")
            assert_snapshot(f"init/{path}", rest)

    def test_the_example_is_the_programs_own_with_a_schema_that_editors_reach(self, lab: Path) -> None:
        init(lab)
        _, schema, *rest = (lab / QUEUE).read_text().splitlines()
        assert schema == (
            f"# yaml-language-server: $schema=https://raw.githubusercontent.com/acme/runner/{COMMIT}"
            "/schemas/queue.schema.json"
        )
        assert rest == (ROOT / QUEUE).read_text().splitlines()[1:]

    def test_no_example_beside_queues_of_ones_own(self, lab: Path) -> None:
        (lab / "queues").mkdir()
        (lab / "queues" / "mine.yaml").write_text("jobs: [{job_id: a, command: 'true'}]\n")
        assert QUEUE not in init(lab)

    def test_the_workflow_for_machines_is_written_where_there_is_a_role_for_it(self, lab: Path) -> None:
        path = lab / caller(CLOUD)
        assert caller(CLOUD) not in init(lab)
        (lab / config.PLACE).write_text("aws: {region: us-east-1, bucket: my-runs}\n")
        assert caller(CLOUD) not in init(lab)
        (lab / config.PLACE).write_text("aws: {role: 'arn:aws:iam::123456789012:role/runner'}\n")
        assert init(lab)[caller(CLOUD)] is Deed.WRITE
        assert_snapshot(f"init/{caller(CLOUD)}", path.read_text().partition("\n")[2])
        (lab / config.PLACE).write_text("{}\n")
        assert init(lab)[caller(CLOUD)] is Deed.KEEP  # it is there: it stays as new as the others

    def test_or_where_somebody_asks_for_it(self, lab: Path) -> None:
        assert init(lab, cloud=True)[caller(CLOUD)] is Deed.WRITE
        assert initialise.source_before(lab) == source.parse(SOURCE)

    @pytest.mark.parametrize("workflow", [*WORKFLOWS, CLOUD])
    def test_a_caller_has_the_name_and_events_of_what_it_calls_and_grants_what_that_asks_for(
        self, lab: Path, workflow: str
    ) -> None:
        init(lab, cloud=True)
        ours = tree((lab / caller(workflow)).read_text())
        called = tree((ROOT / f".github/workflows/{workflow}.yaml").read_text())
        assert ours["name"] == called["name"]
        assert ours["on"] == {event: how for event, how in called["on"].items() if event != "workflow_call"}
        assert ours["permissions"] == {}
        (job,) = ours["jobs"].values()
        assert job["uses"] == f"acme/runner/.github/workflows/{workflow}.yaml@{COMMIT}"
        assert job["permissions"] == _asked_for(called)

    @pytest.mark.parametrize(
        "branch", ["trunk", "release/1.x", "a+b", "it's#1", "yes", "true", "null", "1.0"]
    )
    def test_the_branch_stays_itself_in_the_workflow(self, lab: Path, branch: str) -> None:
        init(lab, branch=branch)
        (written,) = tree((lab / MERGE).read_text())["on"]["push"]["branches"]
        assert written.replace("\\+", "+") == branch


def _asked_for(workflow: Any) -> dict[str, str]:
    """The most that any of its jobs asks for."""
    levels = ("none", "read", "write")
    found: dict[str, str] = {}
    for job in workflow["jobs"].values():
        for name, level in job["permissions"].items():
            found[name] = max(found.get(name, "none"), level, key=levels.index)
    return found


class TestSettings:
    def test_they_change_nothing(self, lab: Path) -> None:
        init(lab)
        assert config.read(lab) == (config.Config(), [])

    def test_every_setting_is_there(self) -> None:
        schema = json.loads((ROOT / "schemas/config.schema.json").read_text())
        there = tree(_uncommented())
        for name, about in schema["properties"].items():
            if name == "$schema":
                continue
            inner = schema["$defs"]["machine"] if name == "machine" else about
            assert name in there
            assert set(inner.get("properties", {})) <= set(there[name]) or "properties" not in inner

    def test_uncommented_they_are_valid_and_the_defaults_are_the_defaults(self) -> None:
        found, problems = config.parse(_uncommented().encode(), config.PLACE)
        assert problems == []
        assert (found.gitops, found.queues) == (config.GitOps(), config.QUEUES)
        assert not found.policy.require_user


def _uncommented() -> str:
    text = (ROOT / "templates/init/runner.yaml").read_text()
    return re.sub(
        r"^#(?=[a-z ]*[a-z_]+:|  [a-z])(?! )", "", re.sub(r"^#  ", "#\t", text, flags=re.M), flags=re.M
    ).replace("#\t", "  ")


class TestAgain:
    def test_nothing_changes(self, lab: Path) -> None:
        init(lab)
        before = files(lab)
        assert set(init(lab).values()) == {Deed.KEEP}
        assert files(lab) == before

    def test_after_an_interruption_it_goes_on(self, lab: Path) -> None:
        init(lab)
        before = files(lab)
        (lab / MERGE).unlink()
        (lab / ".gitignore").unlink()
        assert {path for path, deed in init(lab).items() if deed is Deed.WRITE} == {MERGE, ".gitignore"}
        assert files(lab) == before

    def test_what_an_older_version_wrote_is_brought_up_to_date(self, lab: Path) -> None:
        init(lab)
        wanted = (lab / MERGE).read_text()
        for path in (MERGE, config.PLACE):
            (lab / path).write_text(marks.marked("name: runner merge\n", "0.0.1"))
        deeds = init(lab)
        assert (deeds[MERGE], deeds[config.PLACE]) == (Deed.UPDATE, Deed.UPDATE)
        assert (lab / MERGE).read_text() == wanted

    def test_a_workflow_that_somebody_changed_is_left_unless_forced(self, lab: Path) -> None:
        init(lab)
        wanted = (lab / MERGE).read_text()
        changed = wanted.replace("[main]", "[main, next]")
        (lab / MERGE).write_text(changed)
        assert init(lab)[MERGE] is Deed.LEAVE
        assert (lab / MERGE).read_text() == changed
        assert init(lab, force=True)[MERGE] is Deed.REPLACE
        assert (lab / MERGE).read_text() == wanted

    def test_a_workflow_of_the_same_name_that_was_there_before(self, lab: Path) -> None:
        (lab / MERGE).parent.mkdir(parents=True)
        (lab / MERGE).write_text("name: mine\non: push\n")
        assert init(lab)[MERGE] is Deed.LEAVE
        assert (lab / MERGE).read_text() == "name: mine\non: push\n"

    def test_a_false_mark_protects_nothing_and_loses_nothing(self, lab: Path) -> None:
        """Who copies our first line above work of their own keeps the work."""
        init(lab)
        first = (lab / MERGE).read_text().partition("\n")[0]
        (lab / MERGE).write_text(f"{first}\nname: mine\n")
        assert init(lab)[MERGE] is Deed.LEAVE

    def test_settings_and_queues_are_theirs_even_if_forced(self, lab: Path) -> None:
        init(lab)
        for path in (config.PLACE, QUEUE):
            (lab / path).write_text(f"# mine\n{(lab / path).read_text()}")
        before = files(lab)
        deeds = init(lab, force=True)
        assert (deeds[config.PLACE], deeds[QUEUE]) == (Deed.YOURS, Deed.YOURS)
        assert files(lab) == before

    def test_line_ends_of_another_system_are_no_change_and_stay(self, lab: Path) -> None:
        init(lab)
        for path in ALL:
            (lab / path).write_bytes((lab / path).read_bytes().replace(b"\n", b"\r\n"))
        before = files(lab)
        assert set(init(lab).values()) == {Deed.KEEP}
        assert files(lab) == before
        (lab / MERGE).write_bytes(marks.marked("old\n", "0.0.1").replace("\n", "\r\n").encode())
        (lab / ".gitignore").write_bytes(b"build/\r\n")
        assert init(lab)[MERGE] is Deed.UPDATE
        assert (lab / MERGE).read_bytes() == before[MERGE]
        assert (lab / ".gitignore").read_bytes() == b"build/\r\n.runner/\r\n"

    def test_permissions_of_a_file_stay(self, lab: Path) -> None:
        (lab / ".gitignore").write_text("build/")
        (lab / ".gitignore").chmod(0o640)
        assert init(lab)[".gitignore"] is Deed.ADD
        assert (lab / ".gitignore").read_text() == "build/\n.runner/\n"
        assert (lab / ".gitignore").stat().st_mode & 0o777 == 0o640


class TestLines:
    @pytest.mark.parametrize(
        ("text", "ignored"),
        [
            ("", False),
            ("# .runner/\n", False),
            (".runner\n", True),
            ("a\n/.runner/\nb\n", True),
            ("**/.runner/**\r\n", True),
            (".runner/\n!.runner/\n", False),
            (".runner.yaml\n", False),
        ],
    )
    def test_whether_runs_are_ignored(self, text: str, ignored: bool) -> None:
        assert lines.is_ignored(text) is ignored
        assert lines.is_ignored(lines.with_ignored(text))

    @pytest.mark.parametrize(
        ("text", "unowned"),
        [
            ("", ["/.github/", "/templates/"]),
            ("* @ann\n", []),
            ("*.py @ann\n", ["/.github/", "/templates/"]),
            ("/.github/ @ann # why\ntemplates/** @o/t\n", []),
            ("/.github/* @ann\n", ["/.github/", "/templates/"]),
            ("* @ann\n/templates/\n", ["/templates/"]),
            ("#/.github/ @ann\n", ["/.github/", "/templates/"]),
            ("/.github/workflows/ @ann\ntemplates @ann\n", ["/.github/"]),
        ],
    )
    def test_what_nobody_owns(self, text: str, unowned: list[str]) -> None:
        assert lines.unowned(text) == unowned
        assert lines.unowned(lines.with_owners(text, "@o/t")) == []

    def test_a_rule_that_is_there_stays_and_none_is_added(self) -> None:
        assert lines.with_owners("* @ann\n", "@o/t") == "* @ann\n"

    def test_an_owner_beside_another_is_not_passed_over_in_silence(self, lab: Path) -> None:
        init(lab, owner="@o/first")
        request = initialise.Request(root=lab, source=source.parse(SOURCE), branch="main", owner="@o/second")
        (step,) = [one for one in initialise.steps(request) if one.path.endswith("CODEOWNERS")]
        assert step.deed is Deed.KEEP
        assert "@o/second is not written" in step.note

    def test_without_an_owner_comments_wait_for_one(self) -> None:
        waiting = lines.with_owners("*.py @ann\n", "")
        assert waiting.splitlines()[-2:] == ["#/.github/ @ORG/TEAM", "#/templates/ @ORG/TEAM"]
        assert lines.with_owners(waiting, "") == waiting
        found = lines.with_owners(waiting, "@o/t")
        assert found == f"*.py @ann\n{lines.HEADING}\n/.github/ @o/t\n/templates/ @o/t\n"

    def test_the_codeowners_that_counts_is_added_to(self, lab: Path) -> None:
        (lab / "docs").mkdir()
        (lab / "docs" / "CODEOWNERS").write_text("*.py @ann\n")
        assert init(lab, owner="@o/t")["docs/CODEOWNERS"] is Deed.ADD
        assert not (lab / ".github" / "CODEOWNERS").exists()

    @pytest.mark.parametrize("text", ["ann", "@", "@a b", "@a\n* @eve", "@a/b/c", "a@b", "@a #x"])
    def test_what_is_no_owner(self, text: str) -> None:
        assert not lines.is_owner(text)


class TestHostile:
    @pytest.mark.parametrize(
        "name", [".github", ".github/workflows", MERGE, ".gitignore", "queues", config.PLACE]
    )
    def test_nothing_is_written_through_a_symbolic_link(self, lab: Path, tmp_path: Path, name: str) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        link = lab / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(
            outside if "." not in Path(name).name[1:] and name != ".gitignore" else outside / "file"
        )
        with pytest.raises(RefusedError, match="symbolic link"):
            init(lab)
        assert files(outside) == {}
        assert files(lab) == {}

    @pytest.mark.parametrize("name", [".github", "queues"])
    def test_a_file_where_a_folder_belongs(self, lab: Path, name: str) -> None:
        (lab / name).write_text("mine")
        with pytest.raises(RefusedError, match="is not a folder"):
            init(lab)
        assert files(lab) == {name: b"mine"}

    def test_a_folder_where_a_file_belongs(self, lab: Path) -> None:
        (lab / MERGE).mkdir(parents=True)
        with pytest.raises(RefusedError, match="is not a plain file"):
            init(lab)

    def test_bytes_that_are_no_text(self, lab: Path) -> None:
        (lab / ".github/workflows").mkdir(parents=True)
        (lab / MERGE).write_bytes(b"\xff\xfe\x00name")
        (lab / ".gitignore").write_bytes(b"caf\xe9\n")
        assert init(lab)[MERGE] is Deed.LEAVE
        assert (lab / ".gitignore").read_bytes() == b"caf\xe9\n.runner/\n"


class TestSource:
    def test_a_commit(self) -> None:
        found = source.parse(SOURCE)
        assert (found.repository, found.commit, found.version) == ("acme/runner", COMMIT, "")

    @pytest.mark.parametrize(
        "text",
        ["", "acme/runner", "acme/runner@main", "acme/runner@a1b2", f"a/../b@{COMMIT}", f"a/b c@{COMMIT}",
         f"a/..@{COMMIT}", f"a/b@{COMMIT}\n", f"a/b@{COMMIT.upper()}"],
    )  # fmt: skip
    def test_what_can_be_moved_or_is_none(self, text: str) -> None:
        with pytest.raises(UsageError, match="is not a repository at a commit"):
            source.parse(text)

    @pytest.mark.parametrize(
        ("address", "name"),
        [
            ("https://github.com/acme/lab.git", "acme/lab"),
            ("https://token@github.com/acme/lab", "acme/lab"),
            ("git@github.com:acme/lab.js.git", "acme/lab.js"),
            ("ssh://git@github.com/acme/lab/", "acme/lab"),
            ("https://github.com.evil.example/acme/lab", ""),
            ("https://git.example/acme/lab.git", ""),
            ("/srv/git/lab.git", ""),
        ],
    )
    def test_the_repository_of_an_address(self, address: str, name: str) -> None:
        assert source.github_repository(address) == name

    @pytest.mark.parametrize(
        ("address", "elsewhere"),
        [
            ("", False),
            ("/srv/lab.git", False),
            ("file:///srv/lab.git", False),
            ("git@github.com:a/b", False),
            ("https://github.com/a/b", False),
            ("https://acme.ghe.com/a/b", False),
            ("git@git.example:a/b.git", True),
            ("https://git.example/a/b", True),
        ],
    )
    def test_whether_an_address_is_of_a_server_of_its_own(self, address: str, elsewhere: bool) -> None:
        assert source.is_elsewhere(address) is elsewhere

    def test_of_a_program_that_was_installed_from_git(self) -> None:
        record = {
            "url": "https://github.com/acme/runner.git",
            "vcs_info": {"vcs": "git", "commit_id": COMMIT},
        }
        found = source.from_record(json.dumps(record))
        assert (found.repository, found.commit, found.version) == ("acme/runner", COMMIT, __version__)

    def test_of_a_program_that_is_a_checkout(self, lab: Path) -> None:
        commit = commit_all(lab)
        record = json.dumps({"url": lab.as_uri(), "dir_info": {"editable": True}})
        with pytest.raises(UsageError, match="not known which commit"):
            source.from_record(record)
        git(lab, "remote", "add", "origin", "git@github.com:acme/runner.git")
        with pytest.raises(UsageError, match=f"at {commit[:12]}, which is not pushed"):
            source.from_record(record)
        git(lab, "update-ref", "refs/remotes/origin/main", commit)
        found = source.from_record(record)
        assert (found.repository, found.commit) == ("acme/runner", commit)

    @pytest.mark.parametrize(
        "record",
        [{}, {"url": "https://pypi.example/runner.whl", "archive_info": {}},
         {"url": "https://git.example/a/b", "vcs_info": {"commit_id": COMMIT}},
         {"url": "https://github.com/a/b", "vcs_info": {}}, {"url": "file:///nowhere"}],
    )  # fmt: skip
    def test_of_a_program_that_came_otherwise(self, record: dict[str, Any]) -> None:
        with pytest.raises(UsageError, match="not known which commit") as caught:
            source.from_record(json.dumps(record))
        assert "--source OWNER/REPO@SHA" in caught.value.hint
        assert "all 40 digits" in caught.value.hint

    def test_what_the_workflows_that_are_there_call(self, lab: Path) -> None:
        assert initialise.source_before(lab) is None
        init(lab)
        assert initialise.source_before(lab) == source.parse(SOURCE)
        text = (lab / MERGE).read_text()
        (lab / MERGE).write_text(text.replace(COMMIT, f"{COMMIT} # 1.2.3"))
        assert initialise.source_before(lab) is None  # two of them
        (lab / MERGE).write_text(text.replace(COMMIT, "v1"))
        assert initialise.source_before(lab) == source.parse(SOURCE)

    def test_the_default_branch(self, tmp_path: Path) -> None:
        there = repository(tmp_path / "there", "trunk")
        commit_all(there)
        git(tmp_path, "clone", "-q", str(there), "here")
        here = tmp_path / "here"
        git(here, "checkout", "-q", "-b", "topic")
        assert asking.default_branch(here) == "trunk"
        git(here, "remote", "set-head", "origin", "--delete")
        assert asking.default_branch(here) == "topic"
        git(here, "branch", "main")
        assert asking.default_branch(here) == "main"


class TestCommand:
    def test_it_says_what_it_did_and_what_is_left_to_do(self, lab: Path) -> None:
        (lab / "deep" / "er").mkdir(parents=True)
        first = project(lab).run("init", "--source", SOURCE, "deep/er")
        assert (first.returncode, first.stderr) == (0, "")
        assert_snapshot("init/first.txt", first.stdout)
        assert set(files(lab)) == ALL
        validated = project(lab).run("validate", "--strict")
        assert validated.returncode == 0, validated.stdout
        for path in (MERGE, config.PLACE):
            (lab / path).write_text((lab / path).read_text() + "# \x1b[31mmine\n")
        (lab / caller("plan")).write_text(marks.marked("name: runner plan\n", "0.0.1"))
        again = project(lab).run("init", "--source", SOURCE, "--owner", "@acme/ops", "--dry-run")
        assert_snapshot("init/again.txt", again.stdout.partition("\n\nWhat is left")[0] + "\n")
        assert marks.read((lab / caller("plan")).read_text()) == marks.Mark(version="0.0.1", untouched=True)

    def test_what_is_left_to_do_for_machines(self, lab: Path) -> None:
        first = project(lab).run("init", "--source", SOURCE, "--cloud").stdout
        assert "wrote  .github/workflows/runner-cloud.yaml\n" in first
        said = " ".join(first.split())
        assert "Machines of AWS: docs/aws.md of runner sets the account up" in said
        assert f"it has to name acme/runner/.github/workflows/cloud.yaml@{COMMIT} from now on" in said
        again = project(lab).run("init", "--source", SOURCE).stdout
        assert "Machines of AWS" in again
        assert "Before this is merged" not in again

    def test_a_server_of_its_own_may_be_too_old(self, lab: Path) -> None:
        git(lab, "remote", "add", "origin", "git@git.example:acme/lab.git")
        done = project(lab).run("init", "--source", SOURCE, "--dry-run")
        assert "This repository is not on github.com: " in done.stdout
        assert files(lab) == {}

    def test_outside_of_git(self, tmp_path: Path) -> None:
        done = project(tmp_path).run("init", "--source", SOURCE)
        assert done.returncode == 2
        assert "is not in a git repository\n  make it one: git init -b main" in done.stderr
        assert files(tmp_path) == {}

    def test_a_folder_that_cannot_be_written(self, lab: Path) -> None:
        (lab / ".github").mkdir()
        (lab / ".github").chmod(0o555)
        done = _limited(lab, _without_privilege())
        (lab / ".github").chmod(0o755)
        assert done.returncode == 4
        assert done.stderr.startswith(f"runner: cannot write {caller('plan')}: Permission denied\n")
        assert files(lab) == {}

    def test_a_disk_that_is_full(self, lab: Path) -> None:
        (lab / ".gitignore").write_text("build/\n")
        done = _limited(lab, ["bash", "-c", 'ulimit -f 0 && exec "$@"', "bash"])
        assert done.returncode == 4
        assert f"cannot write {caller('plan')}: File too large" in done.stderr
        assert files(lab) == {".gitignore": b"build/\n"}
        assert project(lab).run("init", "--source", SOURCE).returncode == 0
        assert set(files(lab)) == ALL


def _without_privilege() -> list[str]:
    """Root may write everywhere, unless it gives that up."""
    return (
        ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    )


def _limited(root: Path, prefix: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-B", "-m", "runner", "init", "--source", SOURCE],
        cwd=root,
        env=project(root).environ({}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class TestPage:
    """docs/github.md says what the files say."""

    PAGE = (ROOT / "docs" / "github.md").read_text()

    def test_what_each_workflow_may(self, lab: Path) -> None:
        init(lab, cloud=True)
        rows = re.findall(r"^\| `runner-(\w+)` \|[^|]*\|([^|]*)\|", self.PAGE, re.MULTILINE)
        assert [name for name, _ in rows] == [*WORKFLOWS, CLOUD]
        for name, rights in rows:
            (job,) = tree((lab / caller(name)).read_text())["jobs"].values()
            assert dict(re.findall(r"`([a-z-]+): (\w+)`", rights)) == job["permissions"], name

    def test_every_command_as_it_is_written(self) -> None:
        rows = re.findall(r"^\| `(/runner [^`]*)` \|", self.PAGE, re.MULTILINE)
        assert sorted(rows) == sorted(map(usage, USAGE))

    def test_the_defaults_of_settings(self) -> None:
        rows = dict(re.findall(r"^\| `([a-z_.]+)` \|[^|]*\| `([^`]*)` \|$", self.PAGE, re.MULTILINE))
        gitops = config.GitOps()
        assert rows == {
            "policy.require_digest": "true" if gitops.require_digest else "false",
            "policy.max_launches": str(gitops.max_launches),
            "policy.environment": str(list(gitops.environment)),
            "commands.allow": gitops.allow,
            "github.status_jobs": str(gitops.status_jobs),
            "github.live_interval": f"{gitops.live_interval:.0f}s",
        }
