"""One run on a real instance, in an account of one's own. Run by hand: see docs/aws.md.

    RUNNER_SMOKE=yes pytest -m smoke -o addopts= tests/test_smoke.py

In a checkout whose `.github/runner.yaml` names the account (RUNNER_SMOKE_CONFIG: another file), with
credentials that the SDK finds. It launches two small instances for some minutes, one after the other: some
cents.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import config
from runner.clouds.opening import open_cloud
from runner.launching.naming import RUN
from tests.histories import Repository
from tests.project import ROOT

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(1200)]

QUEUE = """\
queue_id: smoke
machine: {provider: ec2, type: t3.small, ttl: 20m, disk: 8G}
jobs:
  - job_id: write
    command: curl -sS --max-time 5 https://checkip.amazonaws.com || true; echo "on $(hostname)" > out.txt
    result_files: [out.txt]
  - job_id: read
    depends_on: [write]
    command: cat out.txt; test "$RUNNER_ATTEMPT" -ge 2
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Fails, and is not skipped, where nobody has said that it may cost something."""
    assert os.environ.get("RUNNER_SMOKE") == "yes", "this launches real instances: set RUNNER_SMOKE=yes"
    settings = Path(os.environ.get("RUNNER_SMOKE_CONFIG", ROOT / config.PLACE)).read_text()
    made = Repository(tmp_path / "smoke")
    made.commit({config.PLACE: settings, "queues/smoke.yaml": QUEUE})
    return made


def runner(repository: Repository, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "runner", *words],
        cwd=repository.folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_a_queue_on_a_real_machine(repository: Repository) -> None:
    """Launched, failed as it should, run again on a new machine, succeeded; and nothing is left alive."""
    launched = json.loads(runner(repository, "launch", "queues/smoke.yaml", "--json"))
    url = launched["results"]
    assert launched["instance_id"].startswith("i-")
    runner(repository, "status", url, "--watch", code=1)
    assert "on ip-" in runner(repository, "logs", url, "read")
    runner(repository, "retry", url)
    runner(repository, "status", url, "--watch")
    report = json.loads(runner(repository, "report", url, "--format", "json"))
    assert report["outcome"] == "succeeded"
    runner(repository, "reconcile")
    found, _ = config.read(repository.folder)
    machines = open_cloud(found.account.region).find({RUN: launched["run_id"]})
    assert len(machines) == 2
    assert all(machine.is_gone or machine.state == "stopping" for machine in machines)
