"""Each line of "Exact rules" that takes real processes, as a test of its name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from runner import events as e
from runner.executors.local import processes
from tests.project import Project
from tests.waiting import PATIENCE, until

SLEEPER = "echo ready; exec sleep 600"


def alive(pid: int) -> bool:
    stat = processes.read_stat(pid)
    return stat is not None and stat[1] != "Z"


# -- Outputs


def test_outputs_come_from_the_last_ended_attempt_whatever_its_outcome(project: Project) -> None:
    done = project.go("""
on_failure: continue
jobs:
  - job_id: a
    command: echo "n=$RUNNER_ATTEMPT" >> $RUNNER_OUTPUT; exit 1
    retry_count: 1
    retry_delay: 10ms
  - job_id: b
    depends_on: [a]
    when: failed()
    command: echo got ${{ jobs.a.outputs.n }}
""")
    assert done.returncode == 1, done.stderr
    assert project.log("b") == "got 2\n"


def test_outputs_are_json_where_they_look_like_json(project: Project) -> None:
    done = project.go("""
jobs:
  - job_id: a
    command: |
      echo 'list=[1, 2]' >> $RUNNER_OUTPUT
      echo 'text=007' >> $RUNNER_OUTPUT
      echo 'brace={not json' >> $RUNNER_OUTPUT
  - job_id: b
    depends_on: [a]
    environment: {COUNT: '${{ jobs.a.outputs.list | length }}'}
    command: echo $COUNT ${{ jobs.a.outputs.text | q }} ${{ jobs.a.outputs.brace | q }}
""")
    assert done.returncode == 0, done.stderr
    assert project.log("b") == "2 007 {not json\n"


def test_outputs_are_at_most_64_kib(project: Project) -> None:
    project.go("jobs: [{job_id: a, command: 'printf x=%070000d 1 > $RUNNER_OUTPUT'}]")
    ended = next(event for event in project.events() if isinstance(event, e.AttemptFinished))
    assert ended.outputs == {}
    assert "over the limit" in ended.reason


# -- RUNNER_RESULT_DIR


def test_runner_result_dir_is_emptied_before_each_attempt(project: Project) -> None:
    done = project.go("""
jobs:
  - job_id: a
    command: ls -A $RUNNER_RESULT_DIR; echo $RUNNER_ATTEMPT > $RUNNER_RESULT_DIR/n; [ $RUNNER_ATTEMPT = 2 ]
    retry_count: 1
    retry_delay: 10ms
""")
    assert done.returncode == 0, done.stderr
    assert project.log("a", 2) == ""
    assert [entry["path"] for entry in project.manifest("a", 2)["files"]] == ["n"]


def test_result_files_keep_their_layout_and_are_hashed(project: Project) -> None:
    done = project.go("""
