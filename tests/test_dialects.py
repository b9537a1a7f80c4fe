"""One language in two dialects: twins run the same."""

from __future__ import annotations

from dataclasses import replace

from runner import events as e
from tests.project import Project

CODE = """
queue_id: twin
global_timeout: 1m
jobs:
  - job_id: flaky
    command: echo "$WORD $RUNNER_ATTEMPT" >> seen; [ $RUNNER_ATTEMPT = 3 ]
    env: {WORD: hello}
    retry: {max_attempts: 3, backoff: fixed, delay: 100ms}
    result_paths: [seen]
  - job_id: never
    command: exit 7
    depends_on: [flaky]
    retry: {max_attempts: 3, backoff: fixed, delay: 100ms, dont_retry_on_codes: [7]}
"""
DOCUMENTED = """
queue_id: twin
timeout: 1m
jobs:
  - job_id: flaky
    command: echo "$WORD $RUNNER_ATTEMPT" >> seen; [ $RUNNER_ATTEMPT = 3 ]
    environment: {WORD: hello}
    retry_count: 2
    retry_strategy: fixed
    retry_delay: 100ms
    result_files: [seen]
  - job_id: never
    command: exit 7
    depends_on: [flaky]
"""


def timeless(event: e.Event) -> e.Event:
    """The event without what differs from run to run."""
    made = replace(event, at=0.0)
    match made:
        case e.RunStarted():
            return replace(made, checkout="", pid=0, digest="")
        case e.AttemptStarted():
            return replace(made, handle="")
        case e.AttemptRunning():
            return replace(made, pid=0, process_started=0)
        case e.AttemptFinished():
            return replace(made, seconds=0.0, cpu_seconds=0.0, max_rss=0)
    return made


def test_the_codes_dialect_runs_as_its_twin(project: Project) -> None:
    logs = []
    for folder, text in (("code", CODE), ("documented", DOCUMENTED)):
        twin = Project(project.folder / folder)
        twin.folder.mkdir()
        assert twin.go(text).returncode == 1
        assert twin.log("never") == ""
        logs.append([timeless(event) for event in twin.events()])
        assert (twin.folder / "seen").read_text() == "hello 1\nhello 2\nhello 3\n"
    assert logs[0] == logs[1]
    waits = [event.delay for event in logs[0] if isinstance(event, e.JobRetrying)]
    assert waits == [0.1, 0.1]
