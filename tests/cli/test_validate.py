"""`runner validate`: every format, every exit code."""

from __future__ import annotations

import io
import json

import pytest

from tests.cli.shell import QUEUE, Shell

BAD = """\
queue_id: bad
jobs:
  - {job_id: a, comand: 'true', command: 'true'}
  - {job_id: a, command: 'true'}
"""
WARNS = "jobs:\n  - {job_id: a, command: 'echo $NOBODY_DEFINES_THIS'}\n"


def test_a_good_file(shell: Shell) -> None:
    shell.write("q.yaml", QUEUE)
    said = shell("validate", "q.yaml")
    assert (said.code, said.out) == (0, "1 file checked: no problems\n")


def test_everything_that_is_wrong_at_once_with_line_and_mark(shell: Shell) -> None:
    shell.write("q.yaml", BAD)
    said = shell("validate", "q.yaml")
    assert said.code == 1
    assert "q.yaml:3:17: error: " in said.out
    assert "    3 |   - {job_id: a, comand: 'true', command: 'true'}" in said.out
    assert "did you mean" in said.out
    assert "q.yaml:4:" in said.out
    assert said.out.splitlines()[-1] == "2 errors in 1 file"


def test_warnings_alone_are_valid_unless_strict(shell: Shell) -> None:
    shell.write("q.yaml", WARNS)
    assert shell("validate", "q.yaml").code == 0
    said = shell("validate", "q.yaml", "--strict")
    assert said.code == 1
    assert "1 warning in 1 file" in said.out


def test_without_a_path_the_queues_of_the_checkout(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.git("init", "-q")
    shell.write("queues/good.yaml", QUEUE)
    shell.write("queues/deep/bad.yaml", BAD)
    shell.write("elsewhere/bad.yaml", BAD)
    said = shell("validate")
    assert said.code == 1
    assert "queues/deep/bad.yaml:3:" in said.out
    assert said.out.splitlines()[-1] == "2 errors in 2 files"
    monkeypatch.chdir(shell.folder / "queues/deep")
    assert "2 errors in 2 files" in shell("validate").out


def test_without_any_queue_it_says_so_in_one_sentence(shell: Shell) -> None:
    said = shell("validate")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("runner: nothing to validate, ")
    assert "queues/**/*.yaml" in said.err
    assert said.err.count("\n") == 1
    assert shell("validate", "--format", "json").json["files"] == []


def test_a_folder_without_queues_is_not_green(shell: Shell) -> None:
    shell.write("wrong/readme.txt", "")
    for form in ("text", "json", "github"):
        said = shell("validate", "wrong", "--format", form)
        assert said.code == 3
        assert "there is no queue file in wrong" in said.err


def test_a_missing_path(shell: Shell) -> None:
    said = shell("validate", "nowhere.yaml")
    assert said.code == 3
    assert "nowhere.yaml" in said.err
    assert said.out == ""


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    said = shell("validate", "-")
    assert said.code == 1
    assert "-:3:17: error" in said.out
    assert "    3 |   - {job_id: a" in said.out


def test_json(shell: Shell) -> None:
    shell.write("q.yaml", BAD)
    said = shell("validate", "q.yaml", "--format", "json")
    assert said.code == 1
    assert (said.json["valid"], said.json["errors"], said.json["files"]) == (False, 2, ["q.yaml"])
    assert said.json["problems"][0]["line"] == 3
    assert said.err == ""


def test_github(shell: Shell) -> None:
    shell.write("q.yaml", BAD)
    rows = shell("validate", "q.yaml", "--format", "github").out.splitlines()
    assert rows[0].startswith("::error file=q.yaml,line=3,col=17,title=")
    assert rows[-1] == "2 errors in 1 file"


def test_sarif(shell: Shell) -> None:
    shell.write("q.yaml", BAD)
    report = json.loads(shell("validate", "q.yaml", "--format", "sarif").out)
    assert len(report["runs"][0]["results"]) == 2


def test_problems_of_the_configuration_are_said_once(shell: Shell) -> None:
    shell.git("init", "-q")
    shell.write(".github/runner.yaml", "machin: {}\n")
    shell.write("queues/a.yaml", QUEUE)
    shell.write("queues/b.yaml", QUEUE)
    said = shell("validate")
    assert said.code == 1
    assert said.out.count(".github/runner.yaml:1:1") == 1


def test_the_configuration_alone(shell: Shell) -> None:
    """It is no queue: no `jobs` are asked of it. A bad one does not say that no account is configured."""
    shell.git("init", "-q")
    path = shell.write(".github/runner.yaml", "aws: {region: us-east-1, bucket: lab, instance_profile: p}\n")
    assert shell("validate", path).out == "1 file checked: no problems\n"
    shell.write(".github/runner.yaml", "aws: {region: us-east-1, bucket: lab, profile: p}\n")
    shell.write("queues/a.yaml", "machine: {provider: ec2}\njobs: [{job_id: a, command: 'true'}]\n")
    for words in (("validate",), ("validate", path), ("validate", "queues/a.yaml", path)):
        said = shell(*words)
        assert said.code == 1
        assert said.out.count("error: `profile` is not a field of `aws`") == 1
        assert "1 error in " in said.out


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"jobs: [" * 5000, b"\0", b"{" * 100_000, b"- 1\n", b"a: &a [*a]"]
)
def test_hostile_bytes_are_problems(shell: Shell, raw: bytes) -> None:
    (shell.folder / "q.yaml").write_bytes(raw)
    for form in ("text", "json", "github", "sarif"):
        said = shell("validate", "q.yaml", "--format", form)
        assert said.code == 1
        assert "Traceback" not in said.out + said.err


def test_colours_only_on_a_terminal(shell: Shell) -> None:
    shell.write("q.yaml", BAD)
    assert "\x1b" not in shell("validate", "q.yaml").out
