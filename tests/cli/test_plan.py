"""`runner plan`: every format, and what changed since a revision."""

from __future__ import annotations

import io

import pytest

from runner import checkout as checkouts
from tests.cli.shell import QUEUE, Shell


def test_text_json_markdown_mermaid(shell: Shell) -> None:
    shell.write("q.yaml", QUEUE)
    text = shell("plan", "q.yaml")
    assert text.code == 0
    assert text.out.startswith("demo: 4 jobs in 4 levels")
    assert shell("plan", "q.yaml", "--format", "json").json["queue_id"] == "demo"
    assert "```mermaid" in shell("plan", "q.yaml", "--format", "markdown").out
    assert shell("plan", "q.yaml", "--format", "mermaid").out.startswith("flowchart TD\n")


def test_nothing_but_the_plan_on_standard_output(shell: Shell) -> None:
    shell.write("q.yaml", "jobs: [{job_id: a, command: 'echo $NOBODY_DEFINES_THIS'}]")
    said = shell("plan", "q.yaml", "--format", "json")
    assert said.code == 0
    assert "warning" in said.err
    assert said.json["problems"][0]["severity"] == "warning"
    assert shell("plan", "q.yaml", "--strict").code == 1


def test_problems_instead_of_a_plan(shell: Shell) -> None:
    shell.write("q.yaml", "jobs: [{job_id: a}]")
    said = shell("plan", "q.yaml")
    assert (said.code, said.out) == (1, "")
    assert "q.yaml:1:" in said.err


def test_the_machine_that_is_launched(shell: Shell) -> None:
    shell.write(".github/runner.yaml", "aws: {region: eu-north-1, bucket: runs, instance_profile: runner}\n")
    shell.write("q.yaml", "machine: {provider: ec2, spot: true, ttl: 2h}\n" + QUEUE)
    said = shell("plan", "q.yaml", "--strict")
    assert (said.code, said.err) == (0, "")
    assert "\nmachine EC2 m7i.large, spot then on-demand, eu-north-1, 2h at most, Ubuntu 24.04\n" in said.out
    assert "\nmachine lost   make, break, after would run again:" in said.out


def test_params(shell: Shell) -> None:
    shell.write(
        "q.yaml", "params: {n: {type: integer}}\njobs: [{job_id: a, command: 'echo ${{ params.n }}'}]"
    )
    missing = shell("plan", "q.yaml")
    assert missing.code == 1
    assert "n" in missing.err
    assert shell("plan", "q.yaml", "-p", "n=3").code == 0
    assert shell("plan", "q.yaml", "-p", "n=x").code == 1
    assert shell("plan", "q.yaml", "-p", "n=3", "-p", "typo=1").code == 1


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(QUEUE.encode())))
    assert shell("plan", "-").out.startswith("demo: ")


class TestBase:
    @pytest.fixture
    def repo(self, shell: Shell) -> Shell:
        shell.git("init", "-q", "-b", "main")
        shell.write("queues/q.yaml", "template: base\nwith: {n: 1}\nqueue_id: q\n")
        shell.write(
            "templates/queues/base.yaml",
            "params: {n: {type: integer}}\njobs:\n  - {job_id: a, command: 'echo ${{ params.n }}'}\n",
        )
        shell.git("add", "-A")
        shell.git("commit", "-q", "-m", "first")
        return shell

    def test_no_change(self, repo: Shell) -> None:
        said = repo("plan", "queues/q.yaml", "--base", "main", "--format", "json")
        assert said.code == 0
        assert said.json["changes"]["none"] is True

    def test_a_changed_file(self, repo: Shell) -> None:
        repo.write("queues/q.yaml", "template: base\nwith: {n: 2}\nqueue_id: q\n")
        changes = repo("plan", "queues/q.yaml", "--base", "main", "--format", "json").json["changes"]
        assert (changes["base"], changes["none"]) == ("main", False)
        assert [job["job_id"] for job in changes["changed"]] == ["a"]

    def test_a_changed_template_counts(self, repo: Shell) -> None:
        path = repo.folder / "templates/queues/base.yaml"
        path.write_text(path.read_text().replace("echo", "printf"))
        changes = repo("plan", "queues/q.yaml", "--base", "HEAD", "--format", "json").json["changes"]
        assert [job["job_id"] for job in changes["changed"]] == ["a"]

    def test_links_that_stay_inside_are_followed_and_others_left_away(self, repo: Shell) -> None:
        (repo.folder.parent / "outside.yaml").write_text(QUEUE)
        (repo.folder / "queues/near.yaml").symlink_to("q.yaml")
        (repo.folder / "queues/far.yaml").symlink_to("../../outside.yaml")
        repo.git("add", "-A")
        repo.git("commit", "-qm", "links")
        near = repo("plan", "queues/q.yaml", "--base", "HEAD", "--format", "json").json["changes"]
        assert near["none"] is True
        target = repo.folder.parent / "target"
        names = ["queues", "queues/near.yaml", "queues/far.yaml"]
        assert checkouts.extract(repo.folder, "HEAD", names, target) == {"queues", "queues/near.yaml"}
        assert (target / "queues/near.yaml").read_bytes() == (target / "queues/q.yaml").read_bytes()
        assert not (target / "queues/far.yaml").is_symlink()

    def test_a_new_file_is_created(self, repo: Shell) -> None:
        repo.write("queues/new.yaml", QUEUE)
        changes = repo("plan", "queues/new.yaml", "--base", "main", "--format", "json").json["changes"]
        assert changes["created"] is True

    def test_a_file_that_was_not_valid_then(self, repo: Shell) -> None:
        repo.write("queues/q.yaml", "jobs: nonsense\n")
        repo.git("commit", "-aqm", "broken")
        repo.write("queues/q.yaml", QUEUE)
        said = repo("plan", "queues/q.yaml", "--base", "main", "--format", "json")
        assert said.code == 0
        assert said.json["changes"]["created"] is True
        assert "was not valid at main" in said.err

    @pytest.mark.parametrize("name", ["no-such-branch", "--output=x", "main:queues", "", "HEAD~99"])
    def test_a_revision_that_is_none(self, repo: Shell, name: str) -> None:
        said = repo("plan", "queues/q.yaml", f"--base={name}")
        assert said.code == 3
        assert "git knows no revision" in said.err

    def test_no_repository(self, shell: Shell) -> None:
        shell.write("q.yaml", QUEUE)
        said = shell("plan", "q.yaml", "--base", "main")
        assert said.code == 4
        assert "not a git repository" in said.err

    def test_standard_input_has_no_history(self, repo: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(QUEUE.encode())))
        assert repo("plan", "-", "--base", "main").code == 2

    def test_a_file_outside_of_the_repository(self, repo: Shell) -> None:
        outside = repo.folder.parent / "outside.yaml"
        outside.write_text(QUEUE)
        assert repo("plan", str(outside), "--base", "main").code == 2