jobs:
  - job_id: a
    command: mkdir -p out/deep more; echo x > out/deep/x.csv; echo y > out/y.txt; echo z > more/z
    result_files: ['out/**/*.csv', more, nothing/*]
""")
    assert done.returncode == 0, done.stderr
    manifest = project.manifest("a")
    assert [entry["path"] for entry in manifest["files"]] == ["more/z", "out/deep/x.csv"]
    assert manifest["files"][0]["size"] == 2
    assert len(manifest["files"][0]["sha256"]) == 64
    assert manifest["missing"] == ["nothing/*"]


def test_kept_results_stay_with_their_job(project: Project) -> None:
    """Neither is the folder of a job that keeps files given to the next, nor are the files seen there."""
    done = project.go("""
max_parallel: 1
jobs:
  - {job_id: one, command: echo 1 > one.txt, result_files: [one.txt]}
  - {job_id: two, depends_on: [one], command: 'ls -A $RUNNER_RESULT_DIR; echo 2 > $RUNNER_RESULT_DIR/two.txt'}
  - {job_id: three, depends_on: [two], command: 'ls -A $RUNNER_RESULT_DIR'}
  - {job_id: four, depends_on: [three], command: 'ls -A $RUNNER_RESULT_DIR', result_files: [one.txt]}
""")
    assert done.returncode == 0, done.stderr
    assert [entry["path"] for entry in project.manifest("one")["files"]] == ["one.txt"]
    assert [entry["path"] for entry in project.manifest("two")["files"]] == ["two.txt"]
    assert [entry["path"] for entry in project.manifest("four")["files"]] == ["one.txt"]
    assert project.log("two") == project.log("three") == project.log("four") == ""


def test_an_absolute_result_path_loses_its_first_slash(project: Project) -> None:
    path = project.folder / "elsewhere" / "model.bin"
    project.go(
        f"jobs: [{{job_id: a, command: 'mkdir -p {path.parent}; echo m > {path}', result_files: ['{path}']}}]"
    )
    assert [entry["path"] for entry in project.manifest("a")["files"]] == [str(path)[1:]]


def test_result_paths_do_not_leave_the_checkout_through_symlinks(project: Project) -> None:
    done = project.go("jobs: [{job_id: a, command: 'ln -s /etc out', result_files: [out/passwd]}]")
    assert done.returncode == 1
    assert "leads out of the checkout" in project.state().jobs["a"].reason


def test_result_when_always_keeps_results_of_a_failure(project: Project) -> None:
    project.go("""
on_failure: continue
jobs:
  - {job_id: a, command: echo x > $RUNNER_RESULT_DIR/x; exit 1, result_when: always}
  - {job_id: b, command: echo x > $RUNNER_RESULT_DIR/x; exit 1}
""")
    assert project.manifest("a")["files"]
    assert not (project.directory / "jobs/b/1/results/manifest.json").exists()


def test_result_files_are_not_masked(project: Project) -> None:
    project.go(
        "jobs: [{job_id: a, secrets: {T: 'env:TOKEN'}, command: 'echo $T; echo $T > $RUNNER_RESULT_DIR/t'}]",
        TOKEN="a-very-secret-value",
    )
    assert project.log("a") == "***\n"
    assert (project.directory / "jobs/a/1/results/t").read_text() == "a-very-secret-value\n"


# -- Processes left behind


def test_processes_left_behind_are_ended_with_a_line_in_the_log(project: Project) -> None:
    project.go("jobs: [{job_id: a, kill_grace: 1s, command: 'setsid sleep 300 & echo $!'}]")
    assert not alive(int(project.log("a")))
    assert "left behind" in project.log("a", stream="stderr")


def test_keep_processes_keeps_them_until_the_run_ends(project: Project) -> None:
    project.go("""
jobs:
  - {job_id: server, command: 'sleep 300 & echo $!', keep_processes: true}
  - {job_id: client, depends_on: [server], command: kill -0 $(cat run/jobs/server/1/stdout.log) && echo there}
""")
    assert project.log("client") == "there\n"
    assert not alive(int(project.log("server")))


# -- Environment of a job


def test_environment_is_the_runners_own_less_tokens_and_over_it_the_files(project: Project) -> None:
    done = project.go(
        """
jobs:
  - job_id: a
    environment: {MINE: 'from ${OUTER}', NUMBER: 3, OUTER: replaced}
    secrets: {KEY: 'env:SOURCE'}
    command: env | sort
""",
        OUTER="outside",
        SOURCE="hidden-value",
        GITHUB_TOKEN="ghs_x",
        ACTIONS_RUNTIME_TOKEN="y",
    )
    assert done.returncode == 0, done.stderr
    lines = dict(line.partition("=")[::2] for line in project.log("a").splitlines())
    assert lines["MINE"] == "from outside"
    assert lines["NUMBER"] == "3"
    assert lines["OUTER"] == "replaced"
    assert lines["KEY"] == "***"
    assert "GITHUB_TOKEN" not in lines
    assert "ACTIONS_RUNTIME_TOKEN" not in lines
    assert lines["RUNNER_JOB_ID"] == lines["JOB_ID"] == "a"
    assert lines["RUNNER_ATTEMPT"] == lines["JOB_ATTEMPT"] == "1"
    assert lines["RUNNER_QUEUE_ID"] == lines["QUEUE_ID"] == "q"
    assert Path(lines["RUNNER_STATE_DIR"]).is_dir()
    plan = (project.directory / "plan.json").read_text()
    assert "${OUTER}" in plan
    assert "outside" not in plan
    everything = b"".join(path.read_bytes() for path in project.directory.rglob("*") if path.is_file())
    assert b"hidden-value" not in everything


def test_an_unset_name_is_refused_before_the_first_job(project: Project) -> None:
    done = project.go(
        """
jobs:
  - {job_id: first, command: touch ran}
  - {job_id: a, command: 'true', environment: {X: '${NOPE}'}}
"""
    )
    assert done.returncode == 1
    assert "NOPE" in done.stderr
    assert not (project.folder / "ran").exists()
    assert not project.directory.exists()


def test_a_name_may_come_from_a_declared_secret(project: Project) -> None:
    text = """
jobs:
  - {job_id: a, secrets: {PW: 'env:SOURCE'}, environment: {URL: 'db://u:${PW}@h'}, command: echo $URL}
"""
    project.go(text, SOURCE="hunter22")
    assert project.log("a") == "db://u:***@h\n"


def test_the_state_directory_is_kept_between_runs_of_a_queue(project: Project) -> None:
    text = "jobs: [{job_id: a, command: 'cat $RUNNER_STATE_DIR/n; echo seen >> $RUNNER_STATE_DIR/n'}]"
    project.run("run", project.queue(text))
    project.go(text)
    assert project.log("a") == "seen\n"


# -- Cannot start


def test_cannot_start_is_a_failed_attempt_without_retry(project: Project) -> None:
    done = project.go("""
on_failure: continue
jobs:
  - {job_id: folder, command: 'true', working_directory: nowhere, retry_count: 3}
  - {job_id: program, command: [no-such-program], retry_count: 3}
""")
    assert done.returncode == 1
    for job in project.state().jobs.values():
        assert len(job.attempts) == 1
        assert "No such file" in job.reason


# -- cancel RUN


def test_cancel_from_another_terminal(project: Project) -> None:
    live = project.start(f"""
jobs:
  - {{job_id: a, command: {SLEEPER}, on_failure: h}}
  - {{job_id: b, depends_on: [a], command: 'true'}}
  - {{job_id: h, command: 'true'}}
  - {{job_id: z, depends_on: [b], always_run: true, command: echo cleaned}}
""")
    project.until_running("a")
    assert project.run("cancel", "run").returncode == 0
    _, errors = live.communicate(timeout=PATIENCE)
    assert live.returncode == 1, errors
    assert project.outcomes() == {"a": "cancelled", "b": "skipped", "h": "skipped", "z": "succeeded"}
    assert project.state().outcome == "cancelled"


def test_a_second_cancel_ends_all(project: Project) -> None:
    live = project.start(f"""
jobs:
  - {{job_id: a, command: {SLEEPER}}}
  - {{job_id: z, depends_on: [a], always_run: true, command: {SLEEPER}}}
""")
    project.until_running("a")
    project.run("cancel", "run")
    project.until_running("z")
    project.run("cancel", "run")
    live.communicate(timeout=PATIENCE)
    assert live.returncode == 1
    assert project.outcomes() == {"a": "cancelled", "z": "cancelled"}


def test_cancel_of_a_job_leaves_the_rest(project: Project) -> None:
    live = project.start(f"""
max_parallel: 2
jobs:
  - {{job_id: a, command: {SLEEPER}}}
  - {{job_id: b, command: 'true'}}
""")
    project.until_running("a")
    assert project.run("cancel", "run", "a").returncode == 0
    live.communicate(timeout=PATIENCE)
    assert project.outcomes() == {"a": "cancelled", "b": "succeeded"}


# -- SIGINT, SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_loses_the_attempts_runs_no_cleanup_and_is_resumable(project: Project, number: int) -> None:
    text = """
jobs:
  - {job_id: done, command: 'true'}
  - {job_id: a, depends_on: [done], command: 'echo ready; [ -e go ] || exec sleep 600'}
  - {job_id: z, depends_on: [a], always_run: true, command: 'true'}
"""
    live = project.start(text)
    project.until_running("a")
    live.send_signal(number)
    text, errors = live.communicate(timeout=PATIENCE)
    assert live.returncode == 130, errors
    assert "runner cancel" in text
    assert "runner resume" in text
    state = project.state()
    assert state.phase == "interrupted"
    assert state.jobs["a"].last_ended is not None
    assert state.jobs["a"].last_ended.outcome == "lost"
    assert not state.jobs["z"].attempts
    project.write("go", "")
    assert project.run("resume", "run").returncode == 0
    assert project.outcomes() == {"done": "succeeded", "a": "succeeded", "z": "succeeded"}
    assert len(project.state().jobs["done"].attempts) == 1


def test_a_second_signal_is_immediate(project: Project) -> None:
    live = project.start("""
jobs:
  - job_id: a
    kill_grace: 1h
    command: "trap 'echo asked' TERM; echo ready; while :; do sleep 0.1; done"
""")
    project.until_running("a")
    live.send_signal(signal.SIGINT)
    until(lambda: "asked" in project.log("a"))
    assert live.poll() is None
    live.send_signal(signal.SIGINT)
    _, errors = live.communicate(timeout=PATIENCE)
    assert live.returncode == 130
    assert "again ends them at once" in errors
    assert project.state().phase == "interrupted"


def test_cancel_of_an_interrupted_run_runs_the_cleanup(project: Project) -> None:
    live = project.start(f"""
jobs:
  - {{job_id: a, command: {SLEEPER}}}
  - {{job_id: z, depends_on: [a], always_run: true, command: echo cleaned}}
""")
    project.until_running("a")
    live.send_signal(signal.SIGINT)
    live.communicate(timeout=PATIENCE)
    assert project.run("cancel", "run").returncode == 1
    assert project.outcomes() == {"a": "cancelled", "z": "succeeded"}
    assert project.log("z") == "cleaned\n"


# -- resume


def test_resume_of_a_finished_run_does_nothing_and_returns_its_exit_code(project: Project) -> None:
    project.go("jobs: [{job_id: a, command: exit 3}]")
    before = (project.directory / "events.jsonl").read_bytes()
    assert project.run("resume", "run").returncode == 1
    assert (project.directory / "events.jsonl").read_bytes() == before


def test_two_runners_on_one_run(project: Project) -> None:
    live = project.start(f"jobs: [{{job_id: a, command: {SLEEPER}}}]")
    project.until_running("a")
    for command in ("resume", "retry"):
        second = project.run(command, "run")
        assert second.returncode == 4
        assert f"process {live.pid}" in second.stderr
    live.kill()
    live.communicate()
    assert project.run("cancel", "run").returncode == 1  # a dead process holds no lease


# -- retry


def test_retry_goes_on_in_the_same_log(project: Project) -> None:
    text = """
jobs:
  - {job_id: ok, command: 'true'}
  - {job_id: bad, command: test -e mended}
  - {job_id: after, depends_on: [bad], command: 'true'}
  - {job_id: z, depends_on: [after], always_run: true, command: 'true'}
"""
    assert project.go(text).returncode == 1
    project.write("mended", "")
    assert project.run("retry", "run").returncode == 0
    state = project.state()
    assert {name: job.attempt for name, job in state.jobs.items()} == {"ok": 1, "bad": 2, "after": 1, "z": 2}
    assert state.outcome == "succeeded"
    assert sum(isinstance(event, e.RunFinished) for event in project.events()) == 2
    assert project.run("retry", "run").returncode == 1  # nothing to run again
    assert project.run("retry", "run", "ok").returncode == 0
    assert project.state().jobs["ok"].attempt == 2


# -- timeouts


def test_a_timeout_ends_the_whole_tree_within_the_grace(project: Project) -> None:
    done = project.go("""
jobs:
  - job_id: a
    timeout: 1s
    kill_grace: 500ms
    command: |
      trap '' TERM
      setsid bash -c 'echo $$; while :; do sleep 0.1; done' &
      while :; do sleep 0.1; done
""")
    assert done.returncode == 1
    ended = project.state().jobs["a"].last_ended
    assert ended is not None
    assert ended.outcome == "timed_out"
    assert 1.4 < ended.seconds < 10, "which is the grace of who says nothing"
    assert not alive(int(project.log("a")))


def test_the_queues_timeout(project: Project) -> None:
    done = project.go(f"""
timeout: 1s
jobs:
  - {{job_id: a, command: {SLEEPER}, retry_count: 3}}
  - {{job_id: z, depends_on: [a], always_run: true, command: 'true'}}
""")
    assert done.returncode == 1
    assert project.outcomes() == {"a": "timed_out", "z": "succeeded"}
    assert project.state().outcome == "timed_out"


# -- destination, checkout


def test_run_dir_replaces_results(project: Project) -> None:
    text = "results: kept\njobs: [{job_id: a, command: 'true'}]"
    assert project.go(text).returncode == 0
    assert not (project.folder / "kept").exists()
    assert project.run("run", "q.yaml").returncode == 0
    assert len(list((project.folder / "kept").iterdir())) == 1


def test_an_s3_destination_without_aws_is_a_warning_and_results_stay_local(project: Project) -> None:
    done = project.run("run", project.queue("results: s3://b/p\njobs: [{job_id: a, command: 'true'}]"))
    assert done.returncode == 0, done.stderr
    assert "s3://" in done.stderr + done.stdout
    assert any(path.name.startswith("q-") for path in (project.folder / ".runner").iterdir())


def test_checkout_is_the_git_top_level_and_recorded(project: Project) -> None:
    subprocess.run(["git", "init", "-q", str(project.folder)], check=True)
    project.write("sub/q.yaml", "jobs: [{job_id: a, command: pwd}]")
    sub = Project(project.folder / "sub")
    assert sub.run("run", "q.yaml", "--run-dir", "../run").returncode == 0
    assert project.log("a").strip() == str(project.folder)
    started = project.events()[0]
    assert isinstance(started, e.RunStarted)
    assert started.checkout == str(project.folder)


# -- the event log


def test_every_event_has_its_place_time_run_and_type(project: Project) -> None:
    project.go("jobs: [{job_id: a, command: 'true'}]")
    lines = [json.loads(line) for line in (project.directory / "events.jsonl").read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert len({line["run_id"] for line in lines}) == 1
    assert [line["type"] for line in lines] == [
        "run_started",
        "attempt_started",
        "attempt_running",
        "attempt_finished",
        "job_finished",
        "run_finished",
    ]
    assert os.path.basename(str(lines[1]["handle"])) == "1"
