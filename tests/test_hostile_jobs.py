"""What a job may do to the runner, by accident or not: one job's deed is one job's failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from runner.executors.local import processes
from runner.runs.reading import read
from tests.project import Project
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.slow


DEEP = """mkdir d; cd d; n=$(printf %0200d 0); while [ ${#PWD} -lt 3850 ]; do mkdir $n; cd $n; done
touch $(printf %0$((4085 - ${#PWD}))d 0)"""
"""A path that is as long as paths can be: where it is kept it would be longer."""


def gone(pid: int) -> bool:
    stat = processes.read_stat(pid)
    return stat is None or stat[1] == "Z"


@pytest.mark.parametrize(
    "deed",
    [
        "mkdir $RUNNER_OUTPUT",
        "mkdir $RUNNER_SUMMARY",
        "mkfifo $RUNNER_OUTPUT",
        "mkfifo $RUNNER_SUMMARY",
        "ln -s /etc/passwd $RUNNER_OUTPUT",
        "ln -s /etc/passwd $RUNNER_SUMMARY",
        "rm -rf $(dirname $RUNNER_OUTPUT)",
        "rm $(dirname $RUNNER_OUTPUT)/stderr.log; mkfifo $(dirname $RUNNER_OUTPUT)/stderr.log; sleep 600 &",
        "mkdir -p run/jobs/b/1/results",
        "head -c 300 /dev/urandom > $RUNNER_OUTPUT",
        "exec >&- 2>&-; true",
        "kill -STOP $PPID; true",
    ],
)
def test_the_run_goes_on(project: Project, deed: str) -> None:
    text = json.dumps(
        {
            "jobs": [
                {
                    "job_id": "a",
                    "command": deed,
                    "timeout": "3s",
                    "kill_grace": "100ms",
                    "secrets": {"S": "env:S"},
                },
                {
                    "job_id": "b",
                    "command": "echo fine",
                    "when": "always()",
                    "depends_on": ["a"],
                    "always_run": True,
                },
            ]
        }
    )
    if "STOP" in deed:
        return check_stopped_slot(project, text)
    done = project.go(text, S="some-secret")
    assert done.returncode in (0, 1), done.stderr
    assert project.log("b") == "fine\n"
    assert b"root:" not in (project.directory / "report.md").read_bytes()
    return None


def check_stopped_slot(project: Project, text: str) -> None:
    """Its slot does not answer any more: the second signal ends it, and nothing stays alive."""
    live = project.popen("run", project.queue(text), "--run-dir", "run", S="some-secret")
    until(lambda: bool(below(live.pid, "T")))
    slots = below(live.pid, "T")
    live.send_signal(signal.SIGINT)
    assert live.stderr is not None
    assert "again" in live.stderr.readline()
    live.send_signal(signal.SIGINT)
    live.communicate(timeout=PATIENCE)
    assert live.returncode == 130
    assert all(gone(pid) for pid in slots)


def below(pid: int, state: str) -> list[int]:
    return [p for p in processes.descendants(pid) if (processes.read_stat(p) or (0, "", 0))[1] == state]


@pytest.mark.parametrize(
    ("deed", "files", "reason"),
    [
        (
            "rmdir $RUNNER_RESULT_DIR; ln -s $PWD/outside $RUNNER_RESULT_DIR; echo z > z",
            ["z"],
            "in the place",
        ),
        ("rm -rf $RUNNER_RESULT_DIR; echo x > $RUNNER_RESULT_DIR; echo z > z", ["z"], "in the place"),
        ("ln -s /etc/passwd $RUNNER_RESULT_DIR/p", [], "out of the checkout"),
        ("rm -rf $RUNNER_RESULT_DIR/../..; echo z > z", ["z"], ""),
        (DEEP, ["d/"], "result files cannot be kept: File name too long"),
        ("mkdir -p sub; echo 1 > out.txt; echo 2 > sub/out.txt", ["sub/../out.txt", "../{0}/out.txt"], ""),
    ],
)
def test_what_cannot_be_kept_fails_the_job_alone(
    project: Project, deed: str, files: list[str], reason: str
) -> None:
    outside = project.folder / "outside"
    outside.mkdir()
    (outside / "manifest.json").write_text("mine")
    wanted = [file.format(project.folder.name) for file in files]
    queue = {
        "on_failure": "continue",
        "jobs": [
            {"job_id": "a", "command": deed, "result_files": wanted},
            {"job_id": "b", "command": "true", "result_files": ["none"]},
        ],
    }
    done = project.go(json.dumps(queue))
    assert done.returncode == (1 if reason else 0), done.stderr
    assert reason in project.state().jobs["a"].reason
    assert project.outcomes()["b"] == "succeeded"
    assert (outside / "manifest.json").read_text() == "mine"


def test_two_files_that_would_be_one_are_refused(project: Project) -> None:
    (project.folder / "sub").mkdir()
    text = """
jobs:
  - job_id: a
    working_directory: sub
    command: echo 1 > out.txt; echo 2 > ../out.txt
    result_files: [out.txt, ../out.txt]
"""
    assert project.go(text).returncode == 1
    assert "two result files" in project.state().jobs["a"].reason


def test_a_pattern_for_everything_does_not_mean_the_runs(project: Project) -> None:
    queue = project.queue("jobs: [{job_id: a, command: echo x > x, result_files: ['**']}]")
    for _ in range(2):
        done = project.run("run", queue, "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert {file["path"] for file in report["jobs"][0]["files"]} <= {"x", "q.yaml"}


def test_temporary_names_take_nothing_from_the_job(project: Project) -> None:
    long = "n" * 252
    command = f"echo 1 > foo; echo 2 > foo.part; echo 3 > {long}"
    text = json.dumps(
        {"jobs": [{"job_id": "a", "command": command, "result_files": ["foo.part", "foo", "n*"]}]}
    )
    assert project.go(text).returncode == 0
    assert [entry["path"] for entry in project.manifest("a")["files"]] == ["foo", "foo.part", long]


def test_a_secrets_source_is_not_given_to_other_jobs(project: Project) -> None:
    text = """
on_failure: continue
jobs:
  - {job_id: a, secrets: {TOK: "env:MYTOK"}, command: echo $TOK}
  - {job_id: b, command: 'echo "<$MYTOK>"'}
  - {job_id: c, environment: {URL: 'x:${MYTOK}'}, command: 'echo $URL'}
"""
    project.go(text, MYTOK="hunter2-secret")
    assert project.log("a") == "***\n"
    assert project.log("b") == "<>\n"
    assert project.log("c") == "x:***\n"


def test_a_job_that_cleaned_its_environment_does_not_run_twice(project: Project) -> None:
    """Runner, spawner and slot are killed at once; only the log says which session the job has."""
    script = "echo start $$ >> t; [ -e go ] || sleep 300; echo end >> t"
    text = json.dumps({"jobs": [{"job_id": "a", "command": ["/usr/bin/env", "-i", "/bin/sh", "-c", script]}]})
    live = project.start(text)
    until(lambda: (project.folder / "t").exists() and "attempt_running" in log_text(project))
    job = int((project.folder / "t").read_text().split()[1])
    family = [live.pid, *(pid for pid in processes.descendants(live.pid) if processes.session_of(pid) != job)]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # so that none of them sees another one die
        for pid in family:
            os.kill(pid, number)
    live.communicate()
    assert not gone(job)
    project.write("go", "")
    assert project.run("resume", "run").returncode == 0
    assert gone(job)
    assert [line.split()[0] for line in (project.folder / "t").read_text().splitlines()] == [
        "start",
        "start",
        "end",
    ]


def log_text(project: Project) -> str:
    path = project.directory / "events.jsonl"
    return path.read_text() if path.exists() else ""


def test_a_copy_of_a_live_runs_directory_does_no_harm(project: Project) -> None:
    live = project.start("jobs: [{job_id: a, command: 'echo ready; [ -e go ] || exec sleep 600'}]")
    project.until_running("a")
    project.run("status", "run")
    os.system(f"cp -r {project.directory} {project.folder}/copy")
    (project.directory / "lease").unlink()
    for directory in ("copy", "run"):
        done = project.run("resume", directory)
        assert done.returncode == 4
        assert f"process {live.pid}" in done.stderr
    assert live.poll() is None
    project.run("cancel", "run")
    live.send_signal(signal.SIGINT)
    live.communicate(timeout=PATIENCE)


def test_lines_lost_to_a_power_cut(project: Project) -> None:
    """The attempt's folder is there, its lines in the log are not."""
    assert project.go("jobs: [{job_id: a, command: echo $RUNNER_ATTEMPT}]").returncode == 0
    log = project.directory / "events.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert project.run("resume", "run").returncode == 0
    assert project.log("a") == "1\n"
    assert len(list((project.directory / "jobs/a").iterdir())) == 2


def test_nohup_is_respected(project: Project) -> None:
    project.queue("jobs: [{job_id: a, command: 'echo ready; while [ ! -e go ]; do sleep 0.05; done'}]")
    live = subprocess.Popen(
        ["/bin/sh", "-c", 'trap "" HUP; exec "$0" -m runner run q.yaml --run-dir run', sys.executable],
        cwd=project.folder,
        env=project.environ({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    project.until_running("a")
    live.send_signal(signal.SIGHUP)
    project.write("go", "")
    assert live.wait(PATIENCE) == 0


@pytest.mark.parametrize("garble", ['"attempt":"x"', '"attempt":null', '"job_id":["x"]', '"handle":5'])
def test_a_log_of_wrong_types_is_said_to_be_one(project: Project, garble: str) -> None:
    project.go("jobs: [{job_id: a, command: 'true'}]")
    log = project.directory / "events.jsonl"
    name = garble.split(":", maxsplit=1)[0]
    lines = log.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), **json.loads("{" + garble + "}")})
    log.write_text("\n".join(lines) + "\n")
    done = project.run("status", "run")
    assert done.returncode == 4, done.stderr
    assert name.strip('"') in done.stderr


def test_outputs_are_json_for_other_readers_too(project: Project) -> None:
    project.go(
        """jobs: [{job_id: a, command: 'printf "x=[1e999]\\ny=a\\342\\200\\250b=c\\n" > $RUNNER_OUTPUT'}]"""
    )
    _, state = read(project.directory)
    ended = state.jobs["a"].last_ended
    assert ended is not None
    assert ended.outputs == {"x": "[1e999]", "y": "a\u2028b=c"}
