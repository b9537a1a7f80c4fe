"""`runner run`, `resume`, `retry`, `cancel`: real queues, real processes."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from runner.aws.clients import Settings
from runner.clouds.client import connect
from runner.runs.reading import Tail, read
from runner.stores.directory import is_live
from tests.aws import Aws
from tests.cli.shell import QUEUE, Shell, own_environment
from tests.waiting import PATIENCE, until

GOOD = "queue_id: good\njobs: [{job_id: a, command: 'echo hello'}]\n"
SLOW = """\
queue_id: slow
jobs:
  - {job_id: long, command: "echo begun; while [ ! -e go ]; do sleep 0.02; done; echo done"}
  - {job_id: after, command: "true", depends_on: [long]}
  - {job_id: cleanup, command: "touch cleaned", depends_on: [long], always_run: true}
"""


def wait_for_job(shell: Shell, job_id: str = "long") -> Path:
    """Until the job has written something; the run's directory."""

    def begun() -> Path | None:
        for run in shell.runs():
            log = run / "jobs" / job_id / "1" / "stdout.log"
            if log.exists() and log.read_bytes():
                return run
        return None

    return until(begun)


class TestRun:
    def test_succeeded(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        said = shell("run", "q.yaml")
        assert said.code == 0
        assert "a succeeded after" in said.out
        assert said.err == ""
        (run,) = shell.runs()
        assert f"{run.name} succeeded after" in said.out
        assert (run / "report.md").read_text().startswith("# ✅ `good` succeeded")
        assert json.loads((run / "report.json").read_text())["outcome"] == "succeeded"
        assert (shell.folder / ".runner/.gitignore").read_text() == "*\n"

    def test_failed(self, shell: Shell) -> None:
        shell.write("q.yaml", QUEUE)
        said = shell("run", "q.yaml")
        assert said.code == 1
        assert "break did not succeed (exit code 3); again at once" in said.out
        assert "    | about to break" in said.out
        assert "after skipped: because of break" in said.out
        assert "break failed: exit code 3, attempt 2; 1 job skipped because of it" in said.out
        assert f"runner logs {shell.runs()[0].name} break" in said.out

    def test_json_is_all_that_is_on_standard_output(self, shell: Shell) -> None:
        shell.write("q.yaml", QUEUE)
        said = shell("run", "q.yaml", "--json")
        assert said.code == 1
        assert (said.json["version"], said.json["outcome"], said.json["failed"]) == (1, "failed", ["break"])
        assert said.json["jobs"][0]["outputs"] == {"x": "1"}
        assert [f["path"] for f in said.json["jobs"][0]["files"]] == ["made.txt"]
        assert "make succeeded" in said.err

    def test_problems_start_nothing(self, shell: Shell) -> None:
        shell.write("q.yaml", "jobs: [{job_id: a, comand: x}]")
        said = shell("run", "q.yaml")
        assert said.code == 1
        assert "q.yaml:1:" in said.err
        assert not (shell.folder / ".runner").exists()

    def test_strict_starts_nothing_with_warnings(self, shell: Shell) -> None:
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'echo $NOBODY_DEFINES_THIS'}]")
        assert shell("run", "q.yaml", "--strict").code == 1
        assert shell.runs() == []
        assert shell("run", "q.yaml").code == 0

    def test_unset_names_are_refused_before_the_first_job(self, shell: Shell) -> None:
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'true', environment: {X: '${NOT_SET_ANYWHERE}'}}]")
        said = shell("run", "q.yaml")
        assert said.code == 1
        assert said.err.startswith("q.yaml:1:")
        assert said.err.endswith("1 error in 1 file\n")
        assert shell.runs() == []

    def test_a_queue_of_a_machine_runs_here_all_the_same(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MINE", "of this machine")
        machine = (
            "machine: {provider: ec2, ttl: 1m, spot: true, fallback: [m7g.large], on_new_machine: keep}\n"
        )
        shell.write(
            "q.yaml",
            machine + "jobs: [{job_id: a, command: 'echo $HERE', environment: {HERE: '${MINE}'}}]\n",
        )
        said = shell("run", "q.yaml", "--strict")
        assert (said.code, said.err) == (
            0,
            "runner: machine.provider is ec2: this runs it here; `runner launch FILE` gets the machine\n",
        )
        (run,) = shell.runs()
        assert (run / "jobs/a/1/stdout.log").read_text() == "of this machine\n"

    @pytest.mark.slow
    def test_secrets_that_aws_keeps_need_credentials(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        shell.write(".github/runner.yaml", "aws: {region: eu-north-1}\n")
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'true', secrets: {T: 'ssm:/t'}}]\n")
        said = shell("run", "q.yaml")
        assert said.code == 1
        assert (
            "job a: secret T is not to be had: cannot read ssm:/t: there are no AWS credentials" in said.err
        )
        assert shell.runs() == []

    @pytest.mark.slow
    def test_secrets_that_aws_keeps_are_read_with_the_credentials_at_hand(
        self, shell: Shell, aws: Aws
    ) -> None:
        ssm = connect("ssm", Settings(region="us-east-1"))
        ssm.put_parameter(Name="/t", Value="hunter2-hunter2", Type="SecureString")
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'echo ${#T} $T', secrets: {T: 'ssm:/t'}}]\n")
        assert shell("run", "q.yaml").code == 0
        (run,) = shell.runs()
        assert (run / "jobs/a/1/stdout.log").read_text() == "15 ***\n"

    def test_missing_file(self, shell: Shell) -> None:
        said = shell("run", "nowhere.yaml")
        assert said.code == 3
        assert said.err.startswith("runner: there is no file nowhere.yaml")

    def test_standard_input(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
        assert shell("run", "-").code == 0

    def test_dry_run_shows_the_plan_and_starts_nothing(self, shell: Shell) -> None:
        shell.write("q.yaml", QUEUE)
        said = shell("run", "q.yaml", "--dry-run")
        assert said.code == 0
        assert said.out.startswith("demo: 4 jobs in 4 levels")
        assert not (shell.folder / ".runner").exists()
        assert shell("run", "q.yaml", "--dry-run", "--json").json["queue_id"] == "demo"

    def test_params_and_max_parallel(self, shell: Shell) -> None:
        shell.write(
            "q.yaml",
            "params: {word: {type: string}}\njobs: [{job_id: a, command: 'echo ${{ params.word | q }}'}]",
        )
        assert shell("run", "q.yaml", "-p", "word=it's=so", "--max-parallel", "1").code == 0
        assert shell("logs", "a").out == "it's=so\n"
        _, state = read(shell.runs()[0])
        assert state.max_parallel == 1

    def test_run_dir_is_this_runs_own(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        assert shell("run", "q.yaml", "--run-dir", "out/mine").code == 0
        assert (shell.folder / "out/mine/plan.json").exists()
        again = shell("run", "q.yaml", "--run-dir", "out/mine")
        assert again.code == 2
        assert "not an empty directory" in again.err
        assert shell("status").code == 0  # found by the index, as the newest
        assert "succeeded" in shell("status", "out/mine").out

    def test_a_directory_that_cannot_be_made(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        said = shell("run", "q.yaml", "--run-dir", "/dev/null/x")
        assert said.code == 4
        assert "Not a directory" in said.err

    def test_features_that_would_do_something_else_are_refused(self, shell: Shell) -> None:
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'true', matrix: {x: [1, 2]}}]")
        said = shell("run", "q.yaml")
        assert said.code == 1
        assert said.err.startswith("q.yaml:1:")
        assert "error: `matrix`" in said.err
        assert said.err.count("matrix`") == 1
        assert said.err.endswith("1 error in 1 file\n")
        assert shell.runs() == []

    def test_inside_github_actions_logs_give_no_commands(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        shell.write("q.yaml", "jobs: [{job_id: a, command: 'echo ::error::forged; exit 1'}]")
        rows = shell("run", "q.yaml").out.splitlines()
        begin = next(i for i, row in enumerate(rows) if row.startswith("::stop-commands::"))
        assert rows[begin + 1] == "    | ::error::forged"
        assert rows[begin + 2] == f"::{rows[begin].removeprefix('::stop-commands::')}::"


class TestAgain:
    def test_resume_of_a_finished_run_gives_its_code(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        shell("run", "q.yaml")
        said = shell("resume")
        assert said.code == 0
        assert "is over, it succeeded; nothing to do" in said.err
        shell.write("bad.yaml", "jobs: [{job_id: a, command: 'false'}]")
        shell("run", "bad.yaml")
        assert shell("resume").code == 1

    def test_retry_runs_what_failed_again(self, shell: Shell) -> None:
        shell.write("q.yaml", QUEUE)
        shell("run", "q.yaml")
        said = shell("retry")
        assert said.code == 1
        assert "3 jobs will run again" in said.out
        assert "break started (attempt 3)" in said.out
        assert "make started" not in said.out

    def test_retry_of_one_job(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        shell("run", "q.yaml")
        name = shell.runs()[0].name
        assert shell("retry").code == 1  # nothing failed
        assert shell("retry", name, "a").code == 0
        assert shell("retry", name, "nobody").code == 3

    def test_a_signal_leaves_a_run_that_can_be_resumed(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            run = wait_for_job(shell)
            made.send_signal(signal.SIGTERM)
            out, err = made.communicate(timeout=PATIENCE)
        assert made.returncode == 130
        assert f"go on: runner resume {run.name}" in out
        assert "Traceback" not in err
        assert "interrupted" in shell("runs").out
        assert not (shell.folder / "cleaned").exists()
        (shell.folder / "go").touch()
        said = shell("resume")
        assert said.code == 0
        assert "long succeeded" in said.out

    def test_a_killed_runner_leaves_a_run_that_says_so(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            run = wait_for_job(shell)
            made.kill()
            made.wait(PATIENCE)
        until(lambda: not is_live(run))
        assert "died" in shell("runs").out
        said = shell("status")
        assert "lost its runner" in said.out
        assert said.out.splitlines()[1].split()[:3] == ["long", "cut", "off"]
        assert shell("logs", "long", "--follow").err.endswith("long is cut off\n")
        assert f"go on: runner resume {run.name}" in said.out
        (shell.folder / "go").touch()
        assert shell("resume").code == 0

    @pytest.mark.parametrize("command", ["resume", "retry"])
    def test_a_file_that_has_changed_since_is_said(self, shell: Shell, command: str) -> None:
        text = (
            "queue_id: q\nparams: {n: {type: integer, default: 2}, on: {type: boolean, default: true}}\n"
            "jobs: [{job_id: a, command: 'echo ${{ params.n }}; sleep 0; test -e go'}]\n"
        )
        shell.write("q.yaml", text.replace(" sleep 0;", ""))
        assert shell("run", "q.yaml", "-p", "n=7").code == 1
        if command == "resume":
            log = shell.runs()[0] / "events.jsonl"
            log.write_text("".join(log.read_text().splitlines(keepends=True)[:-2]))
        assert "has changed" not in shell(command).err
        if command == "resume":
            log.write_text("".join(log.read_text().splitlines(keepends=True)[:-2]))
        shell.write("q.yaml", "jobs: [" if command == "retry" else text)
        said = shell(command)
        assert said.err == (
            "runner: q.yaml has changed since; this runs the plan as it was; "
            "for the new file: runner run q.yaml\n"
        )
        assert said.code == 1
        (shell.folder / "q.yaml").unlink()
        assert shell("retry").err == ""


class TestCancel:
    @pytest.mark.parametrize("command", ["cancel", "retry"])
    def test_a_job_without_its_run_is_understood(self, shell: Shell, command: str) -> None:
        shell.write("q.yaml", GOOD)
        assert "a job of" not in shell(command, "a").err
        shell("run", "q.yaml")
        said = shell(command, "a", "b")
        assert said.code == 3
        run = shell.runs()[0].name
        assert said.err == (
            f"runner: there is no run a\n  a job of the newest run? runner {command} {run} a b\n"
        )
        assert "a job of" not in shell(command, "c").err

    def test_a_live_run_from_elsewhere(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            run = wait_for_job(shell)
            said = shell("cancel")
            out, _ = made.communicate(timeout=PATIENCE)
        assert said.code == 0
        assert f"asked {run.name} to cancel it" in said.err
        assert made.returncode == 1
        assert "cancelled by" in out
        assert (shell.folder / "cleaned").exists()

    def test_a_second_runner_is_refused(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            wait_for_job(shell)
            said = shell("resume")
            (shell.folder / "go").touch()
            made.communicate(timeout=PATIENCE)
        assert said.code == 4
        assert f"process {made.pid}" in said.err
        assert made.returncode == 0

    def test_a_run_that_is_over(self, shell: Shell) -> None:
        shell.write("q.yaml", GOOD)
        shell("run", "q.yaml")
        assert shell("cancel").code == 1

    def test_a_run_that_nobody_runs_is_taken_up_for_its_cleanup(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            wait_for_job(shell)
            made.send_signal(signal.SIGTERM)
            made.communicate(timeout=PATIENCE)
        assert shell("cancel").code == 1
        assert (shell.folder / "cleaned").exists()
        assert "cancelled" in shell("runs").out


class TestWatching:
    def test_status_follows_a_live_run_to_its_end(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            wait_for_job(shell)
            with shell.process("status", "--watch") as watching:
                assert watching.stdout is not None
                assert "running after" in watching.stdout.readline()
                (shell.folder / "go").touch()
                out, _ = watching.communicate(timeout=PATIENCE)
            made.communicate(timeout=PATIENCE)
        assert watching.returncode == 0
        assert "long succeeded" in out
        assert "succeeded after" in out.splitlines()[-2]

    def test_logs_follow_a_job_through_its_retries(self, shell: Shell) -> None:
        wait = "while [ ! -e go$RUNNER_ATTEMPT ]; do sleep 0.02; done"
        command = f"echo try $RUNNER_ATTEMPT; {wait}; echo end; exit 1"
        job = f"{{job_id: long, command: '{command}', retry_count: 1, retry_delay: 0}}"
        shell.write("q.yaml", f"jobs: [{job}]")
        with shell.process("run", "q.yaml") as made:
            wait_for_job(shell)
            with shell.process("logs", "long", "--follow") as following:
                assert following.stdout is not None
                assert following.stdout.readline() == "try 1\n"
                (shell.folder / "go1").touch()
                assert following.stdout.readline() == "end\n"
                assert following.stdout.readline() == "try 2\n"
                (shell.folder / "go2").touch()
                out, err = following.communicate(timeout=PATIENCE)
            made.communicate(timeout=PATIENCE)
        assert (out, err) == ("end\n", "runner: attempt 2\n")
        assert following.returncode == 0

    def test_following_a_run_that_dies_ends(self, shell: Shell) -> None:
        shell.write("q.yaml", SLOW)
        with shell.process("run", "q.yaml") as made:
            wait_for_job(shell)
            with shell.process("logs", "long", "--follow") as following:
                assert following.stdout is not None
                assert following.stdout.readline() == "begun\n"
                made.kill()
                made.wait(PATIENCE)
                _, err = following.communicate(timeout=PATIENCE)
        assert "nobody runs" in err
        assert following.returncode == 0


def test_a_view_whose_output_goes_away_does_not_end_the_run(shell: Shell) -> None:
    shell.write("q.yaml", SLOW)
    with shell.process("run", "q.yaml") as made:
        run = wait_for_job(shell)
        assert made.stdout is not None
        made.stdout.close()
        (shell.folder / "go").touch()
        made.wait(PATIENCE)
    _, state = read(run)
    assert state.outcome == "succeeded"


def test_a_report_for_every_reader(shell: Shell) -> None:
    shell.write("q.yaml", QUEUE)
    shell("run", "q.yaml")
    assert shell("report").out.startswith("# ❌ `demo` failed")
    assert "html" not in shell("report", "--help").out
    said = shell("report", "--format", "html")
    assert said.code == 2
    assert "a later version will write HTML; this one writes markdown, json, junit" in said.err
    assert shell("report", "--format", "json").json["outcome"] == "failed"
    assert ElementTree.fromstring(shell("report", "--format", "junit").out).attrib["failures"] == "1"


def test_standard_output_closed_from_the_start(shell: Shell) -> None:
    shell.write("q.yaml", GOOD)
    done = subprocess.run(
        ["bash", "-c", 'exec "$0" -m runner run q.yaml >&-', sys.executable],
        cwd=shell.folder,
        env=own_environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Tail(shell.runs()[0]).poll()
