"""Large queues: nothing is left behind, and memory stays small. (Time is measured in bench/, not here.)"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.executors.local import processes
from tests.project import Project

PROGRAM = """
import os, sys
from runner.cli import main
sys.argv = ["runner", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as end:
    code = end.code
text = open("/proc/self/status").read()
fds = len(os.listdir("/proc/self/fd"))
print(text.split("VmHWM:")[1].split()[0], fds, code, file=open("measured", "w"))
"""


def measure(project: Project, jobs: list[dict[str, object]], parallel: int = 2) -> tuple[int, int]:
    """Peak memory of the runner's own process in KiB, and its open descriptors at the end."""
    project.write("q.json", json.dumps({"queue_id": "large", "jobs": jobs, "max_parallel": parallel}))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", "q.json", "--run-dir", f"run-{len(jobs)}"],
        cwd=project.folder,
        env=project.environ({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    memory, fds, code = (project.folder / "measured").read_text().split()
    assert code == "0", done.stderr[-2000:]
    return int(memory), int(fds)


def independent(count: int) -> list[dict[str, object]]:
    return [{"job_id": f"job-{i}", "command": "true"} for i in range(count)]


@pytest.mark.slow
def test_thousands_of_jobs_leave_nothing_and_need_little(project: Project) -> None:
    others = set(processes.descendants(os.getpid()))  # what other tests started for all
    small, few = measure(project, independent(100))
    large, many = measure(project, independent(3_000))
    assert many == few
    assert (large - small) * 1024 / 2_900 < 4096  # file, plan, run and reports together
    assert set(processes.descendants(os.getpid())) <= others


@pytest.mark.slow
def test_a_chain_of_thousands(project: Project) -> None:
    jobs = independent(3_000)
    for i in range(1, len(jobs)):
        jobs[i]["depends_on"] = [f"job-{i - 1}"]
    jobs[0]["command"] = "exit 1"
    project.write("q.json", json.dumps({"queue_id": "large", "jobs": jobs}))
    done = project.run("run", "q.json", "--run-dir", "run")
    assert done.returncode == 1
    outcomes = project.outcomes()
    assert outcomes["job-0"] == "failed"
    assert set(outcomes.values()) == {"failed", "skipped"}


@pytest.mark.slow
def test_a_hundred_at_a_time(project: Project) -> None:
    jobs: list[dict[str, object]] = [{"job_id": f"j{i}", "command": "sleep 0.5"} for i in range(200)]
    measure(project, jobs, parallel=100)
    state = Path(project.folder / "run-200" / "events.jsonl").read_text()
    assert state.count('"type":"attempt_finished"') == 200
